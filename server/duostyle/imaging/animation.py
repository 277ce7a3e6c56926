"""Recorded frames to one animation: animated WebP with Pillow, MP4 with PyAV where it is installed. Blocks.

All frames get the size of the last one; those of coarse levels are enlarged to it. Only one frame is decoded at a time.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from PIL import Image

AnimationFormat = Literal["webp", "mp4"]
ANIMATION_FORMATS: tuple[AnimationFormat, ...] = ("webp", "mp4")
FRAMES_PER_S = 12
# The finished picture is shown for a while before the animation starts over.
_LAST_S = 2.0
_WEBP_QUALITY, _WEBP_METHOD = 75, 2
_CRF = 20


def has_mp4() -> bool:
    """Whether MP4 can be made here: PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def webp(frames: Sequence[bytes]) -> bytes:
    """One or more JPEGs as an animated WebP that loops."""
    picture = _ManyFrames(frames)
    out = io.BytesIO()
    each_ms, last_ms = round(1000 / FRAMES_PER_S), round(1000 * _LAST_S)
    durations = [each_ms] * (len(frames) - 1) + [last_ms]
    options: dict[str, Any] = {"save_all": True, "duration": durations, "loop": 0}
    picture.save(out, "webp", quality=_WEBP_QUALITY, method=_WEBP_METHOD, **options)
    return out.getvalue()


def mp4(frames: Sequence[bytes]) -> bytes:
    """One or more JPEGs as H.264 that every browser plays; sides are made even. Raises ImportError without PyAV."""
    import av

    pictures = _pictures(frames)
    first = next(pictures)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_S, options={"crf": str(_CRF), "preset": "veryfast"})
        stream.width, stream.height = (max(2, side + side % 2) for side in first.size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(_held([first], pictures)):
            if picture.size != (stream.width, stream.height):
                picture = picture.resize((stream.width, stream.height), Image.Resampling.LANCZOS)
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _pictures(frames: Sequence[bytes]) -> Iterator[Image.Image]:
    size = _decoded(frames[-1]).size
    for data in frames:
        yield _fitted(_decoded(data), size)


def _held(*parts: Any) -> Iterator[Image.Image]:
    """All pictures, the last one again and again for as long as it is held."""
    last = None
    for part in parts:
        for last in part:
            yield last
    for _ in range(round(FRAMES_PER_S * _LAST_S) - 1):
        if last is not None:
            yield last


def _decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["jpeg"]).convert("RGB")


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


class _ManyFrames(Image.Image):
    """All frames as one picture with many frames, as Pillow's writers expect it; holds one of them at a time."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        super().__init__()
        self._frames = frames
        self._fitted_size = _decoded(frames[-1]).size
        self._at = -1
        self.n_frames = len(frames)
        self.is_animated = len(frames) > 1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame != self._at:
            shown = _fitted(_decoded(self._frames[frame]), self._fitted_size)
            self._mode, self._size, self.im, self._at = shown.mode, shown.size, shown.im, frame

    def tell(self) -> int:
        return self._at
