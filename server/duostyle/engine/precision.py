"""The choice between float32 and bfloat16 on the CPU, by whole evaluations, measured once per machine.

Processors with instructions for bfloat16 (AVX512_BF16, AMX) compute it at two to five times the rate of float32, those
without many times slower. Single layers do not tell: what counts is the evaluation with its conversions and products.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.engine.pyramid import Depth
from duostyle.params import StyleParams

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# bfloat16 must take less than this share of float32's seconds to be chosen: what it gains must be worth its roundings,
# and noise must not flip the choice between two runs
WORTH = 0.8
# where bfloat16 takes this many times as long on a small picture, the larger one would take too long to try
HOPELESS = 2.0
SMALL_PX = 64
LARGE_PX = 256
REPEATS = 3

# (precision, side in px) -> an evaluation of a square picture of that size
Evaluation = Callable[[], object]
Prepare = Callable[[str, int], Evaluation]


def quicker(prepare: Prepare) -> str:
    """`float32` or `bfloat16`: whose evaluations, as `prepare` makes them, take less time on this machine."""
    small = _best_seconds(prepare, SMALL_PX)
    if small["bfloat16"] > HOPELESS * small["float32"]:
        return "float32"
    large = _best_seconds(prepare, LARGE_PX)
    return "bfloat16" if large["bfloat16"] < WORTH * large["float32"] else "float32"


def evaluations(networks: Mapping[str, Network]) -> Prepare:
    """What `quicker` asks for: evaluations as the finer levels make them, of a made-up picture."""

    def prepare(precision: str, side_px: int) -> Evaluation:
        generator = torch.Generator().manual_seed(0)
        content, style = (torch.rand(1, 3, side_px, side_px, generator=generator) for _ in range(2))
        params, depth = StyleParams(), Depth("relu3_1")
        extractor = Extractor(networks[precision])
        moments = extractor.style_moments(style, depth.style_layers(params))
        objective = Objective(extractor, content, [moments], params, depth=depth)
        return lambda: objective.evaluate(content)

    return prepare


def _best_seconds(prepare: Prepare, side_px: int) -> dict[str, float]:
    made = {precision: prepare(precision, side_px) for precision in DTYPES}
    best = dict.fromkeys(DTYPES, float("inf"))
    # interleaved, so that a passing load meets both; the first calls pay for memory and code that later ones find ready
    for _ in range(1 + REPEATS):
        for precision, evaluate in made.items():
            start = time.perf_counter()
            evaluate()
            best[precision] = min(best[precision], time.perf_counter() - start)
    return best
