"""What browsers forgive is forgiven: files cut off near their end or with more behind, wrong checksums, long text."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from duostyle.errors import CorruptImage, ImageTooLarge
from duostyle.imaging import decode as images
from tests.support.picture_files import GREEN, check, near, pixel, png, png_chunk, saved

# 640 rows, none like another.
NOISE = Image.frombytes("RGB", (40, 640), random.Random(7).randbytes(40 * 640 * 3))
JPEGS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": "4:4:4"},
    "4:2:0": {"subsampling": "4:2:0"},
    "with restart markers": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("cut", [1, 2, 3, 20])
def test_a_jpeg_without_its_last_bytes_is_taken(name: str, mode: str, cut: int) -> None:
    data = saved(NOISE.convert(mode), "JPEG", **JPEGS[name])
    assert check(data[:-cut]).height == 640
    whole, cut_off = images.decode(data), images.decode(data[:-cut])
    # All rows but those of the last blocks are as they were: 20 bytes are less than two rows of blocks.
    if name != "progressive":
        assert cut_off.rgb[: 600 * 40 * 3] == whole.rgb[: 600 * 40 * 3]
    if cut <= 2:
        assert cut_off == whole


@pytest.mark.parametrize("name", ["4:4:4", "4:2:0", "with restart markers", "optimised"])
def test_a_jpeg_is_taken_from_95_percent_of_its_rows_on(name: str) -> None:
    data = saved(NOISE, "JPEG", **JPEGS[name])
    # Rows of noise are equally long in the file, but for the headers.
    start = data.index(b"\xff\xda")
    assert check(data[: start + round((len(data) - start) * 0.97)]).height == 640
    for share in (0.93, 0.5, 0.1):
        with pytest.raises(CorruptImage, match="missing"):
            check(data[: start + round((len(data) - start) * share)])


def test_a_progressive_jpeg_without_all_of_its_scans_is_corrupt() -> None:
    data = saved(NOISE, "JPEG", progressive=True)
    for end in (len(data) // 2, data.index(b"\xff\xda") + 100):
        with pytest.raises(CorruptImage, match="missing"):
            check(data[:end])


def test_a_jpeg_that_was_cut_off_is_measured_only_below_the_cap() -> None:
    with pytest.raises(ImageTooLarge):
        check(saved(NOISE, "JPEG")[:-2], max_pixels=1000)


def test_a_motion_photo_is_its_picture() -> None:
    # The video happens to have what looks like the start of a scan 1000 times, and another picture's end.
    video = b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda\x00\x08" * 1000 + b"\xff\xd9" + bytes(1000)
    data = saved(Image.new("RGB", (16, 16), GREEN), "JPEG", quality=95)
    assert check(data + video).width == 16
    assert images.decode(data + video) == images.decode(data)


def test_scans_of_a_thumbnail_do_not_count() -> None:
    data = saved(Image.new("RGB", (16, 16), GREEN), "JPEG")
    thumbnail = b"Exif\0\0" + b"\xff\xda\x00\x08" * 1000
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert check(data[:2] + segment + data[2:]).width == 16


def test_a_jpeg_of_a_million_segments_is_refused() -> None:
    with pytest.raises(CorruptImage, match="segments"):
        check(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 200_000)


@pytest.mark.timeout(20)
def test_fill_bytes_without_end_are_read_once() -> None:
    with pytest.raises(CorruptImage):
        check(b"\xff\xd8" + b"\xff" * 10**7, max_bytes=10**8)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_png_with_much_xmp_is_taken_without_it(zipped: bool) -> None:
    chunks = PngImagePlugin.PngInfo()
    packet = random.Random(1).randbytes(2**20 if not zipped else 2**18).hex()
    chunks.add_itxt("XML:com.adobe.xmp", packet, zip=zipped)
    data = saved(Image.new("RGB", (4, 4), GREEN), pnginfo=chunks)
    assert check(data, max_bytes=2**22).width == 4
    assert pixel(images.decode(data), 1, 1) == GREEN


@pytest.mark.parametrize("kind", ["zTXt", "iTXt"])
def test_a_text_bomb_is_refused(kind: str) -> None:
    packed = zlib.compress(bytes(2**24))
    body = b"k\0\0" + packed if kind == "zTXt" else b"k\0\1\0\0\0" + packed
    data = png(1, 1, 8, 0, b"\0\0", png_chunk(kind.encode(), body))
    for function in (check, images.decode):
        with pytest.raises(CorruptImage, match="text"):
            function(data)


def test_many_small_text_bombs_are_one() -> None:
    packed = zlib.compress(bytes(2**20 - 1))
    data = png(1, 1, 8, 0, b"\0\0", png_chunk(b"zTXt", b"k\0\0" + packed) * 20)
    with pytest.raises(CorruptImage, match="text"):
        check(data)


def test_a_profile_bomb_is_refused() -> None:
    body = b"p\0\0" + zlib.compress(bytes(2**24))
    with pytest.raises(CorruptImage, match="profile"):
        images.decode(png(1, 1, 8, 0, b"\0\0", png_chunk(b"iCCP", body)))


def test_a_png_of_very_many_chunks_is_refused() -> None:
    with pytest.raises(CorruptImage, match="chunks"):
        check(png(1, 1, 8, 0, b"\0\0", png_chunk(b"tEXt", b"") * 100_001), max_bytes=2**22)


@pytest.mark.parametrize("kind", [b"tEXt", b"gAMA", b"iCCP", b"tRNS", b"tIME", b"eXIf", b"vpAg"])
def test_an_ancillary_chunk_with_a_wrong_checksum_counts_as_absent(kind: bytes) -> None:
    chunk = png_chunk(kind, bytes((0, 1, 0x86, 0xA0)))
    data = png(1, 1, 8, 0, b"\0\x01", chunk[:-1] + bytes([chunk[-1] ^ 1]))
    assert check(data).width == 1
    assert pixel(images.decode(data), 0, 0) == (1, 1, 1)


def test_a_critical_chunk_with_a_wrong_checksum_is_damage() -> None:
    data = bytearray(png(1, 1, 8, 0, b"\0\x01"))
    data[32] ^= 1
    with pytest.raises(CorruptImage):
        check(bytes(data))


@pytest.mark.parametrize("cut", [1, 4, 12, 14, 20])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA"])
def test_a_png_without_its_last_bytes_is_taken(mode: str, cut: int) -> None:
    data = saved(NOISE.convert(mode))
    assert check(data[:-cut]).height == 640
    whole, cut_off = images.decode(data), images.decode(data[:-cut])
    assert cut_off.rgb[: 608 * 40 * 3] == whole.rgb[: 608 * 40 * 3]
    if cut <= 16:
        assert cut_off == whole


def test_a_png_is_taken_from_95_percent_of_its_rows_on() -> None:
    data = saved(NOISE)
    picture = images.decode(data[: round(len(data) * 0.97)])
    # The last row that is there stands for those that are missing.
    assert pixel(picture, 5, 639) == pixel(picture, 5, 638)
    for share in (0.93, 0.5):
        with pytest.raises(CorruptImage, match="missing"):
            check(data[: round(len(data) * share)])


def test_an_interlaced_png_without_its_end_is_taken_when_all_pixels_are_there() -> None:
    # One pixel is in the first pass alone; two by two are in passes 1, 6 (one row of one) and 7 (a row of two).
    data = png(2, 2, 8, 0, b"\0\x0a\0\x14\0\x1e\x28")
    header = bytearray(data[16:29])
    header[12] = 1
    data = data[:8] + png_chunk(b"IHDR", bytes(header)) + data[33:]
    for end in (len(data), -1, -12, -14):
        picture = images.decode(data[:end])
        assert [pixel(picture, x, y)[0] for y in range(2) for x in range(2)] == [10, 20, 30, 40]
    with pytest.raises(CorruptImage):
        images.decode(data[:-26])


def test_a_jpeg_cut_off_is_near_what_it_was() -> None:
    data = saved(Image.new("RGB", (64, 64), GREEN), "JPEG", quality=95)
    assert near(pixel(images.decode(data[:-2]), 63, 63), GREEN, 4)
