"""Kills a server repeatedly at random moments and checks whether anything was lost, announced twice or half-written.

python -m bench.faults.crash [--kills 100] [--engine stand-in|real] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.faults.ledger import Clients, JobRecord, Ledger, leftovers
from duostyle.errors import DuostyleError
from duostyle.imaging import decode as images
from duostyle.imaging.encode import encode
from tests.support.contract import ENDS
from tests.support.fake_engine import proof_of, state_after
from tests.support.real_server.http_client import Client
from tests.support.real_server.server_process import ServerProcess

# What the project promises a crash to cost at most.
MOST_STEPS = 25
_STEPS = 60
# the stand-in's engine: what it paints shows whether each step was made once and in order
PROVING = {"steps": _STEPS, "step_s": 0.02, "size": (64, 48), "proves": True, "diary": True}
_WORDS = {"failed": "given up after 3 kills"}


class Crashes:
    """`folder` is where the data and the diary of all processes live; each process works for at most `most_s`."""

    def __init__(
        self, folder: Path, chance: random.Random, *, real: bool = False, at_once: int = 6, most_s: float = 2.5
    ) -> None:
        self.ledger = Ledger()
        self._chance, self._real, self._at_once, self._most_s = chance, real, at_once, most_s
        # so slow an engine would have no job left to go on with
        self._cancels = 0.0 if real else 0.05
        self._folder, self._diary = folder, folder / "diary"
        self._images: list[str] = []
        self._starts_s = [1.0]
        self._params: dict[str, Any] = {"size": 96, "iterations": 60} if real else {}

    async def run(self, kills: int) -> None:
        """Kill so often; then let everything come to its end and look again."""
        for number in range(kills):
            await self._one_life()
            print(f"{number + 1} of {kills} kills, {len(self.ledger.jobs)} jobs", end="\r", file=sys.stderr, flush=True)
        with self._server() as server:
            url = await asyncio.to_thread(server.until_listening)
            await self._check(server)
            await self._clients().until_over(url)
            await self._check(server)
            server.terminate()
            if await server.ended() != 0:
                self.ledger.wrong.append("the last SIGTERM did not end with status 0")
        self._check_ends()

    async def _one_life(self) -> None:
        begin = time.monotonic()
        before = self._last_steps()
        over = {record.seed for record in self.ledger.jobs if record.over}
        with self._server() as server:
            if self._images and self._chance.random() < 0.15:
                await asyncio.sleep(self._chance.uniform(0.0, statistics.median(self._starts_s)))
                return self._kill(server, "starting")
            url = await asyncio.to_thread(server.until_listening)
            self._starts_s.append(time.monotonic() - begin)
            if not self._images:
                self._images = await upload(url)
            await self._check(server)
            clients = self._clients()
            busy = asyncio.create_task(clients.keep_busy(url))
            await clients.until_accepted()
            await asyncio.sleep(self._chance.uniform(0.0, self._most_s))
            self._kill(server, "at work")
            await busy
            self._count_lost(before, over, server.pid)

    def _kill(self, server: ServerProcess, when: str) -> None:
        server.kill()
        self.ledger.kills[when] = self.ledger.kills.get(when, 0) + 1

    def _server(self) -> ServerProcess:
        return ServerProcess(self._folder, None if self._real else PROVING)

    def _clients(self) -> Clients:
        return Clients(
            self.ledger,
            self._chance,
            images=self._images,
            params=self._params,
            at_once=self._at_once,
            cancels=self._cancels,
        )

    async def _check(self, server: ServerProcess) -> None:
        """What a start must have brought back. Nobody kills the server meanwhile."""
        try:
            await self._look(server)
        except httpx.TransportError as error:
            self.ledger.wrong.append(f"the server did not answer: {error!r}, its status is {server.process.poll()}")

    async def _look(self, server: ServerProcess) -> None:
        wrong = self.ledger.wrong
        # one that is being written now, a job's or that of the look at the folder, is gone at the end
        unfinished = set(leftovers(server.data))
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
            ahead: int | None = None
            # from the last to the first: positions only fall meanwhile
            for record in reversed(self.ledger.jobs):
                answer = await http.get(f"/api/jobs/{record.job}")
                if answer.status_code != 200:
                    wrong.append(f"a job is lost: {answer.text}")
                    continue
                state = answer.json()
                if record.over and state["status"] != record.status:
                    wrong.append(f"a job that was {record.status} is {state['status']}")
                if state["status"] in ENDS:
                    record.status = state["status"]
                    # a job during which the process died three times is given up, as its error says
                    if record.status == "failed" and "died" not in state["error"]["message"]:
                        wrong.append(f"a job failed: {state['error']}")
                    await self._check_result(http, record, state)
                    continue
                position = 0 if state["status"] == "running" else state["position"]
                if position is None or (ahead is not None and position >= ahead):
                    wrong.append(f"the queue is not in order: {position} before {ahead}")
                ahead = position
        wrong += [f"half-written file left: {name}" for name in unfinished.intersection(leftovers(server.data))]

    async def _check_result(self, http: httpx.AsyncClient, record: JobRecord, state: dict[str, Any]) -> None:
        """A result is whole, and of a completed job the one picture that it must be."""
        answer = await http.get(f"/api/jobs/{record.job}/result.png", params={"partial": 1})
        if answer.status_code == 409 and state["status"] != "completed":
            return
        try:
            picture = images.decode(answer.content)
        except DuostyleError:
            self.ledger.wrong.append(f"a result is not whole: {answer.status_code} {answer.content[:80]!r}")
            return
        if not self._real and state["status"] == "completed" and picture != proof_of(state_after(record.seed, _STEPS)):
            self.ledger.wrong.append("a result is not the picture that it must be")

    def _check_ends(self) -> None:
        for record in self.ledger.jobs:
            if len(record.ends) > 1:
                self.ledger.wrong.append(f"a job ended {len(record.ends)} times: {record.ends}")
            if not record.over:
                self.ledger.wrong.append("a job never ended")

    def _rows(self) -> list[tuple[int, int, int]]:
        """(seed, step, process) of every evaluation ever made."""
        if not self._diary.exists():
            return []
        lines = (line.split() for line in self._diary.read_text().splitlines())
        return [(int(line[0]), int(line[1]), int(line[2])) for line in lines if len(line) == 4]

    def _last_steps(self) -> dict[int, int]:
        """How far each job had come."""
        return {seed: step for seed, step, _ in self._rows()}

    def _count_lost(self, before: dict[int, int], over: set[int], pid: int) -> None:
        """Evaluations made again by this process that an earlier one had made already; `over` had ended before."""
        first: dict[int, int] = {}
        for seed, step, process in self._rows():
            if process == pid:
                first.setdefault(seed, step)
        self.ledger.wrong += ["a job that had ended was painted again" for seed in first if seed in over]
        self.ledger.lost_steps += [max(0, before[seed] - step + 1) for seed, step in first.items() if seed in before]


async def upload(url: str) -> list[str]:
    """Two small pictures; their ids."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        pictures = [encode(proof_of(state_after(seed, 0)), "png") for seed in range(2)]
        return [await Client(http).upload(png) for png in pictures]


def report(ledger: Ledger) -> str:
    """The outcome as a few lines."""
    ends = Counter(record.status for record in ledger.jobs)
    lost: Sequence[int] = ledger.lost_steps or ledger.resumed or [0]
    kills = ", ".join(f"{count} while {when}" for when, count in sorted(ledger.kills.items()))
    lines = [
        f"kills                       {sum(ledger.kills.values())} ({kills})",
        f"jobs accepted               {len(ledger.jobs)}",
        *(f"  {_WORDS.get(status, status):26}{count}" for status, count in sorted(ends.items())),
        f"jobs gone on with           {len(ledger.lost_steps or ledger.resumed)}",
        f"evaluations made again      median {statistics.median(lost):.0f}, most {max(lost)} (allowed {MOST_STEPS})",
        f"wrong                       {len(ledger.wrong)}",
    ]
    return "\n".join([*lines, *(f"  {line}" for line in ledger.wrong[:20])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--engine", choices=("stand-in", "real"), default="stand-in")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    real = options.engine == "real"
    with tempfile.TemporaryDirectory() as folder:
        crashes = Crashes(
            Path(folder), random.Random(options.seed), real=real, at_once=2 if real else 6, most_s=12.0 if real else 2.5
        )
        asyncio.run(crashes.run(options.kills))
    print(report(crashes.ledger))
    if crashes.ledger.wrong or max(crashes.ledger.lost_steps + crashes.ledger.resumed, default=0) > MOST_STEPS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
