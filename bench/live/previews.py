"""Previews as a client sees them: alone, beside a painting, while a slider moves, and what that costs the painting.

    python -m bench previews [--seconds 10]

The real server in a process of its own, over loopback; 512 px, two styles, as the page asks.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bench.common.machine import describe
from bench.common.session import gallery_ids
from bench.live.load import quantile
from tests.support.real_server.server_process import server_process
from tests.support.real_server.socket_client import Socket, socket

PX, REPEATS = 512, 12
# how often a slider tells another value, and how often somebody looks
MOVE_S = LOOK_S = 0.02


class Asker:
    """Asks for previews on a socket of its own, one at a time."""

    def __init__(self, client: Socket, content: str, styles: Sequence[str]) -> None:
        self._client, self._content, self._styles = client, content, styles
        self._weights = itertools.count(1)

    async def ask(self) -> float:
        """Seconds from the request to the frame. Raises SystemExit when the server refuses."""
        begin = time.perf_counter()
        params = {"style_weight": 5 + next(self._weights) % 30, "size": PX}
        await self._client.send(
            "preview", ref="p", content=self._content, styles=list(self._styles), params=params, max_px=PX
        )
        while True:
            message = await self._client.receive()
            if message["type"] == "error":
                raise SystemExit(f"the server says: {message}")
            if message["type"] == "frame" and message.get("ref") == "p":
                return time.perf_counter() - begin

    async def slide(self, seconds: float) -> list[float]:
        """Ages of the picture that is shown, at every look: seconds since its settings were the newest."""
        ages, shown_at = [], time.perf_counter()
        end = shown_at + seconds
        asking = asyncio.create_task(self.ask())
        asked_at = shown_at
        while time.perf_counter() < end:
            await asyncio.sleep(LOOK_S)
            if asking.done():
                asking.result()
                shown_at, asked_at = asked_at, time.perf_counter()
                asking = asyncio.create_task(self.ask())
            ages.append(time.perf_counter() - shown_at)
        await asking
        # the first picture was not there yet
        return ages[len(ages) // 10 :]


@asynccontextmanager
async def painting(address: str, content: str, styles: Sequence[str], size: int) -> AsyncIterator[list[float]]:
    """A job at `size` px that goes on and on; the seconds of its evaluations as they come."""
    steps: list[float] = []
    async with socket(address) as client:
        client.timeout_s = 600
        params: dict[str, Any] = {"size": size, "iterations": 5000}
        await client.send("submit", content=content, styles=list(styles), params=params, frames=False)
        ticket = await client.until("accepted")
        await client.until("started")

        begun = asyncio.Event()

        async def listen() -> None:
            while True:
                message = await client.receive()
                if message["type"] == "progress":
                    steps.append(message["step_s"])
                    begun.set()

        listening = asyncio.create_task(listen())
        await begun.wait()
        try:
            yield steps
        finally:
            listening.cancel()
            await client.send("cancel", job=ticket["job"], key=ticket["key"])
            await asyncio.sleep(1)


def told(what: str, seconds: Sequence[float], most: float) -> None:
    p50, p95 = (1e3 * quantile(list(seconds), share) for share in (0.5, 0.95))
    print(f"{what:42} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   (at most {most:.0f})", flush=True)


async def measure(address: str, seconds: float) -> None:
    contents, styles = await asyncio.to_thread(gallery_ids, address)
    content, pair = contents[2], styles[:2]
    async with socket(address) as client:
        client.timeout_s = 600
        asker = Asker(client, content, pair)
        print(f"first of all, with pictures to decode      {1e3 * await asker.ask():10.0f} ms")
        told("idle", [await asker.ask() for _ in range(REPEATS)], 300)
        told("a slider moves: age of what is shown", await asker.slide(seconds), 600)
        async with painting(address, contents[0], pair, PX) as steps:
            begun = len(steps)
            await asyncio.sleep(seconds)
            alone, begun = steps[begun:], len(steps)
            ages = await asker.slide(seconds)
            beside = steps[begun:]
            told("a slider moves beside a job of 512 px", ages, 600)
            slower = statistics.mean(beside) / statistics.mean(alone) - 1
            print(f"  the job's evaluations are slower by {100 * slower:20.0f} %    (at most 25)", flush=True)
            told("beside a job of 512 px, now and then", await _now_and_then(asker), 500)
        async with painting(address, contents[0], pair, 2048):
            told("beside a job of 2048 px, now and then", await _now_and_then(asker), 800)


async def _now_and_then(asker: Asker) -> list[float]:
    taken = []
    for _ in range(REPEATS):
        await asyncio.sleep(1)
        taken.append(await asker.ask())
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="how long a slider moves")
    options = parser.parse_args()
    print(f"{describe()}, nice {os.nice(0)}")
    with server_process() as server:
        asyncio.run(measure(server.url, options.seconds))


if __name__ == "__main__":
    main()
