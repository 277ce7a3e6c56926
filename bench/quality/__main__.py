"""Held-out measures of painted pictures, side by side for several variants.

    python -m bench.quality [--size 256] [--pictures FOLDER] [--contents A B] [--styles C D] [--pairs N]
        [--variant "standard" --variant "gram --style-loss gram" ...] [--out rows.jsonl]
        [--precision auto|float32|bfloat16]

Paints every content with every style (or N pairs spread over them), each in every variant, and measures what the engine
does not optimise, see `bench.quality.measures`:
`patch`, `gram` and `random` are distances from the style, lower is nearer;
`ssim` and `edges` say how much of the content is left, higher is more;
`grid2` is a weave at single pixels, at most 0.010 in photos and paintings. With --out each result is kept as a line of
JSON as soon as it is there, and what is in the file already is not painted again.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.common.pictures import Pair, add_picture_options, pairs_from
from bench.common.table import Column, Table, median_ratio, medians
from bench.quality.journal import Journal
from bench.quality.variants import Variant, read_variants
from duostyle.engine.environment import prepare

NAMES = ("patch", "ssim", "edges", "gram", "random", "grid2")
DEFAULT_VARIANTS = ("standard", "gram --style-loss gram")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--size", type=int, default=256, help="longest side in px, unless a variant says (default 256)")
    made.add_argument("--pairs", type=int, help="so many pairs, spread over all (default: every content, every style)")
    made.add_argument(
        "--variant", action="append", metavar="TEXT", help="a name and options of `duostyle paint`; the first is base"
    )
    made.add_argument("--out", type=Path, metavar="FILE", help="JSON lines: kept at once, taken up again")
    made.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto", help="of the engine")
    add_picture_options(made)
    return made


def main() -> None:
    options = parser().parse_args()
    pairs, variants = pairs_from(options, options.pairs), read_variants(options.variant or DEFAULT_VARIANTS)
    prepare(os.environ)

    from bench.common.machine import describe
    from bench.common.stopwatch import Stopwatch
    from bench.quality.judge import Judge

    print(describe(), flush=True)
    judge, journal = Judge(precision=options.precision), Journal(options.out)
    table = Table(
        Column("content", width=18),
        Column("style", width=16),
        Column("variant", width=12),
        *(Column("seconds", 1), *(Column(name, 4, width=6) for name in NAMES)),
    )
    print(table.head())
    rows: list[dict[str, Any]] = []
    for (content, style), variant in ((pair, variant) for pair in pairs for variant in variants):
        key = key_of((content, style), variant, options.size)
        row = journal.find(key)
        if row is None:
            watch = Stopwatch()
            picture = judge.paint(content, style, **key["params"])
            seconds = watch.seconds
            found = judge.measure(picture, judge.read(content), judge.read(style))
            row = journal.add({**key, "seconds": seconds, **found})
        rows.append(row)
        print(table.row(content.stem, style.stem, variant.name, row["seconds"], *(row[n] for n in NAMES)), flush=True)
    print()
    for line in summary(rows, [variant.name for variant in variants], table):
        print(line)


def key_of(pair: Pair, variant: Variant, size: int) -> dict[str, Any]:
    """What a kept result must have in common with a wanted one: the pictures and every parameter."""
    # through JSON, as a journal gives it back
    params = json.loads(json.dumps({"size": size, **variant.params}))
    return {"content": pair[0].stem, "style": pair[1].stem, "variant": variant.name, "params": params}


def summary(rows: Sequence[dict[str, Any]], names: Sequence[str], table: Table) -> list[str]:
    """The medians of each variant, and the ratio of patch distances and of seconds to the first one, pair by pair."""
    by_name = {name: [row for row in rows if row["variant"] == name] for name in names}
    lines = []
    for name, found in by_name.items():
        middle = medians(found, ("seconds", *NAMES))
        lines.append(table.row("median", f"{len(found)} pairs", name, *middle.values()))
    base, *others = names
    for name in others:
        ratios = [
            median_ratio([row[what] for row in by_name[name]], [row[what] for row in by_name[base]])
            for what in ("patch", "seconds")
        ]
        lines.append(f"{name} to {base}, medians of pairs: patch distance {ratios[0]:.2f}, seconds {ratios[1]:.2f}")
    return lines


if __name__ == "__main__":
    main()
