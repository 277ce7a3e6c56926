"""Many small jobs of clients that come, watch, cancel and vanish: whether the process grows or leaks.

python -m bench.faults.soak [--jobs 1000] [--clients 8] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from bench.faults.crash import upload
from tests.support.contract import ENDS
from tests.support.real_server.http_client import metric
from tests.support.real_server.server_process import ServerProcess, server_process
from tests.support.real_server.socket_client import socket

_TIMEOUT_S = 60.0
# What clients do with their job.
MOODS = ("watch", "watch frames", "cancel", "vanish", "vanish at once", "delete", "pause")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of the server's process: resident memory in KiB, threads, file descriptors, tasks of its event loop."""

    resident_kib: int
    threads: int
    descriptors: int
    tasks: int


class Soak:
    """`ends` counts how jobs ended, as their clients saw; `moods` what clients did with them."""

    def __init__(self, server: ServerProcess, chance: random.Random) -> None:
        self._server, self._chance = server, chance
        self._images: list[str] = []
        self._begun = 0
        self.ends: Counter[str] = Counter()
        self.moods: Counter[str] = Counter()

    async def prepare(self) -> None:
        self._images = await upload(self._server.url)

    async def run(self, jobs: int, clients: int) -> None:
        """So many more jobs, by so many clients at a time."""
        goal = self._begun + jobs

        async def client() -> None:
            while self._begun < goal:
                self._begun += 1
                await self._visit(self._chance.choice(MOODS))

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())
        await self._until_idle()

    def footprint(self) -> Footprint:
        """With nobody connected but the one who asks."""
        server = self._server
        tasks = int(server.metric("duostyle_asyncio_tasks"))
        return Footprint(server.resident_bytes() // 1024, server.threads(), server.open_files(), tasks)

    async def _until_idle(self) -> None:
        names = ("jobs_waiting", "jobs_running", "sockets", "jobs_paused")
        async with asyncio.timeout(_TIMEOUT_S), httpx.AsyncClient(base_url=self._server.url, timeout=60) as http:
            while True:
                if not any([await metric(http, f"duostyle_{name}") for name in names]):
                    return
                await asyncio.sleep(0.05)

    async def _visit(self, mood: str) -> None:
        self.moods[mood] += 1
        async with socket(self._server.url) as client:
            frames: Any = {"max_px": 64, "max_fps": 10, "window": 1} if mood == "watch frames" else False
            order = {"content": self._images[0], "styles": [self._images[1]]}
            params = {"seed": self._chance.randrange(2**50)}
            await client.send("submit", frames=frames, params=params, **order)
            accepted = await client.until("accepted", "error")
            if accepted["type"] != "accepted":
                raise SystemExit(f"a job was refused: {accepted}")
            job, key = accepted["job"], accepted["key"]
            if mood == "vanish at once":
                client.kill()
                return
            if mood == "cancel":
                await client.send("cancel", job=job, key=key)
            if mood == "pause":
                for kind in ("pause", "resume"):
                    await client.send(kind, job=job, key=key)
            if mood == "vanish":
                await client.receive()
                client.kill()
                return
            if mood == "delete":
                async with httpx.AsyncClient(base_url=self._server.url, timeout=60) as http:
                    await http.delete(f"/api/jobs/{job}", headers={"Authorization": f"Bearer {key}"})
                return
            self.ends[(await client.until(*ENDS))["type"]] += 1


async def soak(server: ServerProcess, jobs: int, clients: int, seed: int) -> None:
    warm_up = min(200, jobs // 2)
    soak = Soak(server, random.Random(seed))
    await soak.prepare()
    print("after jobs   resident   threads   descriptors   tasks")

    def show(done: int) -> Footprint:
        foot = soak.footprint()
        line = f"{done:10}{foot.resident_kib:7} KiB{foot.threads:10}{foot.descriptors:14}{foot.tasks:8}"
        print(line, flush=True)
        return foot

    show(0)
    await soak.run(warm_up, clients)
    done = warm_up
    warm = last = show(done)
    while done < jobs:
        part = min(100, jobs - done)
        await soak.run(part, clients)
        done += part
        last = show(done)
    per_job_kib = (last.resident_kib - warm.resident_kib) / max(1, jobs - warm_up)
    print(f"per job after the first {warm_up}: {per_job_kib:.1f} KiB")
    print("what clients did:", dict(soak.moods))
    print("ends they saw: ", dict(soak.ends))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8, help="clients at a time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with server_process({"steps": 3, "step_s": 0.002, "proves": True, "size": (64, 48)}) as server:
        asyncio.run(soak(server, options.jobs, options.clients, options.seed))


if __name__ == "__main__":
    main()
