"""Small synthetic pictures: a content with light, shade and forms, and styles that differ in colour and stroke."""

from __future__ import annotations

import torch
from torch import Tensor

from duostyle.engine.runtime import to_picture
from duostyle.picture import Picture


def _grid(width: int, height: int) -> tuple[Tensor, Tensor]:
    """Row and column numbers in px, [h, w] each."""
    rows, columns = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return rows, columns


def scene(width: int, height: int) -> Tensor:
    """A content [1, 3, h, w]: light sky above, dark ground below, a bright disc and some texture."""
    rows, columns = _grid(width, height)
    sky = 1 - rows / max(1, height)
    disc = ((rows - height * 0.3).square() + (columns - width * 0.6).square() < (min(width, height) * 0.2) ** 2).float()
    ripple = 0.08 * torch.sin(columns * 0.9) * torch.cos(rows * 0.5)
    picture = torch.stack([0.2 + 0.5 * sky, 0.3 + 0.3 * sky + 0.3 * disc, 0.7 * sky + 0.1])
    return (picture + ripple).clamp(0, 1)[None]


def stripes(width: int, height: int) -> Tensor:
    """A warm style [1, 3, h, w] of diagonal stripes."""
    rows, columns = _grid(width, height)
    wave = 0.5 + 0.5 * torch.sin((rows + columns) * 0.8)
    return torch.stack([0.9 * wave + 0.1, 0.5 * wave, 0.15 * (1 - wave)])[None]


def speckles(width: int, height: int, seed: int = 1) -> Tensor:
    """A cool style [1, 3, h, w] of random dots."""
    grain = torch.rand(height, width, generator=torch.Generator().manual_seed(seed))
    return torch.stack([0.1 * grain, 0.3 + 0.3 * grain, 0.5 + 0.5 * grain])[None]


def random_picture(width: int, height: int, seed: int = 0) -> Tensor:
    """Independent random values in 0.2..0.8, [1, 3, h, w]: away from the border of 0..1."""
    return 0.2 + 0.6 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def flat(width: int, height: int, color: tuple[float, float, float]) -> Tensor:
    """One colour everywhere, [1, 3, h, w]."""
    return torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()


def scene_picture(width: int, height: int) -> Picture:
    return to_picture(scene(width, height))


def stripes_picture(width: int, height: int) -> Picture:
    return to_picture(stripes(width, height))


def speckles_picture(width: int, height: int) -> Picture:
    return to_picture(speckles(width, height))


def flat_picture(width: int, height: int, color: tuple[float, float, float]) -> Picture:
    return to_picture(flat(width, height, color))
