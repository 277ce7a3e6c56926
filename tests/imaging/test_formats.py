"""A format is told from the first bytes, and only these formats are taken."""

from __future__ import annotations

import pytest
from PIL import Image, features

from duostyle.errors import CorruptImage, UnsupportedFormat
from duostyle.imaging import decode as images
from duostyle.imaging import formats
from tests.support.picture_files import check, saved


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_is_known_by_its_bytes(name: str) -> None:
    assert formats.sniff(saved(Image.new("RGB", (8, 8)), name)) == name


def test_check_refuses_a_jpeg_with_a_thousand_scans() -> None:
    data = saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    bomb = data[:start] + data[start:-2] * 200 + data[-2:]
    with pytest.raises(CorruptImage, match="scans"):
        check(bomb)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"RIFF1234",
        saved(Image.new("RGB", (2, 2)), "BMP"),
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    ],
)
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        check(data)
    with pytest.raises(UnsupportedFormat):
        images.decode(data)


def test_the_formats_are_these_and_no_others() -> None:
    assert formats.FORMATS[:5] == ("jpeg", "png", "webp", "gif", "tiff")
    assert formats.FORMATS[5:] == (("avif",) if features.check("avif") else ())
