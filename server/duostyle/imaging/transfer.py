"""Transfer functions: from the samples of a picture, 0 to 1, to light, where 1 is white (ITU-T H.273, table 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = Callable[[NDArray[Any]], NDArray[Any]]

_PQ, _HLG = 16, 18
HDR = frozenset({_PQ, _HLG})
# ITU-R BT.2408: the luminance of white in an HDR picture; BT.2100: the peak of the display that HLG is defined on.
_WHITE_CD_PER_M2, _HLG_PEAK_CD_PER_M2 = 203.0, 1000.0
_HLG_SYSTEM_GAMMA = 1.2


def curve(number: int) -> Curve | None:
    """None for a number that is not known, or reserved.

    The camera curves of television (BT.709 and its kin) are read as sRGB, as browsers do: pictures are made on a
    display, and most that carry these numbers were sRGB before.
    """
    if number in (1, 2, 6, 11, 12, 13, 14, 15):
        return srgb
    known: dict[int, Curve] = {
        4: power(2.2),
        5: power(2.8),
        7: _smpte_240,
        8: power(1.0),
        9: lambda values: np.where(values > 0, 10 ** (2 * (values - 1)), 0),
        10: lambda values: np.where(values > 0, 10 ** (2.5 * (values - 1)), 0),
        _PQ: pq,
        17: lambda values: 52.37 / 48 * values**2.6,
        _HLG: hlg,
    }
    return known.get(number)


def power(exponent: float) -> Curve:
    """Light that is the sample to this power."""
    return lambda values: values**exponent


def srgb(values: NDArray[Any]) -> NDArray[Any]:
    """IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_srgb(light: NDArray[Any]) -> NDArray[Any]:
    """The inverse of `srgb`."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def pq(values: NDArray[Any]) -> NDArray[Any]:
    """SMPTE ST 2084, over the luminance of HDR white: up to 49.3."""
    root = values ** (32 / 2523)
    light = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    return light ** (16384 / 2610) * (10_000 / _WHITE_CD_PER_M2)


def hlg(values: NDArray[Any]) -> NDArray[Any]:
    """The light of the scene, 0 to 1 (ITU-R BT.2100); `hlg_display` makes light of the display of it."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def hlg_display(scene: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The system gamma on the luminance (BT.2100), over the luminance of HDR white: up to 4.9.

    `scene` is (rows, width, 3), `weights` are the luminances of the three primaries.
    """
    luminance = np.maximum(scene @ weights, 1e-6)[..., None]
    gain = luminance ** (_HLG_SYSTEM_GAMMA - 1) * (_HLG_PEAK_CD_PER_M2 / _WHITE_CD_PER_M2)
    return np.asarray(scene * gain, np.float32)


def _smpte_240(values: NDArray[Any]) -> NDArray[Any]:
    return np.where(values < 4 * 0.0228, values / 4, ((values + 0.1115) / 1.1115) ** (1 / 0.45))
