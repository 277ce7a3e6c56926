"""Transparent pictures that stay transparent: their alpha, and the colours under it, when they are read and written."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from duostyle.imaging.decode import decode, decode_with_alpha, decoder_for
from duostyle.imaging.encode import Format, encode
from duostyle.picture import Picture
from tests.support.picture_files import BLUE, GREEN, RED, WHITE, near, pixel, saved


def cut_out(hidden: tuple[int, int, int], size: tuple[int, int] = (16, 12)) -> Image.Image:
    """A red block in the middle, `hidden` where nothing is seen."""
    image = Image.new("RGBA", size, (*hidden, 0))
    image.paste((*RED, 255), (4, 3, 12, 9))
    return image


def test_the_alpha_is_that_of_the_file() -> None:
    image = cut_out(WHITE)
    image.putpixel((4, 3), (*RED, 77))
    picture = decode_with_alpha(saved(image))
    assert picture.alpha == image.getchannel("A").tobytes()


@pytest.mark.parametrize("hidden", [WHITE, (0, 0, 0), BLUE])
def test_the_colours_of_what_is_seen_go_on_where_nothing_is(hidden: tuple[int, int, int]) -> None:
    picture = decode_with_alpha(saved(cut_out(hidden)))
    assert picture.rgb == bytes(RED) * (16 * 12)


def test_what_is_hidden_is_filled_from_the_nearest_side() -> None:
    image = Image.new("RGBA", (64, 8), (0, 255, 0, 0))
    image.paste((*RED, 255), (0, 0, 8, 8))
    image.paste((*BLUE, 255), (56, 0, 64, 8))
    picture = decode_with_alpha(saved(image))
    reds = [pixel(picture, x, 4)[0] for x in range(64)]
    assert reds == sorted(reds, reverse=True)
    assert near(pixel(picture, 9, 4), RED, 12)
    assert near(pixel(picture, 54, 4), BLUE, 12)
    assert {pixel(picture, x, 4)[1] for x in range(64)} == {0}


def test_what_can_be_seen_keeps_its_colour_however_little_is_seen_of_it() -> None:
    rng = random.Random(1)
    glass = Image.frombytes("RGB", (20, 10), rng.randbytes(600))
    glass.putalpha(Image.new("L", (20, 10), 16))
    assert decode_with_alpha(saved(glass)).rgb == glass.convert("RGB").tobytes()


def test_a_trace_of_a_colour_counts_half() -> None:
    # at 8 of 255 half of the pixel is its own green, half is the red beside it
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (*GREEN, 8))
    red, green, _ = pixel(decode_with_alpha(saved(image)), 1, 0)
    # the mean of both, green by its half: (255 + 0) / 1.5 and 127 / 1.5, then half of it and half of green
    assert near((red, green), (85, 170), 3)


def test_a_picture_that_is_opaque_has_no_alpha() -> None:
    rng = random.Random(2)
    image = Image.frombytes("RGBA", (5, 4), b"".join(rng.randbytes(3) + b"\xff" for _ in range(20)))
    assert decode_with_alpha(saved(image)) == decode(saved(image))
    assert decode_with_alpha(saved(image)).alpha is None
    jpeg = saved(image.convert("RGB"), "JPEG")
    assert decode_with_alpha(jpeg) == decode(jpeg)


def test_what_cannot_be_seen_at_all_is_white_and_says_so() -> None:
    picture = decode_with_alpha(saved(Image.new("RGBA", (3, 2), (*RED, 0))))
    assert picture == Picture(3, 2, bytes(WHITE) * 6, alpha=bytes(6))
    assert picture.is_invisible
    assert not decode_with_alpha(saved(cut_out(RED))).is_invisible
    assert not decode(saved(Image.new("RGBA", (3, 2), (*RED, 0)))).is_invisible


def test_the_alpha_is_turned_with_the_colours() -> None:
    image = Image.new("RGBA", (3, 2), (*RED, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode_with_alpha(saved(image, exif=exif))
    # the corner at the upper left comes to the upper right
    assert (picture.width, picture.height) == (2, 3)
    assert picture.alpha == bytes([255, 0, 255, 255, 255, 255])


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_a_reduced_cut_out_gets_none_of_what_was_hidden(format: str) -> None:
    image = Image.new("RGBA", (64, 32), (255, 255, 255, 0))
    image.paste((*RED, 255), (16, 8, 48, 24))
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    picture = decode_with_alpha(saved(image, format, **options), max_px=16)
    assert (picture.width, picture.height) == (16, 8)
    assert picture.rgb == bytes(RED) * 128
    assert picture.alpha is not None
    # the block is from 4 to 12 across; the filter reaches over its edges
    row = list(picture.alpha[4 * 16 : 5 * 16])
    assert min(row[5:11]) >= 250
    assert max(row[:2] + row[14:]) <= 5


def test_the_parameter_chooses_the_decoder() -> None:
    assert decoder_for("keep") is decode_with_alpha
    assert decoder_for("flatten") is decode


def half_seen() -> Picture:
    """Opaque, half transparent and transparent, each 16 px wide, all of one colour."""
    alpha = (bytes([255]) * 16 + bytes([128]) * 16 + bytes(16)) * 16
    return Picture(48, 16, bytes((100, 20, 220)) * (48 * 16), alpha=alpha)


@pytest.mark.parametrize(("format", "by"), [("png", 0), ("tiff", 0), ("webp", 6)])
def test_an_alpha_is_written_and_comes_back(format: Format, by: int) -> None:
    picture = half_seen()
    back = decode_with_alpha(encode(picture, format, quality=95))
    assert back.alpha == picture.alpha
    assert near(pixel(back, 8, 8), (100, 20, 220), by)
    assert near(pixel(back, 24, 8), (100, 20, 220), by)


def test_a_png_has_the_painting_also_where_it_is_not_seen() -> None:
    # whoever scales the file without care would get the colour that is there
    with Image.open(io.BytesIO(encode(half_seen(), "png"))) as image:
        assert image.getpixel((40, 8)) == (100, 20, 220, 0)


def test_a_jpeg_is_laid_on_white() -> None:
    back = decode(encode(half_seen(), "jpeg", quality=95))
    # 100 at 128 of 255 over white: 100 * 0.502 + 255 * 0.498 = 177
    for x, wanted in ((4, (100, 20, 220)), (24, (177, 137, 237)), (44, WHITE)):
        assert near(pixel(back, x, 8), wanted, 4)


def test_a_reduced_png_gets_none_of_what_was_hidden() -> None:
    alpha = (bytes([255]) * 16 + bytes(16)) * 4
    picture = Picture(32, 4, (bytes(RED) * 16 + bytes(WHITE) * 16) * 4, alpha=alpha)
    with Image.open(io.BytesIO(encode(picture, "png", max_px=8))) as image:
        row = [image.getpixel((x, 0)) for x in range(8)]
    seen = [colour[:3] for colour in row if isinstance(colour, tuple) and colour[3] > 16]
    assert set(seen) == {RED}
    assert len(seen) >= 4


@pytest.mark.parametrize("alpha", [bytes(5), bytes(7), b""])
def test_an_alpha_of_another_size_is_refused(alpha: bytes) -> None:
    with pytest.raises(ValueError, match="alpha"):
        Picture(3, 2, bytes(18), alpha=alpha)
