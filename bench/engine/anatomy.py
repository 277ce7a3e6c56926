"""Part h: where the seconds of an evaluation go, and what the evaluations gain one after the other.

The kinds are those of the library calls that did the work. Multiplications are counted as a direct convolution needs
them, so Winograd's rate may be above what the processor can do; the rate of a large matrix product stands beside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.autograd.profiler import profile

from bench.common.stopwatch import seconds_of
from bench.common.table import Column, Table
from bench.engine.evaluation import four_by_three, made_up, network_of, our_evaluation
from bench.quality.race import Race
from duostyle.engine.torch_engine import TorchEngine

CONVOLUTIONS = {
    "aten::_nnpack_spatial_convolution": "Winograd (NNPACK)",
    "aten::mkldnn_convolution": "direct (oneDNN)",
    # for the smallest maps
    "aten::_slow_conv2d_forward": "direct (torch)",
}
PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "aten::baddbmm")
PRODUCT, REST = "matrix products", "the rest, value by value"
# of the square matrices whose product is the machine's pace
PACE_SIDE = 2048
# evaluations at full size after which a descent is looked at
MARKS = (1, 5, 10, 20, 40, 80, 120, 160, 200)

Shapes = Sequence[Sequence[int]]


@dataclass
class Share:
    """`calls`, milliseconds and floating point operations of one kind, of one evaluation."""

    calls: float = 0.0
    ms: float = 0.0
    operations: float = 0.0


def operations_of(name: str, shapes: Shapes) -> float:
    """Floating point operations of one call; 0 for what is neither a convolution nor a product of matrices."""
    if name in CONVOLUTIONS:
        (_, _, height, width), weight = shapes[0], shapes[1]
        return 2.0 * math.prod(weight) * height * width
    if name in PRODUCTS:
        # the last two that are matrices: an addend comes before them
        a, b = [shape for shape in shapes if len(shape) >= 2][-2:]
        return 2.0 * math.prod(a) * b[-1]
    return 0.0


def kind_of(name: str) -> str:
    """Under which heading a library call of this name is counted."""
    return CONVOLUTIONS.get(name) or (PRODUCT if name in PRODUCTS else REST)


def shares(engine: TorchEngine, width: int, height: int, repeats: int) -> dict[str, Share]:
    """By kind, the means of so many evaluations of all layers at width x height px; longest first.

    Raises AssertionError before the engine has loaded.
    """
    evaluate = our_evaluation(network_of(engine), *made_up(width, height), None)
    evaluate()
    with profile(record_shapes=True) as seen:
        for _ in range(repeats):
            evaluate()
    found: dict[str, Share] = defaultdict(Share)
    for event in seen.key_averages(group_by_input_shape=True):
        share = found[kind_of(event.key)]
        share.calls += event.count / repeats
        share.ms += event.self_cpu_time_total / 1e3 / repeats
        share.operations += event.count * operations_of(event.key, event.input_shapes) / repeats
    return dict(sorted(found.items(), key=lambda item: -item[1].ms))


def pace(repeats: int) -> float:
    """Floating point operations a second of a large matrix product, the best of so many."""
    a, b = torch.rand(2, PACE_SIDE, PACE_SIDE)
    return 2.0 * PACE_SIDE**3 / min(seconds_of(lambda: a @ b) for _ in range(repeats + 1))


def seconds(engine: TorchEngine, longest_px: Sequence[int], repeats: int) -> None:
    """Print where the seconds go, at 4:3 with these longest sides."""
    print(f"a product of two {PACE_SIDE} x {PACE_SIDE} matrices: {pace(repeats) / 1e9:.0f} GFLOP/s")
    table = Table(
        Column("pixels", width=11),
        Column("kind", width=24),
        Column("calls", 0),
        Column("ms", 1, 6),
        Column("share %", 0),
        Column("GFLOP", 1),
        Column("GFLOP/s", 0),
    )
    print(table.head())
    for width, height in map(four_by_three, longest_px):
        found = shares(engine, width, height, repeats)
        whole_ms = sum(share.ms for share in found.values())
        for kind, share in found.items():
            rate = share.operations / share.ms / 1e6 if share.operations else None
            work = share.operations / 1e9 if share.operations else None
            cells = (kind, share.calls, share.ms, 100 * share.ms / whole_ms, work, rate)
            print(table.row(f"{width} x {height}", *cells), flush=True)


def evaluations(race: Race, most: int) -> None:
    """Print what the evaluations gain: the costs on the plain runs' own function, on the way down."""
    table = Table(Column("evaluation", 0), Column("J", 3, 6), Column("of it content", 3), Column("style", 3))
    print(table.head())
    for number, costs in enumerate(race.descent(most), 1):
        if number in MARKS:
            print(table.row(number, costs.total, costs.content, sum(costs.style)), flush=True)
