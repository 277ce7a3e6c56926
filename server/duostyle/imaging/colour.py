"""From the colours that a file declares to sRGB: ICC profiles, code points of ITU-T H.273, gamma and primaries."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from duostyle.imaging import transfer
from duostyle.imaging.transfer import Curve

_Levels = NDArray[np.uint8]
_Light = NDArray[np.float32]

# x and y of white, red, green and blue, as in the cHRM chunk of a PNG.
Chromaticities = tuple[float, ...]
_D65 = (0.3127, 0.3290)
SRGB: Chromaticities = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB: Chromaticities = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
# ITU-T H.273, table 2; what is missing there counts as sRGB.
_PRIMARIES: dict[int, Chromaticities] = {
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# Up to this share of white, HDR is shown as it is; what is brighter is bent below white.
_KNEE = 0.5
# Converted at a time, to bound memory.
_STRIP_PX = 2**18
_LIGHT_STEPS = 2**16
# What ICC profiles convert from; they are tried with the picture's mode, and grey with that of RGB too.
_PROFILE_MODES = {"L": ("L", "RGB"), "RGB": ("RGB",), "CMYK": ("CMYK",), "LAB": ("LAB",)}


class IccProfile(NamedTuple):
    """An embedded profile."""

    data: bytes


class CodePoints(NamedTuple):
    """Numbers of ITU-T H.273, as in the cICP chunk of a PNG and the `nclx` of an ISO media file."""

    primaries: int
    transfer: int
    full_range: bool = True


class Gamma(NamedTuple):
    """Samples that are light to the power `exponent` (None: sRGB's curve), with primaries (None: sRGB's)."""

    exponent: float | None
    primaries: Chromaticities | None = None


Declaration = IccProfile | CodePoints | Gamma
ADOBE_RGB = Gamma(256 / 563, _ADOBE_RGB)


@dataclass(frozen=True, slots=True)
class Conversion:
    """`to_srgb` takes a picture of the mode that it was made for; `hdr` when it maps tones brighter than white."""

    to_srgb: Callable[[Image.Image], Image.Image]
    hdr: bool = False


def _as_srgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


_AS_SRGB = Conversion(_as_srgb)


def conversion(mode: str, declared: Sequence[Declaration]) -> Conversion:
    """By the first declaration that can be understood and is for this mode (L, RGB, CMYK or LAB); else as sRGB."""
    for declaration in declared:
        if isinstance(declaration, IccProfile):
            found = _of_profile(mode, declaration.data)
        elif isinstance(declaration, CodePoints):
            found = _of_code_points(mode, declaration)
        else:
            found = _of_gamma(mode, declaration)
        if found is not None:
            return found
    return _AS_SRGB


def _of_profile(mode: str, profile: bytes) -> Conversion | None:
    points = _code_points_in(profile)
    if points is not None and points.transfer in transfer.HDR:
        # HDR pictures have curves beside these, for those who know nothing better.
        return _of_code_points(mode, points)
    for source in _PROFILE_MODES.get(mode, ()):
        try:
            opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            change = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), source, "RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            continue  # a damaged profile, or one for another colour space: as if there were none
        return Conversion(functools.partial(_transformed, source, change))
    return None


def _transformed(mode: str, change: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    return cast("Image.Image", ImageCms.applyTransform(image.convert(mode), change))


def _of_code_points(mode: str, points: CodePoints) -> Conversion | None:
    curve = transfer.curve(points.transfer)
    if curve is None or mode not in ("L", "RGB"):
        return None
    primaries = _PRIMARIES.get(points.primaries, SRGB)
    if curve is transfer.srgb and primaries is SRGB and points.full_range:
        return _AS_SRGB
    levels = np.arange(256) / 255
    if not points.full_range:
        # Black is 16 and white 235 (H.273, equation 20).
        levels = np.clip((np.arange(256) - 16) / 219, 0, 1)
    return _by_matrix(curve, levels, primaries)


def _of_gamma(mode: str, declared: Gamma) -> Conversion | None:
    exponent, primaries = declared
    if mode not in ("L", "RGB") or (exponent is not None and not 0.01 <= exponent <= 100):
        return None
    curve = transfer.srgb if exponent is None else transfer.power(1 / exponent)
    try:
        return _by_matrix(curve, np.arange(256) / 255, primaries or SRGB)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None


def _by_matrix(curve: Curve, levels: NDArray[np.float64], primaries: Chromaticities) -> Conversion:
    """Light by `curve` of the 256 `levels`, sRGB's primaries by a matrix, then sRGB's curve.

    Raises LinAlgError, ZeroDivisionError for senseless primaries.
    """
    matrix = (np.linalg.inv(_to_xyz(SRGB)) @ _adapted(primaries)).astype(np.float32)
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("senseless primaries")
    luminance = _to_xyz(primaries)[1].astype(np.float32)
    lights = curve(levels).astype(np.float32)
    encoded = (transfer.to_srgb(np.arange(_LIGHT_STEPS) / (_LIGHT_STEPS - 1)) * 255 + 0.5).astype(np.uint8)
    hdr = curve in (transfer.pq, transfer.hlg)

    def strip(values: _Levels) -> _Levels:
        light = lights[values]
        if curve is transfer.hlg:
            light = transfer.hlg_display(light, luminance)
        if hdr:
            light = _bent(light)
        light = light @ matrix.T
        return encoded[(np.clip(light, 0, 1) * (_LIGHT_STEPS - 1) + 0.5).astype(np.uint16)]

    return Conversion(lambda image: _in_strips(image, strip), hdr)


def _in_strips(image: Image.Image, change: Callable[[_Levels], _Levels]) -> Image.Image:
    """`change` maps rows of RGB, (rows, width, 3), one strip after the other."""
    converted = Image.new("RGB", image.size)
    rows = max(1, _STRIP_PX // image.width)
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGB")
        converted.paste(Image.fromarray(change(np.asarray(part))), (0, top))
    return converted


def _bent(light: _Light) -> _Light:
    """Tones above the knee bent below white by an exponential, the largest channel leading, so that hues stay."""
    largest = light.max(axis=2, keepdims=True)
    rest = np.float32(1 - _KNEE)
    over = np.maximum(largest - _KNEE, 0)
    bent = np.where(largest <= _KNEE, largest, _KNEE + rest * (1 - np.exp(-over / rest)))
    return np.asarray(light * (bent / np.maximum(largest, 1e-9)), np.float32)


def _to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ whose white has a luminance of 1. Raises LinAlgError, ZeroDivisionError."""
    pairs = zip(chromaticities[2::2], chromaticities[3::2], strict=True)
    columns = np.stack([np.array([x, y, 1 - x - y]) for x, y in pairs], axis=1)
    scaled: NDArray[np.float64] = columns * np.linalg.solve(columns, _xyz(*chromaticities[:2]))
    return scaled


def _adapted(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """As `_to_xyz`, its white brought to D65 (Bradford)."""
    have, want = _BRADFORD @ _xyz(*chromaticities[:2]), _BRADFORD @ _xyz(*_D65)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(want / have) @ _BRADFORD
    adapted: NDArray[np.float64] = adaptation @ _to_xyz(chromaticities)
    return adapted


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _code_points_in(profile: bytes) -> CodePoints | None:
    """Those of an ICC profile's `cicp` tag (ICC.1:2022, 9.2.17)."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, 132 + 12 * min(count, 100), 12):
        if profile[at : at + 4] == b"cicp":
            offset = int.from_bytes(profile[at + 4 : at + 8], "big")
            body = profile[offset + 8 : offset + 12]
            if len(body) == 4:
                return CodePoints(body[0], body[1], bool(body[3]))
    return None
