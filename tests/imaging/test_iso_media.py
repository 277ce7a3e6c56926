"""AVIF and HEIF: cropped, turned and mirrored by their containers exactly once."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, features

from duostyle.errors import CorruptImage, ImageTooLarge
from duostyle.imaging import decode as images
from duostyle.picture import Picture
from tests.support.picture_files import BLUE, GREEN, RED, WHITE, box, check, clean_aperture, heif, near, pixel, saved

avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def marked() -> Image.Image:
    """64 x 96 px of blue, its top left corner red, its top right one green."""
    image = Image.new("RGB", (64, 96), BLUE)
    image.paste(RED, (0, 0, 24, 24))
    image.paste(GREEN, (40, 0, 64, 24))
    return image


# By ISO/IEC 23008-12: quarter turns against the clock; mirrored top to bottom (0) or left to right (1). With each,
# where red and green are afterwards: left or right, top or bottom.
TURNS = {
    "nothing": ([], "lt", "rt"),
    "a quarter": ([box(b"irot", b"\1")], "lb", "lt"),
    "a half": ([box(b"irot", b"\2")], "rb", "lb"),
    "three quarters": ([box(b"irot", b"\3")], "rt", "rb"),
    "top to bottom": ([box(b"imir", b"\0")], "lb", "rb"),
    "left to right": ([box(b"imir", b"\1")], "rt", "lt"),
}


def corner(picture: Picture, place: str) -> tuple[int, ...]:
    return pixel(picture, 6 if place[0] == "l" else picture.width - 6, 6 if place[1] == "t" else picture.height - 6)


@pytest.mark.parametrize("name", TURNS)
def test_heif_is_turned_and_mirrored_by_its_boxes(name: str) -> None:
    properties, red, green = TURNS[name]
    data = heif(marked(), properties=properties)
    picture = images.decode(data)
    checked = check(data)
    assert (picture.width, picture.height) == (checked.width, checked.height)
    assert (picture.width > picture.height) == ("quarter" in name)
    assert near(corner(picture, red), RED, 3)
    assert near(corner(picture, green), GREEN, 3)


def test_heif_is_cropped_by_its_box() -> None:
    data = heif(marked(), properties=[clean_aperture((24, 40), (40, 0), (64, 96))])
    picture = images.decode(data)
    assert (picture.width, picture.height) == (24, 40)
    assert near(pixel(picture, 3, 3), GREEN, 3)
    assert near(pixel(picture, 3, 36), BLUE, 3)


@pytest.mark.parametrize("side", [1, 2, 3, 63, 65])
def test_heif_of_odd_sizes(side: int) -> None:
    picture = images.decode(heif(Image.new("RGB", (side, side + 1), RED)))
    assert (picture.width, picture.height) == (side, side + 1)
    assert near(pixel(picture, side - 1, side), RED, 3)


def test_heif_has_the_caps_of_every_format() -> None:
    data = heif(marked())
    with pytest.raises(ImageTooLarge) as raised:
        check(data, max_pixels=64 * 96 - 1)
    assert (raised.value.got, raised.value.reached) == ("64x96", "max_pixels")
    for cut in (100, len(data) // 2, len(data) - 40):
        with pytest.raises(CorruptImage):
            images.decode(data[:cut])


def with_property(data: bytes, added: bytes) -> bytes:
    """An AVIF of one item with one more property, all lengths and places put right."""
    at = data.index(b"ipco") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    ipco = data[at : at + size]
    ipma_at = data.index(b"ipma") - 4
    ipma_size = int.from_bytes(data[ipma_at : ipma_at + 4], "big")
    ipma = data[ipma_at : ipma_at + ipma_size]
    boxes, place = 0, 8
    while place < len(ipco):
        boxes, place = boxes + 1, place + int.from_bytes(ipco[place : place + 4], "big")
    count = ipma[18]
    assert len(ipma) == 19 + count, "one item with small numbers"
    ipma = box(b"ipma", ipma[8:18], bytes((count + 1,)), ipma[19:], bytes((0x80 | (boxes + 1),)))
    iprp = box(b"iprp", box(b"ipco", ipco[8:], added), ipma)
    old = data.index(b"iprp") - 4
    grown = len(added) + 1
    whole = bytearray(data[:old] + iprp + data[ipma_at + ipma_size :])
    meta = data.index(b"meta") - 4
    whole[meta : meta + 4] = (int.from_bytes(data[meta : meta + 4], "big") + grown).to_bytes(4, "big")
    # iloc: version 0, offsets and lengths of four bytes, one item of one extent
    extent = data.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2
    offset = struct.unpack_from(">I", whole, extent)[0]
    struct.pack_into(">I", whole, extent, offset + grown)
    return bytes(whole)


@avif
def test_avif_is_cropped_by_its_box() -> None:
    data = saved(marked(), "AVIF", quality=100, subsampling="4:4:4")
    cropped = with_property(data, clean_aperture((24, 40), (40, 0), (64, 96)))
    checked, picture = check(cropped), images.decode(cropped)
    assert (checked.width, checked.height) == (picture.width, picture.height) == (24, 40)
    assert near(pixel(picture, 3, 3), GREEN, 6)
    assert near(pixel(picture, 3, 36), BLUE, 6)


@avif
@pytest.mark.parametrize("name", TURNS)
def test_avif_is_turned_and_mirrored_by_its_boxes(name: str) -> None:
    properties, red, green = TURNS[name]
    data = saved(marked(), "AVIF", quality=100, subsampling="4:4:4")
    for added in properties:
        data = with_property(data, added)
    picture, checked = images.decode(data), check(data)
    assert (picture.width, picture.height) == (checked.width, checked.height)
    assert near(corner(picture, red), RED, 6)
    assert near(corner(picture, green), GREEN, 6)


@avif
def test_a_senseless_crop_is_ignored() -> None:
    data = saved(marked(), "AVIF", quality=100)
    for size, place in (((64, 97), (0, 0)), ((10, 10), (60, 0))):
        assert check(with_property(data, clean_aperture(size, place, (64, 96)))).width == 64
    assert check(with_property(data, box(b"clap", bytes(32)))).width == 64


@avif
def test_transparent_parts_of_an_avif_are_white() -> None:
    image = Image.new("RGBA", (32, 16), (*RED, 255))
    image.paste((0, 0, 0, 0), (16, 0, 32, 16))
    data = saved(image, "AVIF", quality=100, subsampling="4:4:4")
    assert near(pixel(images.decode(data), 28, 8), WHITE, 4)
    assert check(data).notes == ("transparent parts are laid on white, unless transparency is kept",)
