"""Uploads are checked before they cost memory; pictures come and go whole, reduced where asked."""

from __future__ import annotations

import contextlib
import hashlib
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from duostyle.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from duostyle.imaging import decode as images
from duostyle.imaging.decode import FORMATS, sniff
from duostyle.picture import StoredImage
from tests.support.picture_files import BLUE, GREEN, RED, check, near, pixel, png, saved


@pytest.mark.parametrize("name", FORMATS)
def test_check_tells_format_size_and_id(name: str) -> None:
    data = saved(Image.new("RGB", (12, 7), RED), name)
    checked = check(data)
    assert checked == StoredImage("sha256:" + hashlib.sha256(data).hexdigest(), 12, 7, name, len(data))


def test_check_refuses_too_many_bytes_before_anything_else() -> None:
    with pytest.raises(ImageTooLarge) as raised:
        check(b"x" * 1001, max_bytes=1000)
    assert (raised.value.limit, raised.value.got) == (1000, 1001)


def test_check_refuses_too_many_pixels_from_the_header_alone() -> None:
    # The pixels do not exist at all: a decoder would fail, the cap comes first.
    data = png(9_000, 9_000, 8, 2, b"")
    with pytest.raises(ImageTooLarge) as raised:
        check(data, max_pixels=50_000_000)
    assert raised.value.got == "9000x9000"


def test_a_claim_that_the_bytes_cannot_hold_is_damage() -> None:
    with pytest.raises(CorruptImage):
        check(png(13_300, 13_300, 8, 2, b""), max_pixels=250_000_000)


def test_the_pixel_cap_is_inclusive() -> None:
    data = saved(Image.new("L", (10, 10)))
    assert check(data, max_pixels=100).width == 10
    with pytest.raises(ImageTooLarge):
        check(data, max_pixels=99)


def test_check_refuses_a_side_that_no_jpeg_can_hold() -> None:
    with pytest.raises(ImageTooLarge):
        check(saved(Image.new("1", (images.MAX_SIDE_PX + 1, 1))))


def test_check_refuses_a_giant_tile_in_a_small_tiff() -> None:
    entries = [(256, 8), (257, 8), (258, 8), (259, 8), (262, 1), (277, 1), (322, 40_000), (323, 40_000), (324, 8)]
    body = struct.pack("<H", len(entries))
    for tag, value in entries:
        body += struct.pack("<HHII", tag, 4, 1, value)
    data = b"II*\x00" + struct.pack("<I", 8) + body + struct.pack("<I", 0)
    with pytest.raises(ImageTooLarge, match="tile"):
        check(data)


@pytest.mark.parametrize("name", FORMATS)
def test_truncated_pictures_are_corrupt(name: str) -> None:
    noise = Image.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    data = saved(noise, name)
    for cut in (len(data) // 2, 20):
        with pytest.raises(CorruptImage):
            check(data[:cut])
        with pytest.raises(CorruptImage):
            images.decode(data[:cut])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_bytes_raise_only_our_errors(name: str, data: st.DataObject) -> None:
    whole = bytearray(saved(Image.new("RGB", (16, 16), RED), name))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    for function in (check, images.decode):
        with contextlib.suppress(CorruptImage, UnsupportedFormat, ImageTooLarge):
            function(bytes(whole))


@pytest.mark.parametrize("name", ["webp", "gif", "tiff", *(["avif"] if "avif" in FORMATS else [])])
def test_the_first_of_several_frames_counts(name: str) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE))
    data = saved(first, name, save_all=True, append_images=[second])
    assert check(data).format == name
    assert near(pixel(images.decode(data), 8, 8), RED, 6)


def test_decode_reduces_to_the_longest_side_and_never_enlarges() -> None:
    data = saved(Image.new("RGB", (40, 20), GREEN))
    reduced = images.decode(data, max_px=10)
    assert (reduced.width, reduced.height, pixel(reduced, 5, 2)) == (10, 5, GREEN)
    assert images.decode(data, max_px=400).width == 40


def test_decode_reduces_by_averaging() -> None:
    image = Image.new("L", (64, 64))
    image.putdata([255 * ((x + y) % 2) for y in range(64) for x in range(64)])
    picture = images.decode(saved(image), max_px=8)
    assert all(near(pixel(picture, x, y), (127, 127, 127), 2) for x in range(8) for y in range(8))


@pytest.mark.parametrize("size", [(1000, 8), (8, 1000), (513, 511)])
def test_a_reduced_jpeg_has_the_size_that_any_format_would_have(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, RED)
    jpeg, lossless = (images.decode(saved(image, name), max_px=100) for name in ("JPEG", "PNG"))
    assert (jpeg.width, jpeg.height) == (lossless.width, lossless.height)
    assert max(jpeg.width, jpeg.height) == 100
    assert near(pixel(jpeg, 0, 0), RED, 3)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_known_by_its_bytes(name: str) -> None:
    assert sniff(saved(Image.new("RGB", (8, 8)), name)) == name


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
        b"BMW is a car, not a bitmap",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    ],
)
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        check(data)
    with pytest.raises(UnsupportedFormat):
        images.decode(data)


def test_the_formats_are_these_and_no_others() -> None:
    assert FORMATS[:8] == ("jpeg", "png", "webp", "gif", "tiff", "bmp", "heic", "heif")
    assert FORMATS[8:] == (("avif",) if features.check("avif") else ())


@pytest.mark.parametrize(
    ("data", "name", "advice"),
    [
        (b"\xff\x0a" + bytes(10), "JPEG XL", "save the picture as JPEG or PNG"),
        (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "JPEG XL", "save the picture as JPEG or PNG"),
        (b"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a", "JPEG 2000", "save the picture as JPEG or PNG"),
        (b"8BPS\x00\x01", "Photoshop", "export the picture as JPEG or PNG"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "export the drawing as PNG"),
        (b"%PDF-1.7", "PDF", "export the page as PNG"),
        (b"P6\n1 1\n255\nabc", "Netpbm", "save the picture as JPEG or PNG"),
        (b"\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00qt  qt  ", "video", "save one of its pictures as JPEG"),
    ],
)
def test_formats_that_stay_out_are_named_with_what_to_do(data: bytes, name: str, advice: str) -> None:
    with pytest.raises(UnsupportedFormat) as raised:
        check(data)
    assert raised.value.message == f"{name} files are not supported; {advice}"
    assert (raised.value.got, raised.value.limit) == (name, list(FORMATS))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_what_has_too_many_pixels_is_not_decoded_first(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.new("RGB", (64, 64), RED), format)
    assert images.check(data, max_bytes=2**20, max_pixels=64 * 64).width == 64

    loads: list[Image.Image] = []

    def load(image: Image.Image) -> None:
        loads.append(image)

    for kind in (Image.Image, ImageFile.ImageFile):
        monkeypatch.setattr(kind, "load", load)
    with pytest.raises(ImageTooLarge):
        images.check(data, max_bytes=2**20, max_pixels=64 * 64 - 1)
    assert loads == []
