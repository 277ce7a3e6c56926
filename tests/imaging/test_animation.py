"""Animations have all frames, all of one size, and play at the promised speed; read back with the same libraries."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from duostyle.imaging import animation

GREYS = (40, 120, 200)


def jpeg(grey: int, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(out, "jpeg", quality=90)
    return out.getvalue()


def frames() -> list[bytes]:
    """The first as small as one of a coarse level; odd sides."""
    return [jpeg(GREYS[0], (11, 8)), jpeg(GREYS[1], (33, 25)), jpeg(GREYS[2], (33, 25))]


def test_webp_has_every_frame_at_the_last_ones_size() -> None:
    made = Image.open(io.BytesIO(animation.webp(frames())), formats=["webp"])
    assert (made.size, made.n_frames, made.info["loop"]) == ((33, 25), 3, 0)  # type: ignore[attr-defined]
    durations = []
    for number, grey in enumerate(GREYS):
        made.seek(number)
        shown = made.convert("L")
        durations.append(made.info["duration"])
        low, high = shown.getextrema()
        assert isinstance(low, (int, float))
        assert isinstance(high, (int, float))
        assert abs(low - grey) <= 4
        assert abs(high - grey) <= 4
    assert durations == [83, 83, 2000]


def test_one_frame_is_an_animation_too() -> None:
    made = Image.open(io.BytesIO(animation.webp(frames()[2:])), formats=["webp"])
    assert made.size == (33, 25)


def test_mp4_has_even_sides_and_holds_the_last_frame() -> None:
    av = pytest.importorskip("av")
    with av.open(io.BytesIO(animation.mp4(frames()))) as made:
        stream = made.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 34, 26)
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == animation.FRAMES_PER_S
        greys = [picture.to_image().convert("L").getpixel((16, 12)) for picture in made.decode(video=0)]
    assert len(greys) == 2 + 24
    assert all(abs(grey - wanted) <= 6 for grey, wanted in zip(greys, [*GREYS, *[GREYS[2]] * 23], strict=True))


def test_mp4_is_offered_where_its_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not animation.has_mp4()
