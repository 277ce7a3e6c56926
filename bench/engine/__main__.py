"""The engine's figures, side by side in one run.

    python -m bench.engine [--part a b c d e f g h] [--sizes 256 400 512 1024] [--pairs 6] [--seconds 30] ...

a  seconds of one evaluation against the plain loop (torch's conv2d in NCHW, torch's autograd, the same layers, weights
   frozen); both in turns, so that a passing load meets both
b  seconds to the cost that plain Gatys runs reach (Adam; L-BFGS with a strong Wolfe line search), and patch distance
   and SSIM after equal seconds, see bench/quality/race.py
c  seconds of one evaluation against the number of pixels
d  peak memory of a painting, each in a process of its own
e  start-up: process to ready, first and second job to the first changed picture
f  how far the time left is off, and how soon cancel and update are taken up, as a client sees it
g  growth of memory over many jobs of mixed sizes
h  where the seconds of an evaluation go, and what one evaluation after the other gains on the way to b's costs
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from bench.common.pictures import add_picture_options, pairs_from
from duostyle.engine.environment import prepare

SIZES = {
    "a": (256, 400, 512, 1024),
    "b": (512,),
    "c": (128, 256, 512, 1024, 2048),
    "d": (256, 512, 1024),
    "e": (512,),
    "f": (128, 256, 384, 512),
    "g": (64, 96, 128, 160),
    "h": (512,),
}
TITLES = {
    "a": "a. One evaluation against the plain loop",
    "b": "b. To the plain runs' cost",
    "c": "c. One evaluation against pixels",
    "d": "d. Peak memory",
    "e": "e. Start-up",
    "f": "f. Time left, update and cancel",
    "g": "g. Growth of memory",
    "h": "h. Where seconds and evaluations go",
}


IN_PROCESS = ("a", "b", "c", "h")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--part", nargs="+", choices=sorted(SIZES), default=sorted(SIZES), help="which tables")
    made.add_argument("--sizes", type=int, nargs="+", metavar="PX", help="longest sides, 4:3 (default: the part's own)")
    made.add_argument("--repeats", type=int, default=5, help="a, c, h: evaluations of each; f: jobs (default 5)")
    made.add_argument("--pairs", type=int, default=6, help="b: pairs of pictures (default 6)")
    made.add_argument("--evaluations", type=int, default=200, help="b: of each plain run; h: of ours (default 200)")
    made.add_argument("--most-evaluations", type=int, default=300, help="b: of ours when it must go on (default 300)")
    made.add_argument("--seconds", type=float, default=30.0, help="b: pictures are compared after these (default 30)")
    made.add_argument("--preset", choices=("draft", "standard", "fine"), default="standard", help="b: ours")
    made.add_argument(
        "--style-loss", choices=("gram", "covariance"), default="gram", help="b: of the plain runs, and of ours to cost"
    )
    made.add_argument(
        "--our-loss", choices=("gram", "covariance"), default="covariance", help="b: of ours after equal seconds"
    )
    made.add_argument("--out", type=Path, metavar="FILE", help="b: JSON lines; pairs already in it are not run again")
    made.add_argument("--iterations", type=int, help="d: evaluations of each painting (default the preset's); g: 8")
    made.add_argument("--jobs", type=int, default=200, help="g: jobs in a row, more than 10 (default 200)")
    made.add_argument(
        "--memory-budget-mb", type=int, nargs="+", default=[0], help="c (the first), d; 0 is the engine's own choice"
    )
    add_picture_options(made)
    return made


def measure_in_process(parts: Sequence[str], options: argparse.Namespace) -> None:
    """Parts a, b, c, h: with one engine in this process."""
    from bench.engine import anatomy, evaluation
    from bench.quality import contest
    from bench.quality.journal import Journal
    from bench.quality.judge import Judge
    from bench.quality.race import Race
    from duostyle.engine.runtime import machine_bytes

    budget_mb = options.memory_budget_mb[0]
    judge = Judge(memory_budget_mb=budget_mb)
    for part in parts:
        sizes = announce(part, options)
        if part == "a":
            evaluation.against_plain(judge.engine, sizes, options.repeats)
        elif part == "b":
            names = ("style_loss", "our_loss", "preset", "evaluations", "most_evaluations")
            key = {name: getattr(options, name) for name in names} | {"equal_s": options.seconds}
            for size in sizes:
                pairs = pairs_from(options, options.pairs)
                contest.hold(judge, pairs, {**key, "size": size}, Journal(options.out))
        elif part == "h":
            anatomy.seconds(judge.engine, sizes, options.repeats)
            content, style = pairs_from(options, 1)[0]
            for size in sizes:
                race = Race(judge, content, style, {"size": size, "style_loss": options.style_loss}, equal_s=0.0)
                anatomy.evaluations(race, options.evaluations)
        else:
            evaluation.against_pixels(judge.engine, sizes, options.repeats, budget_mb << 20 or machine_bytes() // 2)


def measure_from_outside(parts: Sequence[str], options: argparse.Namespace) -> None:
    """Parts d to g: processes of their own, and none here whose threads would be in their way."""
    from bench.engine import memory, peak, startup, steering

    for part in parts:
        sizes = announce(part, options)
        if part == "d":
            peak.peaks(pairs_from(options, 1)[0], sizes, options.memory_budget_mb, options.iterations)
        elif part == "e":
            startup.wait(sizes)
        elif part == "f":
            steering.steer(sizes, options.repeats)
        else:
            memory.grow(options.jobs, sizes, options.iterations or memory.ITERATIONS)


def announce(part: str, options: argparse.Namespace) -> Sequence[int]:
    """Print the part's title; its sizes in px."""
    print(f"\n{TITLES[part]}\n", flush=True)
    return options.sizes or SIZES[part]


def main() -> None:
    options = parser().parse_args()
    prepare(os.environ)
    # the profiler of part h looks for GPUs, and says so
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")
    from bench.common.machine import describe

    print(describe(), flush=True)
    inside = [part for part in options.part if part in IN_PROCESS]
    if inside:
        measure_in_process(inside, options)
    measure_from_outside([part for part in options.part if part not in IN_PROCESS], options)


if __name__ == "__main__":
    main()
