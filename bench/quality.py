"""Held-out measures of painted pictures, side by side for both style losses.

    python -m bench.quality [--size 384] [--pictures FOLDER] [--pairs 6] [--preset standard]

Takes contents and styles from the gallery, or all pictures of a folder against each other. Nothing that is measured
here is in the objective: see `bench.measures`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from itertools import product
from pathlib import Path

from server.engine.environment import prepare

LOSSES = ("covariance", "gram")


def pairs_of(folder: Path | None, count: int) -> list[tuple[Path, Path]]:
    """`count` pairs of content and style, spread over all that there are."""
    if folder is None:
        gallery = Path(__file__).resolve().parent.parent / "server" / "data" / "gallery"
        names = ("astronaut", "chelsea", "coffee", "rocket")
        contents = [gallery / f"{name}.jpg" for name in names]
        styles = sorted(path for path in gallery.glob("*.jpg") if path.stem not in names)
    else:
        contents = styles = sorted(
            path for path in folder.iterdir() if path.suffix in (".jpg", ".jpeg", ".png", ".webp")
        )
    everything = [(content, style) for content, style in product(contents, styles) if content != style]
    step = max(1, len(everything) // count)
    return everything[::step][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=384, help="longest side in px")
    parser.add_argument("--pictures", type=Path, help="folder of pictures instead of the gallery")
    parser.add_argument("--pairs", type=int, default=6, help="pairs of content and style")
    parser.add_argument("--preset", default="standard", choices=("draft", "standard", "fine"))
    options = parser.parse_args()
    prepare(os.environ)

    from bench.judge import Judge
    from bench.machine import describe

    print(describe())
    judge = Judge()
    print(f"{'content':18} {'style':16} {'loss':11} seconds  {'  '.join(judge.NAMES)}")
    results: dict[str, list[dict[str, float]]] = {loss: [] for loss in LOSSES}
    for content, style in pairs_of(options.pictures, options.pairs):
        for loss in LOSSES:
            start = time.perf_counter()
            picture = judge.paint(content, style, size=options.size, preset=options.preset, style_loss=loss)
            seconds = time.perf_counter() - start
            found = judge.measure(picture, judge.read(content), judge.read(style))
            results[loss].append(found)
            print(f"{content.stem:18} {style.stem:16} {loss:11} {seconds:7.1f}  {judge.row(found)}", flush=True)
    for loss in LOSSES:
        middle = {name: statistics.median(found[name] for found in results[loss]) for name in judge.NAMES}
        print(f"{'median':18} {'':16} {loss:11} {'':7}  {judge.row(middle)}")
    ratio = statistics.median(
        a["patch"] / b["patch"] for a, b in zip(results["covariance"], results["gram"], strict=True)
    )
    print(f"patch distance, covariance to gram, median of pairs: {ratio:.2f}")


if __name__ == "__main__":
    main()
