"""Helper threads that keep blocking work off the event loop; in priority they are above the engine and below the loop.

Frames have a thread of their own, so that a large upload never holds one up.
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
    """Two helper threads for anything that blocks and one for frames. All methods are called on the loop."""

    def __init__(self) -> None:
        self._helpers = quiet_pool(_HELPERS, "duostyle-helper")
        self._frames = quiet_pool(1, "duostyle-frames")

    async def offload(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function on one of the helper threads. Raises what it raises."""
        return await asyncio.wrap_future(self._helpers.submit(function, *args, **kwargs))

    async def encode_jpeg(self, picture: Picture, max_px: int, quality: int) -> bytes:
        """`picture` as a JPEG whose longest side is at most `max_px`, made on the thread of the frames."""
        work = self._frames.submit(encode, picture, "jpeg", quality=quality, max_px=max_px)
        return await asyncio.wrap_future(work)

    def close(self) -> None:
        """Take no more work and drop what has not begun; waits for nothing."""
        for pool in (self._helpers, self._frames):
            pool.shutdown(wait=False, cancel_futures=True)
