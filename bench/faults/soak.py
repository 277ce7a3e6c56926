"""Many small jobs of clients that come, watch, cancel and vanish: whether the process grows, or keeps anything open.

python -m bench.faults.soak [--jobs 1000] [--clients 8] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.faults.crash import upload
from bench.faults.lives import Life
from tests.support.contract import ENDS

_PATIENCE_S = 60.0
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
    """`url` and `pid` of a server; `ends` counts how jobs ended, as their clients heard."""

    def __init__(self, url: str, pid: int, chance: random.Random) -> None:
        self._url, self._pid, self._chance = url, pid, chance
        self._images: list[str] = []
        self._begun = 0
        self.ends: Counter[str] = Counter()
        self.moods: Counter[str] = Counter()

    async def prepare(self) -> None:
        self._images = await upload(self._url)

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

    async def footprint(self) -> Footprint:
        """With nobody connected but the one who asks."""
        tasks = int(await self._metric("asyncio_tasks"))
        return Footprint(*_of_process(self._pid), tasks)

    async def _metric(self, name: str) -> float:
        async with httpx.AsyncClient(base_url=self._url, timeout=60) as http:
            text = (await http.get("/metrics")).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"duostyle_{name} "))

    async def _until_idle(self) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                waiting = [
                    await self._metric(name) for name in ("jobs_waiting", "jobs_running", "sockets", "jobs_paused")
                ]
                if not any(waiting):
                    return
                await asyncio.sleep(0.05)

    async def _visit(self, mood: str) -> None:
        self.moods[mood] += 1
        address = self._url.replace("http", "ws", 1) + "/ws"
        async with connect(address, subprotocols=["duostyle.v1"], max_size=None) as socket:  # type: ignore[list-item]
            frames: Any = {"max_px": 64, "max_fps": 10, "window": 1} if mood == "watch frames" else False
            order = {"content": self._images[0], "styles": [self._images[1]]}
            params = {"seed": self._chance.randrange(2**50)}
            await socket.send(json.dumps({"type": "submit", "ref": "s", "frames": frames, "params": params, **order}))
            accepted = await self._until(socket, lambda message: message.get("ref") == "s")
            if accepted["type"] != "accepted":
                raise SystemExit(f"a job was refused: {accepted}")
            job, key = accepted["job"], accepted["key"]
            if mood == "vanish at once":
                socket.transport.abort()
                return
            if mood == "cancel":
                await socket.send(json.dumps({"type": "cancel", "job": job, "key": key}))
            if mood == "pause":
                for kind in ("pause", "resume"):
                    await socket.send(json.dumps({"type": kind, "job": job, "key": key}))
            if mood == "vanish":
                await self._until(socket, lambda message: True)
                socket.transport.abort()
                return
            if mood == "delete":
                async with httpx.AsyncClient(base_url=self._url, timeout=60) as http:
                    await http.delete(f"/api/jobs/{job}", headers={"Authorization": f"Bearer {key}"})
                return
            end = await self._until(socket, lambda message: message.get("type") in ENDS)
            self.ends[end["type"]] += 1

    async def _until(self, socket: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                data = await socket.recv()
                if isinstance(data, bytes):
                    header = json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")])
                    await socket.send(json.dumps({"type": "ack", "job": header["job"], "seq": header["seq"]}))
                    continue
                message: dict[str, Any] = json.loads(data)
                if wanted(message):
                    return message


def _of_process(pid: int) -> tuple[int, int, int]:
    """Resident KiB, threads and descriptors (Linux)."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]), int(lines["Threads"]), len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.asynccontextmanager
async def pretending(folder: Path, *, steps: int = 3, step_s: float = 0.002, hold: Path | None = None) -> Any:
    """A server whose engine only pretends; gives its address and process id."""
    where = ["--port", "0", "--data-dir", str(folder), "--steps", str(steps), "--step-s", str(step_s)]
    if hold is not None:
        where += ["--hold", str(hold)]
    life = await Life.begin([sys.executable, "-m", "bench.faults.pretend", *where])
    try:
        yield await life.address(), life.pid
        await life.end()
    finally:
        await life.kill()


async def soak(folder: Path, jobs: int, clients: int, seed: int) -> None:
    warm_up = min(200, jobs // 2)
    async with pretending(folder) as (url, pid):
        soak = Soak(url, pid, random.Random(seed))
        await soak.prepare()
        print("after jobs   resident   threads   descriptors   tasks")

        async def show(done: int) -> Footprint:
            foot = await soak.footprint()
            line = f"{done:10}{foot.resident_kib:7} KiB{foot.threads:10}{foot.descriptors:14}{foot.tasks:8}"
            print(line, flush=True)
            return foot

        await show(0)
        await soak.run(warm_up, clients)
        done = warm_up
        warm = last = await show(done)
        while done < jobs:
            part = min(100, jobs - done)
            await soak.run(part, clients)
            done += part
            last = await show(done)
        per_job_kib = (last.resident_kib - warm.resident_kib) / max(1, jobs - warm_up)
        print(f"per job after the first {warm_up}: {per_job_kib:.1f} KiB")
        print("what clients did:", dict(soak.moods))
        print("ends they heard: ", dict(soak.ends))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8, help="clients at a time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(soak(Path(folder), options.jobs, options.clients, options.seed))


if __name__ == "__main__":
    main()
