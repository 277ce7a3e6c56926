"""TIFF: read by libvips, which knows every depth; by Pillow where libvips lacks a compression or a colour space.

Tags: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
"""

from __future__ import annotations

import enum
import io
from collections.abc import Mapping
from typing import Any

from PIL import ImageChops
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from duostyle.errors import CorruptImage, UnsupportedFormat
from duostyle.imaging.colour import IccProfile
from duostyle.imaging.files import vips
from duostyle.imaging.files.source import Loaded, Size, Source, of_pillow


class _Tag(enum.IntEnum):
    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    ORIENTATION = 274
    SAMPLES = 277
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    PROFILE = 34675


_WHITE_IS_ZERO, _YCBCR, _JPEG = 0, 6, 7
# Colours of each photometric interpretation that libvips reads as it should: grey, RGB, palette, CMYK, YCbCr in JPEG.
_COLOURS = {_WHITE_IS_ZERO: 1, 1: 1, 2: 3, 3: 3, 5: 4, _YCBCR: 3}
_DEPTHS = frozenset({1, 2, 4, 8, 16, 32})
# Those of Pillow's libtiff that libvips's lacks: LZMA, ZSTD, WebP.
_PILLOW_ONLY = frozenset({34925, 50000, 50001})
_PILLOW_DEPTH = 12
_ALPHA = (1, 2)
_UNSIGNED = 1
# What the samples of a picture take that is not reduced while it is decoded: 4 bytes each, more of it meanwhile.
_HELD_BYTES_OF_A_SAMPLE = 9.0
_PILLOW_BYTES = 12


def opened(data: bytes) -> Source:
    """Of the first page. Raises UnsupportedFormat, CorruptImage, and whatever libvips and Pillow raise."""
    tags = _tags(data)
    bits = {int(depth) for depth in tags.get(_Tag.BITS, (1,))}
    compression, photometric = int(tags.get(_Tag.COMPRESSION, 1)), int(tags.get(_Tag.PHOTOMETRIC, 1))
    piece_px = int(tags.get(_Tag.TILE_WIDTH, 0)) * int(tags.get(_Tag.TILE_LENGTH, 0))
    raw_ycbcr = photometric == _YCBCR and compression != _JPEG
    if compression in _PILLOW_ONLY or photometric not in _COLOURS or raw_ycbcr or bits == {_PILLOW_DEPTH}:
        return _of_pillow(data, piece_px)
    if len(bits) > 1 or not bits <= _DEPTHS:
        raise UnsupportedFormat(
            "TIFF files with samples of this depth are not supported; save the picture with 8, 16 or 32 bits",
            limit=sorted(_DEPTHS),
            got=sorted(bits),
        )
    alpha = next(iter(tags.get(_Tag.EXTRA_SAMPLES, ())), 0) in _ALPHA
    plain = max(bits) <= 16 and set(tags.get(_Tag.SAMPLE_FORMAT, ())) <= {_UNSIGNED}
    profile = tags.get(_Tag.PROFILE)

    def load(target: Size) -> Loaded:
        pixels = vips.loaded(vips.opened(data, "tiff"), target, colours=_COLOURS[photometric], alpha=alpha)
        # libvips turns "white is zero" round where black has to be 0.
        return Loaded(ImageChops.invert(pixels) if photometric == _WHITE_IS_ZERO and not plain else pixels)

    return Source(
        (int(tags[_Tag.WIDTH]), int(tags[_Tag.LENGTH])),
        load,
        declared=(IccProfile(profile),) if isinstance(profile, bytes) and profile else (),
        orientation=_orientation(tags),
        held_bytes=0 if plain else _HELD_BYTES_OF_A_SAMPLE * int(tags.get(_Tag.SAMPLES, 1)),
        piece_px=piece_px,
    )


def _of_pillow(data: bytes, piece_px: int) -> Source:
    image = TiffImageFile(io.BytesIO(data))
    source = of_pillow(image, held_bytes=_PILLOW_BYTES)
    # Pillow turns a TIFF as it reads it, and gives the size that it then has.
    return Source(source.size, source.load, source.declared, 1, _PILLOW_BYTES, piece_px)


def _tags(data: bytes) -> Mapping[int, Any]:
    tags = ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    if min(int(tags.get(_Tag.WIDTH, 0)), int(tags.get(_Tag.LENGTH, 0))) < 1:
        raise CorruptImage("the picture is damaged: it has no size")
    return tags


def _orientation(tags: Mapping[int, Any]) -> int:
    value = tags.get(_Tag.ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
