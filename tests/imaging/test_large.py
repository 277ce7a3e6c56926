"""Large pictures are reduced while they are decoded, within 1 GB, measured in a process of their own."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, features

from duostyle.errors import CorruptImage, ImageTooLarge
from duostyle.imaging import decode as images
from tests.support.picture_files import heif, near, pixel, png, png_chunk, saved

MAX_PIXELS = 250_000_000
SIDE_PX = 15_800
CORPUS = Path(__file__).resolve().parents[1] / "support" / "corpus" / "pictures"
AVIF = bool(features.check("avif"))
_PEAK = """
import re, sys
from duostyle.imaging.decode import check, decode
data = open(sys.argv[1], "rb").read()
notes = check(data, max_bytes=2**30, max_pixels=250_000_000).notes
picture = decode(data)
# ru_maxrss would begin with what the process that started this one has
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1))
print(peak // 1024, picture.width, picture.height, notes)
"""


def large_png(side: int) -> bytes:
    """RGB, put together row by row: each row is as the one before, but the first is a ramp."""
    ramp = bytes(x * 255 // side for x in range(side) for _ in range(3))
    packer = zlib.compressobj(1)
    rows = [packer.compress(b"\0" + ramp)]
    same = b"\2" + bytes(3 * side)
    rows += [packer.compress(same) for _ in range(side - 1)]
    body = b"".join(rows) + packer.flush()
    whole = png(side, side, 8, 2, b"")
    start, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    return whole[:start] + chunk + whole[end:]


def large_jpeg(width: int, height: int) -> bytes:
    """A band of 1 by 16 blocks again and again: a JPEG's rows of blocks may be copied between restart markers."""
    band = saved(Image.linear_gradient("L").resize((width, 16)), "JPEG", quality=90, restart_marker_rows=1)
    scan = band.index(b"\xff\xda")
    scan += 2 + int.from_bytes(band[scan + 2 : scan + 4], "big")
    first, _, second = band[scan:-2].partition(b"\xff\xd0")
    assert second
    rows = [(first, second)[row % 2] + bytes((0xFF, 0xD0 + row % 8)) for row in range(-(-height // 8))]
    head = bytearray(band[:scan])
    struct.pack_into(">H", head, head.index(b"\xff\xc0") + 5, height)
    return bytes(head) + b"".join(rows)[:-2] + b"\xff\xd9"


def large_tiff(side: int) -> bytes:
    """Grey in one strip, compressed: read whole it would be as large as the picture."""
    return saved(Image.new("L", (side, side), 90), "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: side})


def interlaced_png(side: int) -> bytes:
    """16-bit RGB, black all over, which is its transparent colour: all of it is decoded twice."""
    packer = zlib.compressobj(1)
    rows = []
    for left, top, across, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)):
        row = bytes(1 + 6 * len(range(left, side, across)))
        rows += [packer.compress(row) for _ in range(top, side, down)]
    rows += [packer.compress(bytes(1 + 6 * side)) for _ in range(1, side, 2)]
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 1)) + png_chunk(b"tRNS", bytes(6))
    body = png_chunk(b"IDAT", b"".join(rows) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + body + png_chunk(b"IEND", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_what_is_decoded_whole_takes_less_than_a_gigabyte_at_its_limit(tmp_path: Path) -> None:
    side = 4000
    path = tmp_path / "picture"
    path.write_bytes(interlaced_png(side))
    done = subprocess.run([sys.executable, "-c", _PEAK, path], check=True, capture_output=True, text=True, timeout=100)
    # as much for each of the 62.5 million pixels that may be held, and 100 MB for Python and its libraries
    bytes_of_a_pixel = (int(done.stdout.split(" ")[0]) * 2**20 - 50e6) / side**2
    assert bytes_of_a_pixel * 62.5e6 + 100e6 < 2**30


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("format", ["png", "jpeg", "tiff"])
def test_two_hundred_and_fifty_megapixels_within_a_gigabyte(format: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    made = {"png": large_png, "jpeg": lambda side: large_jpeg(side, side), "tiff": large_tiff}[format]
    path.write_bytes(made(SIDE_PX))
    done = subprocess.run([sys.executable, "-c", _PEAK, path], check=True, capture_output=True, text=True, timeout=100)
    peak, width, height, notes = done.stdout.strip().split(" ", 3)
    assert int(peak) < 1024
    assert width == height
    assert 7000 < int(width) < 8200
    assert notes == "('reduced from 250 Mpx (15800 x 15800)',)"


def test_sixty_megapixels_become_the_largest_painting() -> None:
    data = large_jpeg(9504, 6336)
    assert images.check(data, max_bytes=2**30, max_pixels=MAX_PIXELS).notes == ("reduced from 60 Mpx (9504 x 6336)",)
    picture = images.decode(data, max_px=512)
    assert (picture.width, picture.height) == (512, 341)
    # every 16 rows are a ramp from black to white
    assert near(pixel(picture, 256, 100), pixel(picture, 20, 300), 3)


def test_a_refusal_names_limit_what_came_and_the_option() -> None:
    data = bytearray(saved(Image.new("RGB", (16, 16)), "JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 12_240, 16_320)
    with pytest.raises(ImageTooLarge, match="raise max_pixels") as raised:
        images.check(bytes(data), max_bytes=2**30, max_pixels=10**8)
    assert (raised.value.limit, raised.value.got, raised.value.reached) == (10**8, "16320x12240", "max_pixels")


@pytest.mark.parametrize("max_pixels", [MAX_PIXELS, 2 * MAX_PIXELS])
def test_what_cannot_be_reduced_meanwhile_has_a_lower_limit(max_pixels: int) -> None:
    data = bytearray(saved(Image.new("L", (16, 16)), "GIF"))
    struct.pack_into("<HH", data, 6, 15_000, 15_000)
    with pytest.raises(ImageTooLarge, match=r"cannot be reduced while it is decoded.*raise max_pixels") as raised:
        images.check(bytes(data), max_bytes=2**30, max_pixels=max_pixels)
    assert (raised.value.limit, raised.value.got) == (max_pixels // 4, "15000x15000")
    assert raised.value.reached == "max_pixels"
    # what the message says would do, and no less: then only the pixels are missing
    enough = int(raised.value.message.rpartition(" ")[2])
    with pytest.raises(ImageTooLarge):
        images.check(bytes(data), max_bytes=2**30, max_pixels=enough - 1)
    with pytest.raises(CorruptImage):
        images.check(bytes(data[:13]), max_bytes=2**30, max_pixels=enough)


def as_if(picture: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIF with another size in its container, so that its pixels cannot be decoded."""
    data = bytearray(picture)
    place = data.find(b"ispe")
    while place >= 0:
        struct.pack_into(">II", data, place + 8, width, height)
        place = data.find(b"ispe", place + 1)
    return bytes(data)


# 12 bytes a pixel, 20 where samples of two bytes and alpha come together, within 3 bytes for each of 250 million.
@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("deep-alpha.heic", 37_500_000),
        *([("deep-alpha.avif", 37_500_000), ("still.avif", 62_500_000)] * AVIF),
    ],
)
def test_deep_pictures_with_alpha_have_a_limit_of_their_own(name: str, limit: int) -> None:
    with pytest.raises(ImageTooLarge) as raised:
        images.check(as_if((CORPUS / name).read_bytes(), 8000, 8000), max_bytes=2**30, max_pixels=MAX_PIXELS)
    assert (raised.value.limit, raised.value.got) == (limit, "8000x8000")


@pytest.mark.parametrize("depth", [8, 10])
def test_deep_pictures_without_alpha_have_the_limit_of_others(depth: int) -> None:
    data = as_if(heif(Image.new("RGB", (64, 64)), depth=depth), 8000, 8000)
    with pytest.raises(ImageTooLarge) as raised:
        images.check(data, max_bytes=2**30, max_pixels=MAX_PIXELS)
    assert raised.value.limit == 62_500_000


def test_what_the_corpus_has_of_deep_pictures_is_decoded() -> None:
    for name in ("deep-alpha.heic", *(["deep-alpha.avif"] * AVIF)):
        data = (CORPUS / name).read_bytes()
        assert images.check(data, max_bytes=2**30, max_pixels=MAX_PIXELS).notes == (
            "transparent parts are laid on white, unless transparency is kept",
        )
