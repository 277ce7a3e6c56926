"""Encoded pictures decode to what they were, reduced where asked, without anything that was not meant to be in them."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from PIL import Image

from duostyle.imaging.decode import decode
from duostyle.imaging.encode import Format, encode
from duostyle.picture import Picture
from tests.support.picture_files import check, near, pixel, saved


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_lossless_formats_come_back_as_they_were(format: Format) -> None:
    picture = Picture(5, 3, random.Random(2).randbytes(45))
    assert decode(encode(picture, format)) == picture


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lossy_formats_come_back_nearly(format: Format) -> None:
    picture = Picture(32, 16, bytes((200, 30, 90)) * 512)
    back = decode(encode(picture, format, quality=95))
    assert (back.width, back.height) == (32, 16)
    assert near(pixel(back, 16, 8), (200, 30, 90), 6)


def test_encode_reduces_and_quality_counts() -> None:
    picture = Picture(64, 32, random.Random(3).randbytes(64 * 32 * 3))
    assert check(encode(picture, "jpeg", max_px=16)).width == 16
    assert len(encode(picture, "jpeg", quality=20)) < len(encode(picture, "jpeg", quality=95))


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    data = saved(Image.new("RGB", (8, 8)), "JPEG", exif=exif, comment=b"secret place")
    assert b"secret" in data
    for format in get_args(Format):
        assert b"secret" not in encode(decode(data), format)
