"""A picture is exactly its pixels."""

from __future__ import annotations

import dataclasses

import pytest

from duostyle.picture import Picture, fit


def test_a_picture_holds_what_it_was_given() -> None:
    picture = Picture(2, 1, b"\x01\x02\x03\x04\x05\x06")
    assert (picture.width, picture.height, picture.rgb[3:]) == (2, 1, b"\x04\x05\x06")
    assert picture == Picture(2, 1, bytes(range(1, 7)))


@pytest.mark.parametrize(
    ("width", "height", "size"), [(2, 1, 5), (2, 1, 7), (0, 1, 0), (1, 0, 0), (-1, -1, 3), (1, 1, 4)]
)
def test_bytes_that_do_not_fit_are_refused(width: int, height: int, size: int) -> None:
    with pytest.raises(ValueError, match="not a"):
        Picture(width, height, bytes(size))


def test_a_picture_may_have_16_bits_too() -> None:
    picture = Picture(1, 1, b"abc", deep=b"AaBbCc")
    assert picture.deep == b"AaBbCc"
    assert picture == Picture(1, 1, b"abc"), "what is shown is the same"
    with pytest.raises(ValueError, match="5 bytes are not a 1x1 RGB picture of 16 bits"):
        Picture(1, 1, b"abc", deep=b"AaBbC")


def test_a_picture_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Picture(1, 1, b"abc").width = 2  # type: ignore[misc]


def test_black_is_every_pixel_black() -> None:
    assert Picture(2, 1, bytes(6)).is_black
    assert not Picture(2, 1, bytes(5) + b"\x01").is_black


@pytest.mark.parametrize(
    ("size", "max_px", "expected"), [((100, 50), 50, (50, 25)), ((100, 50), 100, (100, 50)), ((1, 900), 90, (1, 90))]
)
def test_fit_reduces_the_longest_side_and_never_enlarges(
    size: tuple[int, int], max_px: int, expected: tuple[int, int]
) -> None:
    assert fit(*size, max_px) == expected
