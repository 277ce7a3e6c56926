"""What files say beside their pixels, read by hand and by libraries that did not write it."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import struct
from typing import get_args

import pytest
from PIL import Image, ImageCms

from duostyle.imaging.decode import decode, decode_with_alpha
from duostyle.imaging.encode import Format, encode, encode_deep, relabel
from duostyle.imaging.label import Label, read_text
from duostyle.picture import Picture
from duostyle.recipe import PARAMS_KEY, RECIPE_KEY
from tests.support.by_hand import (
    exif_tags,
    jpeg_segments,
    png_chunks,
    png_samples,
    tiff_samples,
    tiff_tags,
    webp_chunks,
)
from tests.support.picture_files import saved

FORMATS: tuple[Format, ...] = get_args(Format)
TEXT = {PARAMS_KEY: '{"size": 64}', RECIPE_KEY: '{"content": "a: b\\n\\u00e9", "params": {}}'}
LINES = f"{PARAMS_KEY}: {TEXT[PARAMS_KEY]}\n{RECIPE_KEY}: {TEXT[RECIPE_KEY]}\n".encode()
X, Y, UNIT, DESCRIPTION, COMMENT, COLOUR, PROFILE = 0x011A, 0x011B, 0x0128, 0x010E, 0x9286, 0xA001, 34675
INCH, UNDEFINED = 2, 7


def noise(width: int, height: int) -> tuple[Picture, list[int]]:
    """A picture and its 16-bit samples, of which the 8-bit ones are another matter."""
    chance = random.Random(width * height)
    samples = [chance.randrange(2**16) for _ in range(3 * width * height)]
    samples[:3] = 0, 1, 2**16 - 1
    return Picture(width, height, bytes(3 * width * height), deep=struct.pack(f"<{len(samples)}H", *samples)), samples


PICTURE = Picture(5, 3, random.Random(1).randbytes(45))


def exif_of(data: bytes, format: Format) -> dict[int, tuple[int, object]]:
    if format == "webp":
        return exif_tags(webp_chunks(data)[b"EXIF"])
    (exif,) = (body for marker, body in jpeg_segments(data) if marker == 0xE1)
    assert exif[:6] == b"Exif\0\0"
    return exif_tags(exif[6:])


@pytest.mark.parametrize(("dpi", "per_metre"), [(72, 2835), (300, 11811), (600, 23622)])
def test_the_resolution_of_a_png(dpi: int, per_metre: int) -> None:
    for data in (encode(PICTURE, "png", label=Label(dpi)), encode_deep(noise(4, 3)[0], "png", label=Label(dpi))):
        assert dict(png_chunks(data))[b"pHYs"] == struct.pack(">IIB", per_metre, per_metre, 1)


@pytest.mark.parametrize("dpi", [1, 72, 300, 10_000])
def test_the_resolution_of_the_others(dpi: int) -> None:
    jpeg, webp = (encode(PICTURE, format, label=Label(dpi)) for format in ("jpeg", "webp"))
    (jfif,) = (body for marker, body in jpeg_segments(jpeg) if marker == 0xE0)
    assert jfif[:5] + jfif[7:12] == b"JFIF\0" + struct.pack(">BHH", 1, dpi, dpi)
    deep = encode_deep(noise(4, 3)[0], "tiff", label=Label(dpi))
    for tags in (
        exif_of(jpeg, "jpeg"),
        exif_of(webp, "webp"),
        tiff_tags(encode(PICTURE, "tiff", label=Label(dpi))),
        tiff_tags(deep),
    ):
        assert tags[UNIT][1] == INCH
        assert [tags[tag] for tag in (X, Y)] == [(5, pytest.approx(dpi, rel=1e-5))] * 2


def test_an_8_bit_png_is_marked_as_srgb_in_all_three_ways() -> None:
    kinds = [kind for kind, _ in png_chunks(encode(PICTURE, "png", label=Label()))]
    chunks = dict(png_chunks(encode(PICTURE, "png", label=Label())))
    assert chunks[b"sRGB"] == b"\0"
    assert chunks[b"gAMA"] == struct.pack(">I", 45455)
    # the numbers that the specification recommends beside sRGB
    assert struct.unpack(">8I", chunks[b"cHRM"]) == (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    assert max(map(kinds.index, (b"sRGB", b"gAMA", b"cHRM", b"pHYs"))) < kinds.index(b"IDAT")


def profiles() -> list[bytes]:
    """Of the formats that have one, as Pillow finds it."""
    files = [encode(PICTURE, format, label=Label()) for format in ("jpeg", "webp", "tiff")]
    files += [encode_deep(noise(4, 3)[0], format, label=Label()) for format in ("png", "tiff")]
    found = []
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            found.append(image.info["icc_profile"])
    return found


def test_the_profile_of_the_others_is_srgb() -> None:
    first, *others = profiles()
    assert set(others) == {first}
    assert len(first) < 1000
    image = Image.frombytes("RGB", (16, 16), random.Random(2).randbytes(768))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(first))
    back = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    assert back is not None
    assert max(abs(a - b) for a, b in zip(back.tobytes(), image.tobytes(), strict=True)) <= 1


def test_exif_says_srgb() -> None:
    for format in ("jpeg", "webp"):
        assert exif_of(encode(PICTURE, format, label=Label()), format)[COLOUR] == (3, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_marks_change_no_pixel(format: Format) -> None:
    assert decode(encode(PICTURE, format, label=Label(300, TEXT))) == decode(encode(PICTURE, format))


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_label_a_file_has_pixels_only(format: Format) -> None:
    data = encode(PICTURE, format)
    assert read_text(data, RECIPE_KEY) is None
    with Image.open(io.BytesIO(data)) as image:
        assert not {"icc_profile", "exif", "srgb"} & image.info.keys()


def test_where_the_texts_stand() -> None:
    label = Label(text=TEXT)
    for format in ("jpeg", "webp"):
        assert exif_of(encode(PICTURE, format, label=label), format)[COMMENT] == (UNDEFINED, b"ASCII\0\0\0" + LINES)
    for tiff in (encode(PICTURE, "tiff", label=label), encode_deep(noise(4, 3)[0], "tiff", label=label)):
        assert tiff_tags(tiff)[DESCRIPTION] == (2, LINES + b"\0")
    for png in (encode(PICTURE, "png", label=label), encode_deep(noise(4, 3)[0], "png", label=label)):
        with Image.open(io.BytesIO(png)) as image:
            assert {key: image.info[key] for key in TEXT} == TEXT


@pytest.mark.parametrize("format", FORMATS)
def test_texts_are_read_again(format: Format) -> None:
    data = encode(PICTURE, format, label=Label(text=TEXT))
    assert {key: read_text(data, key) for key in TEXT} == {key: text.encode() for key, text in TEXT.items()}
    assert read_text(data, "duo") is None
    # another program has written it anew, as cameras and editors do with Exif
    with Image.open(io.BytesIO(data)) as image:
        if format in ("jpeg", "webp"):
            assert read_text(saved(image, format, exif=image.getexif()), RECIPE_KEY) == TEXT[RECIPE_KEY].encode()


def strange() -> dict[str, bytes]:
    """Files that say something else, or nothing."""
    plain, exif = Image.new("RGB", (2, 2)), Image.Exif()
    exif[0x8769] = {COMMENT: b"UNICODE\0d\0u\0o\0"}
    numbers = Image.Exif()
    numbers[DESCRIPTION] = 5
    whole = saved(plain, "JPEG", exif=exif)
    return {
        "nothing": b"",
        "JSON": b'{"params": {}}',
        "GIF": saved(plain, "GIF"),
        "a comment in UTF-16": whole,
        "cut off": whole[:30],
        "a caption": saved(plain, "TIFF", description="a cat: asleep"),
        "a number for a text": saved(plain, "WEBP", exif=numbers),
        "PNG with damaged text": saved(plain)[:33] + b"\0\0\0\xffzTXtduostyle-job\0",
    }


@pytest.mark.parametrize("data", strange().values(), ids=strange())
def test_other_files_have_no_text(data: bytes) -> None:
    assert read_text(data, RECIPE_KEY) is None


def test_a_jpeg_leaves_out_a_text_that_is_too_long_for_it() -> None:
    text = {PARAMS_KEY: TEXT[PARAMS_KEY], RECIPE_KEY: json.dumps(["x" * 70_000])}
    jpeg, webp, tiff = (encode(PICTURE, format, label=Label(text=text)) for format in ("jpeg", "webp", "tiff"))
    assert read_text(jpeg, PARAMS_KEY) == text[PARAMS_KEY].encode()
    assert read_text(jpeg, RECIPE_KEY) is None
    for data in (webp, tiff):
        assert read_text(data, RECIPE_KEY) == text[RECIPE_KEY].encode()


def test_16_bits_are_written_to_the_last_one() -> None:
    picture, samples = noise(67, 35)
    png, tiff = (encode_deep(picture, format, label=Label(300, TEXT)) for format in ("png", "tiff"))
    assert png_samples(png) == (67, 35, samples)
    assert tiff_samples(tiff) == (67, 35, samples)
    with pytest.raises(ValueError, match="8 bits"):
        encode_deep(PICTURE, "png")


def test_16_bits_are_as_transparent_as_8() -> None:
    picture, samples = noise(4, 2)
    alpha = bytes([0, 1, 127, 128, 200, 254, 255, 3])
    png = encode_deep(dataclasses.replace(picture, alpha=alpha), "png", label=Label(text=TEXT))
    wanted = [[*samples[3 * at : 3 * at + 3], 257 * alpha[at]] for at in range(8)]
    assert png_samples(png) == (4, 2, [value for pixel in wanted for value in pixel])
    for tiff in (
        encode_deep(dataclasses.replace(picture, alpha=alpha), "tiff", label=Label()),
        relabel(png, "tiff", label=Label()),
    ):
        tags = tiff_tags(tiff)
        # four samples, of which the last is alpha that the colours are not multiplied by
        assert (tags[258][1], tags[338][1]) == ((16, 16, 16, 16), 2)
        assert decode_with_alpha(tiff).alpha == alpha
    with Image.open(io.BytesIO(encode(dataclasses.replace(PICTURE, alpha=bytes(range(15))), "tiff"))) as image:
        assert image.convert("RGB").tobytes() + image.getchannel("A").tobytes() == PICTURE.rgb + bytes(range(15))


def test_a_new_label_changes_no_sample() -> None:
    picture, samples = noise(20, 10)
    png = encode_deep(picture, "png", label=Label(72, {RECIPE_KEY: "old"}))
    again, tiff = (relabel(png, format, label=Label(240, TEXT)) for format in ("png", "tiff"))
    assert png_samples(again) == (20, 10, samples)
    assert tiff_samples(tiff) == (20, 10, samples)
    assert dict(png_chunks(again))[b"pHYs"] == struct.pack(">IIB", 9449, 9449, 1)
    for data in (again, tiff):
        assert b"old" not in data
        assert read_text(data, RECIPE_KEY) == TEXT[RECIPE_KEY].encode()
