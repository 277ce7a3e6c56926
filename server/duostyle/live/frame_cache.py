"""Pictures as encoded frames, each encoded once for all watchers that want it in the same size and quality."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from duostyle.live.subscription import Topic
from duostyle.metrics import Metrics
from duostyle.picture import Picture, fit
from duostyle.protocol.frames import FrameHeader, FrameOptions, encode_frame

# Watchers may ask for any size and quality; frames are encoded for the next class below, so that many share one.
_SIZES_PX = tuple(side * 2**octave for octave in range(10) for side in (16, 20, 24, 28))
_QUALITY_STEP = 5

Encode = Callable[[Picture, int, int], Awaitable[bytes]]


class FrameCache:
    """Encodes a topic's newest picture once per frame class; `encode(picture, max_px, quality)` makes a JPEG."""

    def __init__(self, encode: Encode, metrics: Metrics) -> None:
        self._encode = encode
        self._metrics = metrics

    async def get(self, topic: Topic, frames: FrameOptions) -> bytes | None:
        """The topic's newest picture for a watcher; None when there is none or it cannot be encoded."""
        if topic.picture is None:
            return None
        wanted = frame_class(frames, max(topic.picture.width, topic.picture.height))
        task = topic.encoded.get(wanted)
        if task is None:
            width, height = fit(topic.picture.width, topic.picture.height, wanted[0])
            header = FrameHeader(topic.job, topic.seq, topic.step, width, height, final=topic.final)
            task = topic.encoded[wanted] = asyncio.create_task(self._encoded(header, topic.picture, *wanted))
        return await asyncio.shield(task)

    async def _encoded(self, header: FrameHeader, picture: Picture, max_px: int, quality: int) -> bytes | None:
        try:
            image = await self._encode(picture, max_px, quality)
        except (OSError, ValueError, RuntimeError):
            # a frame that cannot be encoded is skipped: the painting itself goes on
            return None
        self._metrics.frames_encoded.inc()
        return encode_frame(header, image)


def frame_class(frames: FrameOptions, longest_px: int) -> tuple[int, int]:
    """The size in px and the JPEG quality that a frame is encoded with: at most what was asked for."""
    smaller = max(size for size in _SIZES_PX if size <= frames.max_px)
    max_px = longest_px if frames.max_px >= longest_px else smaller
    return max_px, max(1, frames.quality - frames.quality % _QUALITY_STEP)
