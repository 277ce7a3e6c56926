"""Declared colours become sRGB: the right values come from the specifications, computed here from scalars."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageCms, features

from duostyle.imaging import decode as images
from tests.support.picture_files import check, code_points, heif, near, pixel, png, png_chunk, saved

avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
COLOUR = (200, 120, 60)
Matrix = tuple[tuple[float, float, float], ...]
# to linear sRGB; CSS Color Module Level 4, "Sample code for Color Conversions", its two matrices multiplied
P3: Matrix = (
    (1.2249401763, -0.2249401763, 0.0),
    (-0.0420569547, 1.0420569547, 0.0),
    (-0.0196375546, -0.0786360456, 1.0982736001),
)
REC2020: Matrix = (
    (1.6604910021, -0.5876411388, -0.0728498633),
    (-0.1245504745, 1.1328998971, -0.0083494226),
    (-0.0181507634, -0.1005788980, 1.1187296614),
)
SAME: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def srgb_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def srgb_value(light: float) -> float:
    light = min(1.0, max(0.0, light))
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def shown(colour: tuple[int, ...], light: Callable[[float], float], matrix: Matrix = SAME) -> tuple[int, ...]:
    lights = [light(value / 255) for value in colour]
    return tuple(
        round(255 * srgb_value(sum(factor * part for factor, part in zip(row, lights, strict=True)))) for row in matrix
    )


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    return png_chunk(b"cICP", bytes((primaries, transfer, matrix, full)))


def gamma(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(*values: float) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def profile(data: bytes) -> bytes:
    return png_chunk(b"iCCP", b"some\0\0" + zlib.compress(data))


SRGB = png_chunk(b"sRGB", b"\0")
ADOBE = chromaticities(0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
# linear sRGB from linear Adobe RGB: CSS Color Module Level 4 (a98-rgb)
ADOBE_MATRIX: Matrix = ((1.3983557440, -0.3983557440, 0.0), (0.0, 1.0, 0.0), (0.0, -0.0429289893, 1.0429289893))


def linear_profile() -> bytes:
    """sRGB with its three tone curves replaced by straight lines (an empty `curv` is the identity)."""
    base = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(base[128:132], "big"), 12):
        if bytes(base[at : at + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(base[at + 4 : at + 8], "big")
            base[offset : offset + 12] = b"curv" + bytes(8)
            base[at + 8 : at + 12] = (12).to_bytes(4, "big")
    return bytes(base)


def flat(chunks: bytes, colour: tuple[int, int, int] = COLOUR) -> bytes:
    return png(2, 2, 8, 2, (b"\0" + bytes(colour) * 2) * 2, chunks)


def test_the_display_p3_of_the_example() -> None:
    """The pair of numbers that the issue gives, which the formulas here must meet too."""
    assert shown(COLOUR, srgb_light, P3) == (213, 115, 42)
    assert pixel(images.decode(flat(cicp(12, 13))), 0, 0) == (213, 115, 42)


@pytest.mark.parametrize(
    ("chunks", "wanted"),
    [
        (cicp(1, 13), COLOUR),
        (cicp(2, 2), COLOUR),
        (cicp(9, 13), shown(COLOUR, srgb_light, REC2020)),
        (cicp(9, 8), shown(COLOUR, float, REC2020)),
        (cicp(1, 4), shown(COLOUR, lambda value: value**2.2)),
        (cicp(1, 8), shown(COLOUR, float)),
        # narrow range: black is 16, white 235
        (cicp(1, 13, full=0), tuple(round((value - 16) * 255 / 219) for value in COLOUR)),
        (gamma(1.0), shown(COLOUR, float)),
        (gamma(0.5), shown(COLOUR, lambda value: value**2)),
        (gamma(256 / 563) + ADOBE, shown(COLOUR, lambda value: value ** (563 / 256), ADOBE_MATRIX)),
        (ADOBE, shown(COLOUR, srgb_light, ADOBE_MATRIX)),
        (profile(linear_profile()), shown(COLOUR, float)),
        (SRGB, COLOUR),
        (b"", COLOUR),
    ],
)
def test_each_colour_chunk_of_a_png(chunks: bytes, wanted: tuple[int, ...]) -> None:
    assert near(pixel(images.decode(flat(chunks)), 1, 1), wanted, 1)


@pytest.mark.parametrize(
    ("chunks", "wanted"),
    [
        (gamma(1.0) + SRGB + profile(linear_profile()) + cicp(12, 13), shown(COLOUR, srgb_light, P3)),
        (gamma(0.5) + SRGB + profile(linear_profile()), shown(COLOUR, float)),
        (gamma(1.0) + ADOBE + SRGB, COLOUR),
        # what cannot be understood gives way to the next
        (gamma(0.5) + cicp(12, 200), shown(COLOUR, lambda value: value**2)),
        (gamma(0.5) + cicp(12, 13, matrix=1), shown(COLOUR, lambda value: value**2)),
        (gamma(0.5) + profile(b"nonsense"), shown(COLOUR, lambda value: value**2)),
        (gamma(0.0), COLOUR),
        (chromaticities(0, 0, 0, 0, 0, 0, 0, 0), COLOUR),
    ],
)
def test_the_order_of_precedence_is_that_of_the_png_specification(chunks: bytes, wanted: tuple[int, ...]) -> None:
    assert near(pixel(images.decode(flat(chunks)), 0, 0), wanted, 1)


def test_grey_has_a_tone_curve_too() -> None:
    grey = png(1, 1, 8, 0, b"\0\x37", gamma(1.0))
    assert pixel(images.decode(grey), 0, 0) == shown((55, 55, 55), float)
    linear = png(1, 1, 16, 0, b"\0\x37\x37", cicp(1, 8))
    assert pixel(images.decode(linear), 0, 0) == shown((55, 55, 55), float)


def pq_light(value: float) -> float:
    """SMPTE ST 2084, in cd/m2."""
    power = value ** (1 / 78.84375)
    return float(10_000 * (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125))


def pq_value(light: float) -> float:
    """Its inverse, as the standard gives it."""
    power = (light / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def grey_of(value: float, transfer: int) -> int:
    stored = round(value * 65535)
    data = png(1, 1, 16, 2, b"\0" + struct.pack(">3H", stored, stored, stored), cicp(9, transfer))
    red, green, blue = pixel(images.decode(data), 0, 0)
    assert max(red, green, blue) - min(red, green, blue) <= 1
    assert any("HDR" in note for note in check(data).notes)
    return red


def test_hdr_keeps_its_darks_and_bends_its_lights_below_white() -> None:
    assert abs(pq_light(pq_value(203)) - 203) < 1e-6
    for luminance in (2, 20, 100):
        # up to half of white as it is: 203 cd/m2 is white (BT.2408); a step of 8 bits is up to 4 there
        assert abs(grey_of(pq_value(luminance), 16) - 255 * srgb_value(luminance / 203)) <= 2
    lights = [grey_of(pq_value(luminance), 16) for luminance in (150, 203, 400, 1000, 10_000)]
    assert lights == sorted(lights)
    assert 215 < lights[1] < 240
    assert lights[-1] == 255


def test_hlg_has_the_same_white() -> None:
    # BT.2408: the reference white of HLG is a signal of 75 %, on a display of 1000 cd/m2
    assert abs(grey_of(0.75, 18) - grey_of(pq_value(203), 16)) <= 2
    # half of the signal is a twelfth of the light, to the power of 1.2 on the display (BT.2100)
    assert abs(grey_of(0.5, 18) - 255 * srgb_value((1 / 12) ** 1.2 * 1000 / 203)) <= 1


@avif
@pytest.mark.parametrize(
    ("points", "light", "matrix"),
    [((12, 13), srgb_light, P3), ((9, 8), float, REC2020), ((1, 13), srgb_light, SAME), ((2, 2), srgb_light, SAME)],
)
def test_an_avif_tells_its_colours_by_code_points(
    points: tuple[int, int], light: Callable[[float], float], matrix: Matrix
) -> None:
    data = saved(Image.new("RGB", (32, 32), COLOUR), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"colrnclx") + 8
    told = data[:at] + struct.pack(">HH", *points) + data[at + 4 :]
    stored = pixel(images.decode(data), 8, 8)
    assert near(stored, COLOUR, 2)
    assert near(pixel(images.decode(told), 8, 8), shown(stored, light, matrix), 1)


@avif
def test_an_hdr_avif_has_a_note() -> None:
    data = saved(Image.new("RGB", (32, 32), (130, 130, 130)), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"colrnclx") + 8
    told = data[:at] + struct.pack(">HH", 9, 16) + data[at + 4 :]
    assert check(told).notes == ("HDR tone-mapped to the range of a display",)
    light = pq_light(130 / 255)
    assert light < 102
    assert near(pixel(images.decode(told), 8, 8), (round(255 * srgb_value(light / 203)),) * 3, 3)


@pytest.mark.parametrize("depth", [8, 10])
def test_a_heif_tells_its_colours_by_code_points(depth: int) -> None:
    image = Image.new("RGB", (64, 64), COLOUR)
    assert near(pixel(images.decode(heif(image, depth=depth)), 9, 9), COLOUR, 2)
    wide = images.decode(heif(image, depth=depth, colours=code_points(12, 13)))
    assert near(pixel(wide, 9, 9), (213, 115, 42), 3)
    assert check(heif(image, depth=depth, colours=code_points(9, 16))).notes[0].startswith("HDR")


def test_white_of_ten_bits_is_white() -> None:
    assert pixel(images.decode(heif(Image.new("RGB", (64, 64), (255, 255, 255)), depth=10)), 9, 9) == (255, 255, 255)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", "PNG"])
def test_a_profile_is_applied_in_every_format_that_has_one(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(Image.new("RGB", (16, 16), (55, 55, 55)), format, icc_profile=linear_profile(), **options)
    assert near(pixel(images.decode(data), 8, 8), (128, 128, 128), 2)


def test_a_grey_picture_may_have_a_profile_for_colours() -> None:
    data = saved(Image.new("L", (16, 16), 55), "JPEG", icc_profile=linear_profile())
    assert near(pixel(images.decode(data), 8, 8), (128, 128, 128), 2)


def test_a_camera_may_tell_adobe_rgb_without_a_profile() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    image = Image.new("RGB", (16, 16), COLOUR)
    plain = pixel(images.decode(saved(image, "JPEG", quality=100, subsampling=0)), 8, 8)
    told = pixel(images.decode(saved(image, "JPEG", quality=100, subsampling=0, exif=exif)), 8, 8)
    assert near(told, shown(plain, lambda value: value ** (563 / 256), ADOBE_MATRIX), 1)


def cmyk_profile() -> bytes:
    """An ICC profile whose table of L*a*b* is white for no ink, grey for full cyan and black for all else."""

    def tag(body: bytes) -> bytes:
        return body + bytes(-len(body) % 4)

    # lut8: 4 inputs, 3 outputs, 2 points each; the identity matrix and identity curves
    header = b"mft1" + bytes(4) + bytes((4, 3, 2, 0))
    matrix = struct.pack(">9i", *(65536 if place in (0, 4, 8) else 0 for place in range(9)))
    table = bytes(part for corner in range(16) for part in ({0: 255, 8: 128}.get(corner, 0), 128, 128))
    lut = tag(header + matrix + bytes(range(256)) * 4 + table + bytes(range(256)) * 3)
    description = tag(b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78))
    rights = tag(b"text" + bytes(4) + b"none\0")
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    tags, place, body = b"", 132 + 4 * 12, b""
    for name, data in ((b"desc", description), (b"cprt", rights), (b"wtpt", white), (b"A2B0", lut)):
        tags += struct.pack(">4sII", name, place + len(body), len(data))
        body += data
    size = 132 + len(tags) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head[:128].ljust(128, b"\0") + struct.pack(">I", 4) + tags + body


def test_a_profile_of_inks_is_applied() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = saved(cyan, "TIFF", icc_profile=cmyk_profile())
    # that is L* = 100 * 128 / 255 there, whose luminance is ((L + 16) / 116) ** 3
    light = ((100 * 128 / 255 + 16) / 116) ** 3
    assert near(pixel(images.decode(data), 8, 8), (round(255 * srgb_value(light)),) * 3, 3)
    assert pixel(images.decode(saved(cyan, "TIFF")), 8, 8) == (0, 255, 255)
