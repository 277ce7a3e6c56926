"""Opens a picture file of a known format."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import pi_heif
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile

from duostyle.imaging.colour import CodePoints, Declaration, IccProfile
from duostyle.imaging.files import jpeg, png, tiff, vips
from duostyle.imaging.files.iso_media import AvifProperties
from duostyle.imaging.files.source import Loaded, Size, Source, of_pillow, profile_in
from duostyle.imaging.pixels import eight_bit

# What a pixel takes while Pillow decodes: 4 bytes of the picture, the decoder's own planes, and a conversion. Pillow's
# classes are used by name, because its function to open any file has a limit of its own.
_GIF_BYTES, _BMP_BYTES, _AVIF_BYTES, _HEIF_BYTES = 12, 10, 12, 12
# The same of an AVIF or HEIF of more than 8 bits with alpha: planes, and all channels once more, take two bytes each.
_DEEP_ALPHA_BYTES = 20
# libwebp holds a lossless picture whole, and what it is reduced to.
_WEBP_BYTES = 5
# As many pixels of a large WebP are held, however large it is wanted.
_HELD_PX = 80_000_000


def opened(data: bytes, format: str) -> Source:
    """The header is read, no pixel decoded. Raises ImageError, and whatever the decoder raises on damaged bytes."""
    return _OPENERS[format](data)


def _gif(data: bytes) -> Source:
    return of_pillow(GifImageFile(io.BytesIO(data)), held_bytes=_GIF_BYTES)


def _bmp(data: bytes) -> Source:
    return of_pillow(BmpImageFile(io.BytesIO(data)), held_bytes=_BMP_BYTES)


def _webp(data: bytes) -> Source:
    """libvips reads the first frame; Pillow would allocate the canvas twice before anything is known of it."""
    image = vips.opened(data, "webp")
    size = image.width, image.height

    def load(target: Size) -> Loaded:
        # Twice the size that is wanted leaves the last reduction to a better filter.
        scale = min(1.0, 2 * max(target[0] / size[0], target[1] / size[1]), math.sqrt(_HELD_PX / math.prod(size)))
        return Loaded(vips.loaded(vips.opened(data, "webp", scale=scale), target, colours=3, alpha=True))

    profile = (IccProfile(image.get("icc-profile-data")),) if image.get_typeof("icc-profile-data") else ()
    turn = image.get("orientation") if image.get_typeof("orientation") else 1
    return Source(size, load, profile, turn if 1 <= turn <= 8 else 1, _WEBP_BYTES)


def _avif(data: bytes) -> Source:
    """Pillow tells the turn of the container as EXIF; the crop and the code points it does not tell."""
    image = AvifImageFile(io.BytesIO(data))
    properties = AvifProperties(data)
    part = properties.aperture(*image.size)
    held_bytes = _DEEP_ALPHA_BYTES if properties.deep and image.mode == "RGBA" else _AVIF_BYTES
    source = of_pillow(image, held_bytes=held_bytes)
    declared = (*source.declared, *_present(properties.code_points))
    if part is None:
        return Source(source.size, source.load, declared, source.orientation, held_bytes)
    size = part.right - part.left, part.bottom - part.top
    return Source(size, lambda _: Loaded(eight_bit(image).crop(part)), declared, source.orientation, held_bytes)


def _heif(data: bytes) -> Source:
    """libheif has cropped and turned it already: its EXIF says only how the camera was held."""
    image = pi_heif.HeifImageFile(io.BytesIO(data))
    declared: list[Declaration] = list(profile_in(image))
    nclx = image.info.get("nclx_profile")
    if isinstance(nclx, dict):
        # libheif gives the full range whatever the file has.
        declared.append(CodePoints(int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])))
    deep_alpha = image.info.get("bit_depth", 8) > 8 and image.mode in ("RGBA", "RGBa")
    held_bytes = _DEEP_ALPHA_BYTES if deep_alpha else _HEIF_BYTES
    return Source(image.size, lambda _: Loaded(eight_bit(image)), declared, 1, held_bytes)


def _present(points: CodePoints | None) -> tuple[CodePoints, ...]:
    return () if points is None else (points,)


_OPENERS: dict[str, Callable[[bytes], Source]] = {
    "jpeg": jpeg.opened,
    "png": png.opened,
    "webp": _webp,
    "gif": _gif,
    "tiff": tiff.opened,
    "bmp": _bmp,
    "heic": _heif,
    "heif": _heif,
    "avif": _avif,
}
