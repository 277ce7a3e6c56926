"""Part e: how long somebody waits for a server that was just started, and for the first picture of a job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.common.session import Session, gallery_ids, session
from bench.common.stopwatch import Stopwatch
from bench.common.table import Column, Table
from tests.support.real_server.server_process import server_process

JOBS = 3


def wait(longest_px: Sequence[int]) -> None:
    """For each size a fresh server: seconds to ready, then of its first jobs, two styles each."""
    table = Table(Column("what", width=24), Column("longest px"), Column("s after submit"), Column("s after started"))
    for number, size in enumerate(longest_px):
        watch = Stopwatch()
        with server_process() as server:
            print(f"process start to ready: {watch.seconds:.2f} s")
            if number == 0:
                print(table.head())
            for job, waited in enumerate(asyncio.run(first_jobs(server.url, size)), start=1):
                print(table.row(f"job {job}, first changed picture", size, *waited), flush=True)


async def first_jobs(address: str, size: int) -> list[tuple[float, float]]:
    """Of each job the seconds from submit and from `started` to its first changed picture; then it is cancelled."""
    contents, styles = gallery_ids(address)
    waited = []
    async with session(address) as client:
        for job in range(JOBS):
            pair = (styles[2 * job], styles[2 * job + 1])
            waited.append(await first_change(client, contents[job % len(contents)], pair, size))
    return waited


async def first_change(client: Session, content: str, styles: Sequence[str], size: int) -> tuple[float, float]:
    ticket = await client.submit(content, styles, size=size)
    started_at = (await client.until("started", job=ticket.job)).at
    # the first step is an evaluation of the start, which shows in its picture; the second has moved it
    while (frame := await client.until("frame", job=ticket.job)).message["step"] < 2:
        continue
    await client.send("cancel", job=ticket.job, key=ticket.key)
    await client.until("cancelled", job=ticket.job)
    return frame.at - ticket.at, frame.at - started_at
