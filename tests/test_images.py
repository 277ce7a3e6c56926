"""Uploads are checked before they cost memory, and every kind of pixel becomes the right 8-bit sRGB."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import struct
import zlib
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from server import images
from server.errors import CorruptImage, ImageTooLarge, UnsupportedFormat
from server.picture import Picture

avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def check(data: bytes, *, max_bytes: int = 2**20, max_pixels: int = 10**6) -> images.Checked:
    return images.check(data, max_bytes=max_bytes, max_pixels=max_pixels)


def pixel(picture: Picture, x: int, y: int) -> tuple[int, ...]:
    at = (y * picture.width + x) * 3
    return tuple(picture.rgb[at : at + 3])


def near(got: tuple[int, ...], wanted: tuple[int, ...], by: int) -> bool:
    return all(abs(a - b) <= by for a, b in zip(got, wanted, strict=True))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + body + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("name", images.FORMATS)
def test_check_tells_format_size_and_id(name: str) -> None:
    data = saved(Image.new("RGB", (12, 7), RED), name)
    checked = check(data)
    assert checked == images.Checked("sha256:" + hashlib.sha256(data).hexdigest(), 12, 7, name, len(data))


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


def test_check_refuses_what_pillow_itself_calls_a_bomb() -> None:
    with pytest.raises(ImageTooLarge):
        check(png(13_300, 13_300, 8, 2, b""), max_pixels=10**12)
    with pytest.raises(ImageTooLarge):
        check(png(60_000, 60_000, 8, 2, b""), max_pixels=10**12)


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


@pytest.mark.parametrize("name", images.FORMATS)
def test_truncated_pictures_are_corrupt(name: str) -> None:
    noise = Image.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    data = saved(noise, name)
    for cut in (len(data) // 2, 20):
        with pytest.raises(CorruptImage):
            check(data[:cut])
        with pytest.raises(CorruptImage):
            images.decode(data[:cut])


@pytest.mark.parametrize("name", images.FORMATS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_bytes_raise_only_our_errors(name: str, data: st.DataObject) -> None:
    whole = bytearray(saved(Image.new("RGB", (16, 16), RED), name))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    for function in (check, images.decode):
        with contextlib.suppress(CorruptImage, UnsupportedFormat, ImageTooLarge):
            function(bytes(whole))


def test_the_formats_are_these_and_no_others() -> None:
    assert images.FORMATS[:5] == ("jpeg", "png", "webp", "gif", "tiff")
    assert images.FORMATS[5:] == (("avif",) if features.check("avif") else ())


@avif
def test_avif_with_alpha_goes_over_white() -> None:
    image = Image.new("RGBA", (32, 16), (*RED, 255))
    image.paste((0, 0, 0, 0), (16, 0, 32, 16))
    picture = images.decode(saved(image, "AVIF", quality=100, subsampling="4:4:4"))
    assert (picture.width, picture.height) == (32, 16)
    assert near(pixel(picture, 4, 8), RED, 4)
    assert near(pixel(picture, 28, 8), WHITE, 4)


@pytest.mark.parametrize("name", ["gif", "tiff", "webp", pytest.param("avif", marks=avif)])
def test_the_first_of_several_frames_counts(name: str) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE))
    data = saved(first, name, save_all=True, append_images=[second])
    assert check(data).format == name
    assert near(pixel(images.decode(data), 8, 8), RED, 6)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    rows = b"\x00" + struct.pack(">3H", 0, 0x8080, 0xFFFF)
    picture = images.decode(png(3, 1, 16, 0, rows))
    assert [pixel(picture, x, 0) for x in range(3)] == [(0, 0, 0), (128, 128, 128), WHITE]


def test_sixteen_bit_colour() -> None:
    rows = b"\x00" + struct.pack(">6H", 0xFFFF, 0, 0, 0, 0x8080, 0xFFFF)
    picture = images.decode(png(2, 1, 16, 2, rows))
    assert [pixel(picture, x, 0) for x in range(2)] == [RED, (0, 128, 255)]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bit_pixels_are_refused(mode: str) -> None:
    data = saved(Image.new(mode, (4, 4)), "TIFF")
    for function in (check, images.decode):
        with pytest.raises(UnsupportedFormat):
            function(data)


def test_alpha_goes_over_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 0))
    picture = images.decode(saved(image))
    assert [pixel(picture, x, 0) for x in range(3)] == [RED, (127, 127, 127), WHITE]


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


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_lossless_formats_come_back_as_they_were(format: images.Format) -> None:
    picture = Picture(5, 3, random.Random(2).randbytes(45))
    assert images.decode(images.encode(picture, format)) == picture


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lossy_formats_come_back_nearly(format: images.Format) -> None:
    picture = Picture(32, 16, bytes((200, 30, 90)) * 512)
    back = images.decode(images.encode(picture, format, quality=95))
    assert (back.width, back.height) == (32, 16)
    assert near(pixel(back, 16, 8), (200, 30, 90), 6)


def test_encode_reduces_and_quality_counts() -> None:
    picture = Picture(64, 32, random.Random(3).randbytes(64 * 32 * 3))
    assert check(images.encode(picture, "jpeg", max_px=16)).width == 16
    assert len(images.encode(picture, "jpeg", quality=20)) < len(images.encode(picture, "jpeg", quality=95))


def test_text_goes_into_the_png_only() -> None:
    picture = Picture(1, 1, b"abc")
    with Image.open(io.BytesIO(images.encode(picture, "png", text={"params": '{"size":64} é'}))) as image:
        assert image.info["params"] == '{"size":64} é'
    assert b"params" not in images.encode(picture, "jpeg", text={"params": "x"})


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    data = saved(Image.new("RGB", (8, 8)), "JPEG", exif=exif, comment=b"secret place")
    assert b"secret" in data
    for format in get_args(images.Format):
        assert b"secret" not in images.encode(images.decode(data), format)
