"""Seconds per evaluation against the plain loop, side by side in one run.

    python -m bench.engine [--sizes 256 512] [--repeats 5]

The plain loop is what a tutorial writes: torch's conv2d in NCHW and torch's autograd over the same layers, weights
frozen. Both are taken in turns, so that a passing load meets both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

from server.engine.environment import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 400, 512], help="longest sides in px, 4:3")
    parser.add_argument("--repeats", type=int, default=5, help="evaluations of each")
    options = parser.parse_args()
    prepare(os.environ)

    from bench.machine import describe
    from bench.plain import Rivals

    print(describe())
    rivals = Rivals()
    print("pixels        plain s   ours s   ratio   ours s per megapixel")
    for longest in options.sizes:
        width, height = longest, longest * 3 // 4
        plain, ours = rivals.at(width, height)
        pairs = [(seconds(plain), seconds(ours)) for _ in range(options.repeats + 1)][1:]
        ratio = statistics.median(b / a for a, b in pairs)
        a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{width:4} x {height:4}   {a:7.3f}  {b:7.3f}   {ratio:5.2f}   {b / (width * height / 1e6):7.2f}",
            flush=True,
        )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
