"""The tables of part b: a race for each pair of pictures, kept in a journal, and the medians."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.common.pictures import Pair
from bench.common.table import Column, Table
from bench.quality import gatys
from bench.quality.journal import Journal
from bench.quality.judge import Judge
from bench.quality.race import Race

# the same size, losses and lengths, else a kept result says nothing about this contest
Key = dict[str, Any]


def hold(judge: Judge, pairs: Sequence[Pair], key: Key, journal: Journal) -> None:
    """Race every pair that the journal does not have yet, and print all. `key` has `size`, `style_loss`,
    `our_loss`, `evaluations`, `most_evaluations` and `equal_s`."""
    print(
        f"cost that a plain run reaches in {key['evaluations']} evaluations, {key['size']} px, {key['style_loss']}; "
        "the scorer's J"
    )
    head = [Column("content", width=18), Column("style", width=14), Column("rival", width=5)]
    reach = Table(*head, Column("cost", 3), Column("s", 1), Column("ours ended at", 3), Column("s", 1),
                  Column("ours reached it after s", 1), Column("ratio", 3))  # fmt: skip
    print(reach.head())
    rows = []
    for content, style in pairs:
        row = journal.find({**key, "part": "b", "content": content.stem, "style": style.stem})
        if row is None:
            row = journal.add({**key, "part": "b", **race(judge, content, style, key)})
        rows.append(row)
        for method in gatys.METHODS:
            theirs = row[method]
            cells = (theirs["cost"], theirs["seconds"], row["ours"]["cost"], row["ours"]["seconds"])
            reached_s = seconds_to(row, method)
            ratio = None if reached_s is None else reached_s / theirs["seconds"]
            print(reach.row(row["content"], row["style"], method, *cells, reached_s, ratio), flush=True)
    for method in gatys.METHODS:
        print(reach_line(rows, method))
    print(f"\nafter at most {key['equal_s']:g} s, ours {key['our_loss']}")
    equal = Table(*head[:2], Column("run", width=5), Column("s", 1), Column("patch", 4), Column("ssim", 3))
    print(equal.head())
    for row in rows:
        for name in (*gatys.METHODS, "equal"):
            found = row[name]
            measured = (found["seconds_then"], found["patch"], found["ssim"])
            print(equal.row(row["content"], row["style"], "ours" if name == "equal" else name, *measured))
    for method in gatys.METHODS:
        print(equal_line(rows, method))


def race(judge: Judge, content: Path, style: Path, key: Mapping[str, Any]) -> dict[str, Any]:
    """One pair: both plain runs, ours with their style loss, ours continued where a mark was missed, and ours with
    `our_loss` for the picture after equal seconds."""
    params = {"size": key["size"], "style_loss": key["style_loss"], "preset": key["preset"]}
    start = Race(judge, content, style, params, equal_s=key["equal_s"])
    row: dict[str, Any] = {"content": content.stem, "style": style.stem}
    marks: dict[str, float] = {}
    for method in gatys.METHODS:
        run = start.plain(method, key["evaluations"])
        marks[method] = run.cost
        row[method] = {**run.numbers(), **start.measures(run.picture_then)}
    ours = start.ours(marks)
    row["ours"] = ours.numbers()
    missed = {name: mark for name, mark in marks.items() if name not in ours.reached_s}
    if missed:
        row["continued"] = start.ours_continued(missed, key["most_evaluations"]).numbers()
    if key["our_loss"] != key["style_loss"]:
        other = {**params, "style_loss": key["our_loss"]}
        ours = Race(judge, content, style, other, equal_s=key["equal_s"]).ours({})
    row["equal"] = {**ours.numbers(), **start.measures(ours.picture_then)}
    return row


def seconds_to(row: Mapping[str, Any], method: str) -> float | None:
    """Seconds that ours took to a plain run's cost, continued if need be; None when it never came there."""
    for name in ("ours", "continued"):
        seconds: float | None = row.get(name, {}).get("reached_s", {}).get(method)
        if seconds is not None:
            return seconds
    return None


def reach_line(rows: Sequence[Mapping[str, Any]], method: str) -> str:
    """The median ratio of seconds over all pairs; a pair that was never reached counts as the worst."""
    ratios, first = [], 0
    for row in rows:
        seconds = seconds_to(row, method)
        ratios.append(float("inf") if seconds is None else seconds / row[method]["seconds"])
        first += method in row["ours"]["reached_s"]
    preset = rows[0]["preset"]
    return (
        f"{method}: ours took {statistics.median(ratios):.3f} of its seconds, median of {len(rows)} pairs; "
        f"{preset} as it is reached the cost in {first}, continued in {sum(r < float('inf') for r in ratios)}"
    )


def equal_line(rows: Sequence[Mapping[str, Any]], method: str) -> str:
    ratio = statistics.median(row["equal"]["patch"] / row[method]["patch"] for row in rows)
    ssim = statistics.median(row["equal"]["ssim"] for row in rows)
    return f"patch distance against {method}: {ratio:.2f}, at SSIM {ssim:.3f}, medians of {len(rows)} pairs"
