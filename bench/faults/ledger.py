"""Clients that keep a server busy until it is killed, and what they learned about their jobs.

That goes into a `Ledger`, against which every later process is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from tests.support.contract import ENDS
from tests.support.real_server.socket_client import socket

_TIMEOUT_S = 300.0


@dataclass(slots=True)
class JobRecord:
    """What a client knows of one job. `ends` are the terminal messages it heard, `step` the last progress."""

    job: str
    key: str
    seed: int
    ends: list[str] = field(default_factory=list)
    status: str = "queued"
    step: int = 0

    @property
    def over(self) -> bool:
        return self.status in ENDS


@dataclass(slots=True)
class Ledger:
    """All jobs that were accepted, in that order, and what was found wrong.

    `lost_steps` are evaluations made again, as the engine's diary shows; `resumed` the same as clients see it.
    """

    jobs: list[JobRecord] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost_steps: list[int] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)

    def open(self) -> list[JobRecord]:
        return [record for record in self.jobs if not record.over]


class Clients:
    """They submit, watch, cancel and look, until the server is gone."""

    def __init__(
        self,
        ledger: Ledger,
        chance: random.Random,
        *,
        images: Sequence[str],
        params: dict[str, Any],
        at_once: int,
        cancels: float,
    ) -> None:
        self._ledger, self._chance = ledger, chance
        self._images, self._params = images, params
        self._at_once, self._cancels = at_once, cancels
        self._news = asyncio.Event()
        self._counted: set[str] = set()

    async def keep_busy(self, url: str) -> None:
        """Until the server is gone."""
        submitting = asyncio.create_task(self._submit_and_cancel(url))
        try:
            # its socket is the first to know
            await self._watch(url)
        finally:
            submitting.cancel()
            await asyncio.gather(submitting, return_exceptions=True)

    async def until_accepted(self) -> None:
        """Wait for the first job of all."""
        while not self._ledger.jobs:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), _TIMEOUT_S)

    async def until_over(self, url: str) -> None:
        """Watch until every job has ended."""
        watching = asyncio.create_task(self._watch(url))
        try:
            while self._ledger.open():
                self._news.clear()
                await asyncio.wait_for(self._news.wait(), _TIMEOUT_S)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _submit_and_cancel(self, url: str) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=url) as http:
                while True:
                    if len(self._ledger.open()) < self._at_once:
                        await self._submit(http)
                    elif self._chance.random() < self._cancels:
                        await self._cancel(http)
                    await asyncio.sleep(self._chance.uniform(0.0, 0.1))

    async def _submit(self, http: httpx.AsyncClient) -> None:
        seed = self._chance.randrange(2**50)
        order = {"content": self._images[0], "styles": [self._images[1]], "params": {**self._params, "seed": seed}}
        answer = await http.post("/api/jobs", json=order)
        if answer.status_code != 202:
            self._ledger.wrong.append(f"a job was refused: {answer.text}")
            return
        accepted = answer.json()
        self._ledger.jobs.append(JobRecord(accepted["job"], accepted["key"], seed))
        self._news.set()

    async def _cancel(self, http: httpx.AsyncClient) -> None:
        record = self._chance.choice(self._ledger.open())
        answer = await http.post(f"/api/jobs/{record.job}/cancel", headers={"Authorization": f"Bearer {record.key}"})
        if answer.status_code != 200:
            self._ledger.wrong.append(f"a cancel was refused: {answer.text}")

    async def _watch(self, url: str) -> None:
        known = {record.job: record for record in self._ledger.jobs}
        watched: set[str] = set()
        with contextlib.suppress(WebSocketException, OSError):
            async with socket(url) as client:
                while True:
                    for record in self._ledger.open():
                        # no more than a connection may watch
                        if record.job not in watched and len(watched) < 16:
                            watched.add(record.job)
                            known[record.job] = record
                            await client.send("subscribe", job=record.job, frames=False)
                    try:
                        message = await asyncio.wait_for(client.receive(), 0.1)
                    except TimeoutError:
                        continue
                    if message.get("type") in ENDS or message.get("status") in ENDS:
                        watched.discard(message["job"])
                    if message.get("job") in known:
                        self._hear(known[message["job"]], message)

    def _hear(self, record: JobRecord, message: dict[str, Any]) -> None:
        kind = message["type"]
        if message.get("resumed_from_step") and not record.over and record.job not in self._counted:
            self._counted.add(record.job)
            self._ledger.resumed.append(max(0, record.step - message["resumed_from_step"]))
        if kind == "progress":
            record.step = message["step"]
        elif kind in ENDS:
            record.ends.append(kind)
            record.status = kind
        elif kind == "state" and message["status"] in ENDS:
            record.status = message["status"]
        if record.over:
            self._news.set()


def leftovers(folder: Path) -> list[str]:
    """Files half-written that a start should have removed."""
    return [path.name for path in folder.rglob(".writing-*")]
