"""What schemathesis loads beside itself: pictures, mostly real ones, where it would send random bytes.

It registers them when it is imported, as schemathesis wants it; nothing else imports it.
"""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from tests.support.fake_engine import image_bytes

_COLOUR = st.tuples(*[st.integers(0, 255)] * 3)
_PICTURE = st.builds(image_bytes, _COLOUR, st.tuples(st.integers(1, 40), st.integers(1, 40)))
# one in ten is no picture
_BYTES = st.integers(0, 9).flatmap(lambda n: st.binary(max_size=200) if n == 9 else _PICTURE)

schemathesis.openapi.media_type("image/*", _BYTES, aliases=["application/octet-stream"])
