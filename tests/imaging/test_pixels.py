"""Every kind of pixel becomes the right 8-bit sRGB, upright and over white."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, ImageCms, features

from duostyle.imaging import decode as images
from tests.support.picture_files import BLUE, GREEN, RED, WHITE, check, near, pixel, png, png_chunk, saved

avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


@avif
def test_avif_with_alpha_goes_over_white() -> None:
    image = Image.new("RGBA", (32, 16), (*RED, 255))
    image.paste((0, 0, 0, 0), (16, 0, 32, 16))
    picture = images.decode(saved(image, "AVIF", quality=100, subsampling="4:4:4"))
    assert (picture.width, picture.height) == (32, 16)
    assert near(pixel(picture, 4, 8), RED, 4)
    assert near(pixel(picture, 28, 8), WHITE, 4)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    rows = b"\x00" + struct.pack(">3H", 0, 0x8080, 0xFFFF)
    picture = images.decode(png(3, 1, 16, 0, rows))
    assert [pixel(picture, x, 0) for x in range(3)] == [(0, 0, 0), (128, 128, 128), WHITE]


def test_sixteen_bit_colour() -> None:
    rows = b"\x00" + struct.pack(">6H", 0xFFFF, 0, 0, 0, 0x8080, 0xFFFF)
    picture = images.decode(png(2, 1, 16, 2, rows))
    assert [pixel(picture, x, 0) for x in range(2)] == [RED, (0, 128, 255)]


def tiff_grey(
    values: list[int | float], kind: str, *, bits: int, sample_format: int = 1, photometric: int = 1
) -> bytes:
    """One row of grey as an uncompressed TIFF; `kind` is the byte order and type that `struct` packs."""
    order = kind[0]
    row = struct.pack(f"{order}{len(values)}{kind[1]}", *values)
    fields = [(256, len(values)), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, 1)]
    fields += [(279, len(row)), (339, sample_format)]
    directory = struct.pack(f"{order}H", len(fields))
    for tag, value in fields:
        directory += struct.pack(f"{order}HHII", tag, 4, 1, value)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(row))
    return head + row + directory + bytes(4)


GREYS_IN_TIFF = {
    "16 bits, little-endian": (tiff_grey([0, 0x8080, 0xFFFF], "<H", bits=16), [0, 128, 255]),
    "16 bits, big-endian": (tiff_grey([0, 0x8080, 0xFFFF], ">H", bits=16), [0, 128, 255]),
    "16 bits are not stretched": (tiff_grey([257, 514, 514], ">H", bits=16), [1, 2, 2]),
    "16 bits, white is zero": (tiff_grey([0, 0x8080, 0xFFFF], "<H", bits=16, photometric=0), [255, 127, 0]),
    "16 bits with sign": (tiff_grey([-32768, 0, 32767], ">h", bits=16, sample_format=2), [0, 128, 255]),
    "32 bits": (tiff_grey([0, 2**31, 2**32 - 1], "<I", bits=32), [0, 128, 255]),
    "32 bits with sign": (tiff_grey([-1000, 0, 1000], ">i", bits=32, sample_format=2), [0, 128, 255]),
    "32 bits all the same": (tiff_grey([0, 0], "<I", bits=32), [0, 0]),
    "floats within 0 to 1": (tiff_grey([0.2, 0.4, 0.8], "<f", bits=32, sample_format=3), [51, 102, 204]),
    "floats beyond 1": (tiff_grey([-2.0, 0.0, 8.0], ">f", bits=32, sample_format=3), [0, 51, 255]),
    "what is no number": (
        tiff_grey([float("nan"), 0.2, float("-inf"), float("inf")], "<f", bits=32, sample_format=3),
        [0, 51, 0, 255],
    ),
}


@pytest.mark.parametrize("name", GREYS_IN_TIFF)
def test_deep_grey_is_scaled_by_its_own_range(name: str) -> None:
    data, greys = GREYS_IN_TIFF[name]
    assert check(data).width == len(greys)
    picture = images.decode(data)
    assert [pixel(picture, x, 0) for x in range(len(greys))] == [(grey, grey, grey) for grey in greys]


@pytest.mark.parametrize("compression", ["raw", "tiff_adobe_deflate", "tiff_lzw"])
@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_grey_from_pillow(mode: str, compression: str) -> None:
    image = Image.new(mode, (70, 130), 0)
    image.paste(65535, (35, 0, 70, 130))
    picture = images.decode(saved(image, "TIFF", compression=compression))
    assert (pixel(picture, 0, 129), pixel(picture, 69, 0)) == ((0, 0, 0), WHITE)


def test_alpha_goes_over_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 0))
    picture = images.decode(saved(image))
    assert [pixel(picture, x, 0) for x in range(3)] == [RED, (127, 127, 127), WHITE]


def test_the_alpha_of_a_mask_is_part_of_it() -> None:
    # grey times alpha: white on white, half of it transparent, masks half; 200 at 128 of 255 is 100.4
    image = Image.new("RGBA", (4, 1), (255, 255, 255, 255))
    for x, colour in enumerate([(255, 255, 255, 0), (200, 200, 200, 128), (0, 0, 0, 255)], start=1):
        image.putpixel((x, 0), colour)
    wanted = [WHITE, (0, 0, 0), (100, 100, 100), (0, 0, 0)]
    grey_alpha = image.convert("LA")
    webp = saved(image, "WEBP", lossless=True, exact=True)
    for data in (saved(image), webp, saved(image, "TIFF"), saved(grey_alpha)):
        mask = images.decode_mask(data)
        assert [pixel(mask, x, 0) for x in range(4)] == wanted


def test_a_mask_without_alpha_is_itself() -> None:
    data = saved(Image.new("L", (2, 2), 90))
    assert images.decode_mask(data) == images.decode(data)


def test_grey_alpha_goes_over_white() -> None:
    image = Image.new("LA", (2, 1), (10, 255))
    image.putpixel((1, 0), (10, 0))
    picture = images.decode(saved(image))
    assert [pixel(picture, x, 0) for x in range(2)] == [(10, 10, 10), WHITE]


def test_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*BLUE, *GREEN])
    image.putpixel((1, 0), 1)
    picture = images.decode(saved(image, transparency=1))
    assert [pixel(picture, x, 0) for x in range(2)] == [BLUE, WHITE]


def test_a_transparent_rgb_colour_without_alpha_channel() -> None:
    image = Image.new("RGB", (2, 1), GREEN)
    image.putpixel((1, 0), BLUE)
    picture = images.decode(saved(image, transparency=BLUE))
    assert [pixel(picture, x, 0) for x in range(2)] == [GREEN, WHITE]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("high_bits", [0, 0xFFFF])
def test_a_transparent_grey_at_every_depth(depth: int, high_bits: int) -> None:
    top = (1 << depth) - 1
    # The greys 0, 1 and the two brightest, each packed from the left; 1 is transparent.
    greys = [0, 1, top - 1, top] if depth > 1 else [0, 1, 0, 1]
    packed = sum(grey << depth * (3 - at) for at, grey in enumerate(greys)) << max(0, 8 - 4 * depth)
    row = b"\0" + packed.to_bytes(max(1, depth // 2), "big")
    # Bits above the depth must be ignored.
    key = struct.pack(">H", 1 | (high_bits & ~top))
    picture = images.decode(png(4, 1, depth, 0, row, png_chunk(b"tRNS", key)))
    shown = [255 if grey == 1 else round(grey * 255 / top) for grey in greys]
    assert [pixel(picture, x, 0) for x in range(4)] == [(grey, grey, grey) for grey in shown]


def test_a_transparent_grey_of_a_mask_is_not_masked() -> None:
    mask = images.decode_mask(png(2, 1, 4, 0, b"\0\xf7", png_chunk(b"tRNS", b"\0\x0f")))
    assert [pixel(mask, x, 0) for x in range(2)] == [(0, 0, 0), (119, 119, 119)]


def test_a_transparent_rgb_colour_at_8_bits() -> None:
    row = b"\0" + bytes((10, 20, 30, 10, 20, 31))
    picture = images.decode(png(2, 1, 8, 2, row, png_chunk(b"tRNS", struct.pack(">3H", 10, 20, 30))))
    assert [pixel(picture, x, 0) for x in range(2)] == [WHITE, (10, 20, 31)]


def test_a_transparent_rgb_colour_at_16_bits_is_compared_in_full() -> None:
    # The second pixel differs from the transparent one in a low byte only.
    row = b"\0" + struct.pack(">6H", 0x1000, 0x2034, 0x30FF, 0x1000, 0x2035, 0x30FF)
    picture = images.decode(png(2, 1, 16, 2, row, png_chunk(b"tRNS", struct.pack(">3H", 0x1000, 0x2034, 0x30FF))))
    assert pixel(picture, 0, 0) == WHITE
    assert near(pixel(picture, 1, 0), (0x10, 0x20, 0x31), 1)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_with_alpha_at_every_depth(depth: int) -> None:
    # Indices 0 and 1: blue without alpha, red at 51 of 255, which is 0.2 of it over white.
    extra = png_chunk(b"PLTE", bytes((*BLUE, *RED))) + png_chunk(b"tRNS", b"\0\x33")
    row = b"\0" + (1 << max(0, 8 - 2 * depth) if depth < 8 else 1).to_bytes(1 if depth < 8 else 2, "big")
    picture = images.decode(png(2, 1, depth, 3, row, extra))
    assert [pixel(picture, x, 0) for x in range(2)] == [WHITE, (255, 204, 204)]


def test_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    picture = images.decode(saved(image))
    assert [pixel(picture, x, 0) for x in range(2)] == [(0, 0, 0), WHITE]


def test_cmyk_jpeg() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(pixel(images.decode(saved(image, "JPEG")), 8, 8), RED, 3)


def test_the_colour_profile_is_applied() -> None:
    # A linear-light profile: 55 of 255 there is 0.2157, which sRGB writes as 128 (0.2158 is the curve's value at 128).
    profile = linear_rgb_profile()
    image = Image.new("RGB", (2, 2), (55, 55, 55))
    picture = images.decode(saved(image, icc_profile=profile))
    assert near(pixel(picture, 0, 0), (128, 128, 128), 2)
    assert pixel(images.decode(saved(image)), 0, 0) == (55, 55, 55)


def linear_rgb_profile() -> bytes:
    """sRGB with its three tone curves replaced by straight lines (an empty `curv` is the identity)."""
    base = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(base[128:132], "big")
    for index in range(count):
        at = 132 + 12 * index
        if bytes(base[at : at + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(base[at + 4 : at + 8], "big")
            base[offset : offset + 12] = b"curv" + bytes(8)
            base[at + 8 : at + 12] = (12).to_bytes(4, "big")
    return bytes(base)


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_does_not_fit_is_ignored(profile: bytes) -> None:
    picture = images.decode(saved(Image.new("RGB", (2, 2), (9, 8, 7)), icc_profile=profile))
    assert pixel(picture, 0, 0) == (9, 8, 7)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_brings_the_red_corner_home(orientation: int) -> None:
    # Where the upright picture's top-left corner is stored, by the EXIF definition of "0th row, 0th column".
    corner = {1: (0, 0), 2: (3, 0), 3: (3, 1), 4: (0, 1), 5: (0, 0), 6: (0, 1), 7: (3, 1), 8: (3, 0)}[orientation]
    image = Image.new("RGB", (4, 2), BLUE)
    image.putpixel(corner, RED)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(image, exif=exif)
    picture = images.decode(data)
    size = (4, 2) if orientation < 5 else (2, 4)
    assert (picture.width, picture.height) == size
    checked = check(data)
    assert (checked.width, checked.height) == size
    assert pixel(picture, 0, 0) == RED
    assert all(pixel(picture, x, y) == BLUE for y in range(size[1]) for x in range(size[0]) if (x, y) != (0, 0))


@pytest.mark.parametrize("name", ["jpeg", "webp", "tiff", pytest.param("avif", marks=avif)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_that_knows_orientation_is_turned_once(name: str, orientation: int) -> None:
    # As above with a corner of 16 px, which survives lossy compression; reduced to half on the way.
    corner = {1: (0, 0), 2: (48, 0), 3: (48, 16), 4: (0, 16), 5: (0, 0), 6: (0, 16), 7: (48, 16), 8: (48, 0)}
    image = Image.new("RGB", (64, 32), BLUE)
    image.paste(RED, (*corner[orientation], corner[orientation][0] + 16, corner[orientation][1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if name == "tiff" else {"quality": 95}
    data = saved(image, name, exif=exif, **options)
    size = (64, 32) if orientation < 5 else (32, 64)
    checked = check(data)
    assert (checked.width, checked.height) == size
    picture = images.decode(data, max_px=32)
    assert (picture.width, picture.height) == (size[0] // 2, size[1] // 2)
    assert near(pixel(picture, 3, 3), RED, 20)
    for x, y in ((picture.width - 4, 3), (3, picture.height - 4), (picture.width - 4, picture.height - 4)):
        assert near(pixel(picture, x, y), BLUE, 20)
