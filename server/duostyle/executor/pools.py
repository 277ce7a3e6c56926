"""Helper threads that keep blocking work off the event loop; in priority they are above the engine and below the loop.

Previews have a thread of their own, so that a large upload never holds up a live frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from duostyle.imaging.encode import encode
from duostyle.picture import Picture
from duostyle.threads import quiet_pool

_HELPERS = 2

P = ParamSpec("P")
T = TypeVar("T")


class HelperPools:
    """Two helper threads for anything that blocks and one for previews. All methods are called on the loop."""

    def __init__(self) -> None:
        self._helpers = quiet_pool(_HELPERS, "duostyle-helper")
        self._preview = quiet_pool(1, "duostyle-preview")

    async def offload(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function on one of the helper threads. Raises what it raises."""
        return await asyncio.wrap_future(self._helpers.submit(function, *args, **kwargs))

    async def encode_preview(self, picture: Picture, max_px: int, quality: int) -> bytes:
        """`picture` as a JPEG whose longest side is at most `max_px`, made on the preview thread."""
        work = self._preview.submit(encode, picture, "jpeg", quality=quality, max_px=max_px)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Take no more work and drop what has not begun; waits for nothing."""
        for pool in (self._helpers, self._preview):
            pool.shutdown(wait=False, cancel_futures=True)
