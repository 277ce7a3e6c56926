"""Seconds of one evaluation: against the plain loop (part a), and against the number of pixels (part c)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.common.stopwatch import seconds_of
from bench.common.table import Column, Table, exponent, median_ratio
from bench.quality.plain import PlainCosts, PlainNetwork
from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import load_weights
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.engine.objective.tiling import tile_side
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import STYLE_LAYERS, StyleParams

PARAMS = StyleParams(style_loss="gram", tv_weight=0.0)


def against_plain(engine: TorchEngine, longest_px: Sequence[int], repeats: int) -> None:
    """Part a: all evaluate the same costs at the same layers, in turns, so that a passing load meets all.

    The ratios are ours to the plain loop, in both precisions, and bfloat16 to float32. `engine` computes in float32.
    """
    network = network_of(engine)
    half = Network(load_weights(engine.weights), network.device, torch.bfloat16)
    plain_network = PlainNetwork.like(network)
    table = Table(
        Column("pixels", width=11),
        *(Column(f"{name} s", 3) for name in ("plain", "float32", "bfloat16")),
        *(Column(name) for name in ("float32/plain", "bfloat16/plain", "bfloat16/float32")),
    )
    print(table.head())
    for width, height in map(four_by_three, longest_px):
        content, style, x = made_up(width, height)
        plain = plain_evaluation(PlainCosts(plain_network, content, style, PARAMS), x)
        ours = [our_evaluation(one, content, style, x, None) for one in (network, half)]
        plain_s, whole_s, half_s = found = in_turns([plain, *ours], repeats)
        ratios = [median_ratio(a, b) for a, b in ((whole_s, plain_s), (half_s, plain_s), (half_s, whole_s))]
        print(table.row(f"{width} x {height}", *map(statistics.median, found), *ratios), flush=True)


def against_pixels(engine: TorchEngine, longest_px: Sequence[int], repeats: int, budget_bytes: int) -> None:
    """Part c: is the cost linear in pixels? Pictures above the memory budget go in tiles, as when painting."""
    network = network_of(engine)
    table = Table(Column("pixels", width=11), Column("s", 3), Column("s per megapixel"), Column("tiles of", width=8))
    print(table.head())
    megapixels, seconds = [], []
    for width, height in map(four_by_three, longest_px):
        tile_px = tile_side(height, width, budget_bytes)
        work = our_evaluation(network, *made_up(width, height), tile_px)
        (taken,) = in_turns([work], repeats)
        megapixels.append(width * height / 1e6)
        seconds.append(statistics.median(taken))
        tiles = None if tile_px is None else f"{tile_px} px"
        print(table.row(f"{width} x {height}", seconds[-1], seconds[-1] / megapixels[-1], tiles), flush=True)
    if len(seconds) > 1:
        print(f"seconds grow with pixels to the power of {exponent(megapixels, seconds):.2f}")


def four_by_three(longest_px: int) -> tuple[int, int]:
    return longest_px, longest_px * 3 // 4


def made_up(width: int, height: int) -> tuple[Tensor, Tensor, Tensor]:
    """Content, style and picture of seeded noise, [1, 3, height, width] each."""
    generator = torch.Generator().manual_seed(0)
    a, b, c = (torch.rand(1, 3, height, width, generator=generator) for _ in range(3))
    return a, b, c


def plain_evaluation(costs: PlainCosts, x: Tensor) -> Callable[[], Tensor]:
    """One call is the plain loop's cost and gradient at x; gives the gradient."""

    def evaluate() -> Tensor:
        picture = x.clone().requires_grad_()
        costs(picture).backward()  # type: ignore[no-untyped-call]
        assert picture.grad is not None
        return picture.grad

    return evaluate


def our_evaluation(
    network: Network, content: Tensor, style: Tensor, x: Tensor, tile_px: int | None
) -> Callable[[], Tensor]:
    """The same by the engine."""
    with torch.inference_mode():
        extractor = Extractor(network, tile_px=tile_px)
        objective = Objective(extractor, content, [extractor.style_moments(style, STYLE_LAYERS)], PARAMS)

    def evaluate() -> Tensor:
        with torch.inference_mode():
            return objective.evaluate(x).gradient

    return evaluate


def in_turns(works: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Seconds of `repeats` rounds of each; a first round that warms up is not counted."""
    rounds = [[seconds_of(work) for work in works] for _ in range(repeats + 1)][1:]
    return [list(column) for column in zip(*rounds, strict=True)]


def network_of(engine: TorchEngine) -> Network:
    """Raises AssertionError before `load`."""
    assert engine.network is not None
    return engine.network
