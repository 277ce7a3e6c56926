"""TIFFs of every depth and sample format; what libvips does not read is Pillow's. Nobody writes to standard error."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from duostyle.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from duostyle.imaging import decode as images
from tests.support.picture_files import RED, WHITE, check, near, pixel, saved


def tiff(
    row: bytes,
    *,
    order: str = "<",
    width: int = 2,
    bits: Sequence[int] = (8, 8, 8),
    format: int = 1,
    photometric: int = 2,
    extra: Sequence[int] = (),
    tags: dict[int, int] | None = None,
) -> bytes:
    """One row without compression; `tags` have one number each."""
    arrays = {258: list(bits), 339: [format] * len(bits)} | ({338: list(extra)} if extra else {})
    single = {256: width, 257: 1, 259: 1, 262: photometric, 273: 8, 277: len(bits), 278: 1, 279: len(row)}
    single |= tags or {}
    start = 8 + len(row) + len(row) % 2
    after = start + 2 + 12 * (len(arrays) + len(single)) + 4
    entries, elsewhere = {}, b""
    for tag, value in single.items():
        entries[tag] = struct.pack(f"{order}HHII", tag, 4, 1, value)
    for tag, values in arrays.items():
        body = struct.pack(f"{order}{len(values)}H", *values)
        if len(body) > 4:
            place = struct.pack(f"{order}I", after + len(elsewhere))
            elsewhere += body
        else:
            place = body.ljust(4, b"\0")
        entries[tag] = struct.pack(f"{order}HHI", tag, 3, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    return head + row + bytes(len(row) % 2) + directory + elsewhere


# Two pixels of three samples: what they are, and as 8 bits.
DEEP_COLOURS: dict[str, tuple[str, int, int, list[Any], list[tuple[int, ...]]]] = {
    "16 bits": ("H", 16, 1, [65535, 0, 2313, 0, 32896, 257], [(255, 0, 9), (0, 128, 1)]),
    "16 bits with sign": ("h", 16, 2, [-300, 0, 300, 300, 300, 300], [(0, 128, 255), WHITE]),
    "8 bits with sign": ("b", 8, 2, [-100, 0, 100, 100, 100, 100], [(0, 128, 255), WHITE]),
    "32 bits": ("I", 32, 1, [2**32 - 1, 0, 2**31, 0, 0, 0], [(255, 0, 128), (0, 0, 0)]),
    "32 bits with sign": ("i", 32, 2, [-50, 0, 50, 50, -50, 50], [(0, 128, 255), (255, 0, 255)]),
    "halves": ("e", 16, 3, [1.0, 0.0, 0.5, 0.25, 0.25, 0.25], [(255, 0, 128), (64, 64, 64)]),
    "floats": ("f", 32, 3, [0.2, 0.4, 0.8, 0.0, 0.0, 1.0], [(51, 102, 204), (0, 0, 255)]),
    "floats beyond 1": ("f", 32, 3, [-2.0, 0.0, 8.0, 8.0, 8.0, 8.0], [(0, 51, 255), WHITE]),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", DEEP_COLOURS)
def test_deep_colours_are_scaled_by_their_own_range(name: str, order: str) -> None:
    kind, bits, format, samples, wanted = DEEP_COLOURS[name]
    row = struct.pack(f"{order}6{kind}", *samples)
    data = tiff(row, order=order, bits=(bits,) * 3, format=format)
    assert check(data).width == 2
    picture = images.decode(data)
    assert [pixel(picture, x, 0) for x in range(2)] == wanted


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [0, 1])
def test_grey_of_few_bits(bits: int, photometric: int) -> None:
    most = (1 << bits) - 1
    packed = (most << 2 * bits | 0 << bits | most) << (8 * -(-3 * bits // 8) - 3 * bits)
    row = packed.to_bytes(-(-3 * bits // 8), "big")
    picture = images.decode(tiff(row, width=3, bits=(bits,), photometric=photometric))
    light, dark = ((0, 0, 0), WHITE) if photometric == 0 else (WHITE, (0, 0, 0))
    assert [pixel(picture, x, 0) for x in range(3)] == [light, dark, light]


def test_twelve_bits() -> None:
    # 4095, 0, 2048, 0
    row = b"\xff\xf0\x00\x80\x00\x00"
    picture = images.decode(tiff(row, width=4, bits=(12,), photometric=1))
    assert [pixel(picture, x, 0) for x in range(4)] == [WHITE, (0, 0, 0), (128, 128, 128), (0, 0, 0)]


@pytest.mark.parametrize(("bits", "format"), [(64, 3), (64, 1), (10, 1)])
def test_depths_that_no_decoder_knows_are_named(bits: int, format: int) -> None:
    with pytest.raises(UnsupportedFormat, match="8, 16 or 32 bits") as raised:
        check(tiff(bytes(16), bits=(bits,), format=format, photometric=1))
    assert raised.value.got == [bits]


def test_alpha_is_straight_or_multiplied_in() -> None:
    # 100 at half alpha over white: straight 100 * 128/255 + 127 = 177; multiplied in 100 + 127 = 227
    for extra, shown in (((2,), 177), ((1,), 227), ((0,), 100)):
        data = tiff(bytes((100, 100, 100, 128) * 2), bits=(8,) * 4, extra=extra)
        assert near(pixel(images.decode(data), 0, 0), (shown,) * 3, 1)
        assert bool(check(data).notes) == (extra != (0,))


def test_alpha_of_deep_samples() -> None:
    row = struct.pack("<8f", 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    picture = images.decode(tiff(row, bits=(32,) * 4, format=3, extra=(2,)))
    assert [pixel(picture, x, 0) for x in range(2)] == [(0, 0, 0), WHITE]


def test_inks_with_alpha() -> None:
    data = tiff(bytes((0, 255, 255, 0, 255, 0, 255, 255, 0, 0)), bits=(8,) * 5, photometric=5, extra=(2,))
    picture = images.decode(data)
    assert [pixel(picture, x, 0) for x in range(2)] == [RED, WHITE]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
def test_luma_and_chroma(compression: str) -> None:
    data = saved(Image.new("RGB", (32, 32), (200, 120, 60)).convert("YCbCr"), "TIFF", compression=compression)
    assert near(pixel(images.decode(data), 9, 9), (200, 120, 60), 3)


@pytest.mark.parametrize("compression", ["zstd", "lzma", "tiff_adobe_deflate", "packbits", "group4"])
def test_compressions(compression: str) -> None:
    image = Image.new("1" if compression == "group4" else "RGB", (40, 30), 0)
    image.paste(255 if compression == "group4" else RED, (20, 0, 40, 30))
    picture = images.decode(saved(image, "TIFF", compression=compression))
    assert pixel(picture, 3, 3) == (0, 0, 0)
    assert pixel(picture, 39, 29) == (WHITE if compression == "group4" else RED)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["raw", "zstd"])
def test_both_decoders_turn_once(orientation: int, compression: str) -> None:
    corner = {1: (0, 0), 2: (48, 0), 3: (48, 16), 4: (0, 16), 5: (0, 0), 6: (0, 16), 7: (48, 16), 8: (48, 0)}
    image = Image.new("RGB", (64, 32), WHITE)
    left, top = corner[orientation]
    image.paste(RED, (left, top, left + 16, top + 16))
    data = saved(image, "TIFF", compression=compression, tiffinfo={274: orientation})
    picture, checked = images.decode(data), check(data)
    assert (picture.width, picture.height) == (checked.width, checked.height)
    assert (picture.width < picture.height) == (orientation > 4)
    assert pixel(picture, 3, 3) == RED
    assert pixel(picture, picture.width - 1, picture.height - 1) == WHITE


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_a_damaged_file_is_one_error_and_nothing_on_standard_error(
    compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = Image.effect_noise((300, 300), 90)
    data = bytearray(saved(noise, "TIFF", compression=compression, strip_size=900))
    # Strips lie between the header and the directory, or behind it.
    for at in range(2000, len(data) - 2000, 97):
        data[at] ^= 0xFF
    damaged = bytes(data[: len(data) // 2] if compression == "raw" else data)
    with contextlib.suppress(CorruptImage):
        images.decode(damaged)
    assert capfd.readouterr() == ("", "")


def test_the_reason_is_told() -> None:
    data = tiff(bytes(6), tags={279: 600, 273: 10_000})
    with pytest.raises(CorruptImage, match=r"cannot be decoded \(.+\)") as raised:
        images.decode(data)
    assert "\n" not in raised.value.message


def test_a_tile_has_the_cap_of_the_picture() -> None:
    data = tiff(bytes(6), tags={322: 65_536, 323: 65_536, 324: 8, 325: 6})
    with pytest.raises(ImageTooLarge, match="tile") as raised:
        check(data)
    assert raised.value.got == 65_536**2
