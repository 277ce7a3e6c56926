"""Part f: is the time left true, and how soon does a running job react? All as a client sees it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.session import Session, gallery_ids, session
from bench.common.table import Column, Table, relative_errors
from tests.support.real_server.server_process import server_process

PRESETS = ("draft", "standard")
# the time left is asked for after this share of the steps
ASKED_AT = 0.1


def steer(longest_px: Sequence[int], repeats: int) -> None:
    """Both tables, each in a fresh server."""
    with server_process() as server:
        asyncio.run(time_left(server.url, longest_px))
    print()
    with server_process() as server:
        asyncio.run(obedience(server.url, longest_px, repeats))


async def time_left(address: str, longest_px: Sequence[int]) -> None:
    """`eta_s` after a tenth of the steps against the seconds that it then took to `completed`."""
    contents, styles = gallery_ids(address)
    table = Table(Column("longest px"), Column("preset", width=8), Column("told s", 1), Column("took s", 1),
                  Column("error %", 0))  # fmt: skip
    print(table.head())
    predicted, took = [], []
    async with session(address) as client:
        for number, (size, preset) in enumerate((size, preset) for size in longest_px for preset in PRESETS):
            pair = (styles[number % len(styles)], styles[(number + 1) % len(styles)])
            eta_s, left_s = await one_guess(client, contents[number % len(contents)], pair, size, preset)
            predicted.append(eta_s)
            took.append(left_s)
            print(table.row(size, preset, eta_s, left_s, 100 * relative_errors([eta_s], [left_s])[0]), flush=True)
    error = statistics.median(relative_errors(predicted, took))
    print(f"time left after {ASKED_AT:.0%} of the steps: off by {error:.0%}, median of {len(predicted)} jobs")


async def one_guess(
    client: Session, content: str, styles: Sequence[str], size: int, preset: str
) -> tuple[float, float]:
    """(predicted, took) in seconds."""
    ticket = await client.submit(content, styles, size=size, preset=preset)
    asked = None
    async for heard in client.listen(ticket.job):
        if asked is None and heard.type == "progress" and share_done(heard.message) >= ASKED_AT:
            asked = heard
    assert asked is not None, "a job ended without progress"
    return float(asked.message["eta_s"]), heard.at - asked.at


def share_done(progress: dict[str, int]) -> float:
    return progress["step"] / progress["total_steps"]


@dataclass(frozen=True)
class Obeyed:
    """Seconds: of one evaluation; from `update` to the first costs that show it; from `cancel` to `cancelled`, and to
    the start of the next job, for which the engine must have let go."""

    evaluation_s: float
    update_s: float
    cancel_s: float
    free_s: float


async def obedience(address: str, longest_px: Sequence[int], repeats: int) -> None:
    """Update and cancel on the finest level, where evaluations take longest."""
    contents, styles = gallery_ids(address)
    table = Table(
        Column("longest px"),
        Column("evaluation s", 3),
        *(Column("update shows s", 3), Column("evaluations", 1)),
        *(Column("cancelled s", 3), Column("engine free s", 3), Column("evaluations", 1)),
    )
    print(table.head())
    async with session(address) as client:
        for size in longest_px:
            found = [await one_job(client, contents[0], styles[:2], size) for _ in range(repeats)]
            names = ("evaluation_s", "update_s", "cancel_s", "free_s")
            each, update, cancel, free = (statistics.median(getattr(row, name) for row in found) for name in names)
            print(table.row(size, each, update, update / each, cancel, free, free / each), flush=True)


async def one_job(client: Session, content: str, styles: Sequence[str], size: int) -> Obeyed:
    ticket = await client.submit(content, styles, size=size, preset="draft")
    finest = 0
    async for heard in client.listen(ticket.job):
        if heard.type == "started":
            finest = heard.message["levels"]
        if heard.type == "progress" and heard.message["level"] == finest:
            break
    # more steps, so that the job does not end by itself meanwhile
    changes = {"content_weight": 0, "iterations": heard.message["step"] + 500}
    begin = time.perf_counter()
    await client.send("update", job=ticket.job, key=ticket.key, params=changes)
    while (heard := await client.until("progress", job=ticket.job)).message["costs"]["content"] > 0:
        continue
    update_s = heard.at - begin
    evaluations = [(await client.until("progress", job=ticket.job)).message["step_s"] for _ in range(3)]
    behind = await client.submit(content, styles, size=64, iterations=1)
    await client.until("progress", job=ticket.job)
    begin = time.perf_counter()
    await client.send("cancel", job=ticket.job, key=ticket.key)
    taken: dict[str, float] = {}
    while len(taken) < 2:
        news = await client.until("cancelled", "started")
        taken[news.type] = news.at - begin
    await client.until("completed", job=behind.job)
    return Obeyed(statistics.median(evaluations), update_s, taken["cancelled"], taken["started"])
