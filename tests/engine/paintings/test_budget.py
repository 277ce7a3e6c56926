"""A painting above the memory budget is evaluated in tiles and comes out the same."""

from __future__ import annotations

import time

import pytest
import torch

from duostyle.engine.api import Control, Request
from duostyle.engine.network.vgg import Network
from duostyle.engine.objective import tiling
from duostyle.engine.painter import Shared, TorchPainter
from duostyle.engine.preview.instant import Instant
from duostyle.engine.runtime import machine_bytes
from duostyle.engine.schedule import Pace
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture


def _noise(width: int, height: int, seed: int) -> Picture:
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    large = torch.nn.functional.interpolate(small, size=(height, width), mode="bilinear")[0]
    pixels = large.mul(255).to(torch.uint8).permute(1, 2, 0).contiguous()
    return Picture(width, height, pixels.numpy().tobytes())


def test_tiles_paint_the_same_picture(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "BYTES_PER_PX", 1)
    params = StyleParams(size=288, iterations=2, masks="left-right")
    request = Request(_noise(288, 96, 1), (_noise(96, 96, 2), _noise(96, 128, 3)), params)

    def paint(budget: int | None) -> tuple[bytes, float]:
        control = Control()
        painter = TorchPainter(
            Shared(network, Instant(network.device), Pace(), time.perf_counter, budget), request, control
        )
        assert painter.run(lambda step: None)
        return painter.picture().rgb, painter.report()["costs"]["total"]

    # the finest canvas is 304 x 112 px: one byte per pixel does not fit into 20000 bytes
    assert tiling.tile_side(112, 304, 20_000) == 256
    (whole, cost), (cut, cost_cut) = paint(None), paint(20_000)
    assert cost_cut == pytest.approx(cost, rel=1e-3)
    difference = [abs(a - b) for a, b in zip(whole, cut, strict=True)]
    assert sum(difference) / len(difference) < 0.5


def test_the_budget_is_half_of_the_machine_unless_given() -> None:
    assert TorchEngine().budget_bytes() == machine_bytes() // 2
    assert TorchEngine(memory_budget_mb=3).budget_bytes() == 3 << 20
    assert machine_bytes() > 2**28
