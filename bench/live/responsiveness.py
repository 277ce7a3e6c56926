"""How quick the server stays while the model computes with all cores.

Starts a real server as a process of its own, paints with it, and asks `GET /livez` from this process all the while.

    python -m bench.live.responsiveness [--size 512] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import time

import httpx

from bench.common.machine import describe
from bench.common.session import Session, Ticket, gallery_ids, session
from tests.support.real_server.server_process import server_process


async def ask_livez(address: str, done: asyncio.Event) -> list[float]:
    """Seconds of each request, 25 a second on one kept-alive connection."""
    taken: list[float] = []
    async with httpx.AsyncClient(base_url=address) as client:
        while not done.is_set():
            start = time.perf_counter()
            (await client.get("/livez")).raise_for_status()
            taken.append(time.perf_counter() - start)
            await asyncio.sleep(0.04)
    return taken


async def watch(client: Session, ticket: Ticket, seconds: float) -> tuple[list[float], int]:
    """How much later than its step each progress message came, and the number of frames; cancels at the end."""
    late: list[float] = []
    frames, previous, stop_at = 0, None, None
    async for heard in client.listen(ticket.job):
        frames += heard.type == "frame"
        if heard.type != "progress":
            continue
        stop_at = stop_at or heard.at + seconds
        elapsed_s = heard.message["elapsed_s"]
        if previous is not None:
            # the painting's own clock says how far apart the steps were; what the arrival adds is lateness
            late.append((heard.at - previous[0]) - (elapsed_s - previous[1]))
        previous = (heard.at, elapsed_s)
        if heard.at > stop_at:
            await client.send("cancel", job=ticket.job, key=ticket.key)
            stop_at = math.inf
    return late, frames


async def measure(address: str, size: int, seconds: float) -> None:
    contents, styles = gallery_ids(address)
    async with session(address) as client:
        ticket = await client.submit(contents[0], styles[:2], size=size, iterations=2000)
        done = asyncio.Event()
        livez = asyncio.create_task(ask_livez(address, done))
        late, frames = await watch(client, ticket, seconds)
        done.set()
        report("GET /livez", await livez)
        report("progress later than its step", late)
        print(f"frames drawn                   {frames}")


def report(name: str, taken: list[float]) -> None:
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else taken * 99
    print(
        f"{name:30} n {len(taken):5}   p50 {cuts[49] * 1e3:6.1f} ms   p99 {cuts[98] * 1e3:6.1f} ms   "
        f"max {max(taken) * 1e3:6.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="longest side of the painting in px")
    parser.add_argument("--seconds", type=float, default=20, help="how long to measure")
    options = parser.parse_args()
    print(describe())
    with server_process() as server:
        asyncio.run(measure(server.url, options.size, options.seconds))


if __name__ == "__main__":
    main()
