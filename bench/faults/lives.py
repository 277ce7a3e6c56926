"""One life of a server process, from its start to a SIGKILL, and clients that keep it busy meanwhile.

What the clients were told goes into a `Ledger`, against which every later life is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.support.contract import ENDS

_PATIENCE_S = 300.0


@dataclass(slots=True)
class Told:
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

    `lost_steps` are evaluations made again, as the engine's diary tells; `resumed` the same as clients see it.
    """

    jobs: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost_steps: list[int] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)

    def open(self) -> list[Told]:
        return [told for told in self.jobs if not told.over]


class Life:
    """A server process. `command` starts it and prints its address when it listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def begin(cls, command: Sequence[str]) -> Life:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended, None while it lives."""
        return self._process.returncode

    async def address(self) -> str:
        """Where it listens, once it does. Raises RuntimeError when it ends before."""
        assert self._process.stdout is not None
        while line := await asyncio.wait_for(self._process.stdout.readline(), _PATIENCE_S):
            found = re.search(rb"http://[\w.:\[\]]+", line)
            if found:
                return found[0].decode()
        raise RuntimeError("the server did not start")

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.wait_for(self._process.wait(), _PATIENCE_S)

    async def end(self) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), _PATIENCE_S)


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
            await asyncio.wait_for(self._news.wait(), _PATIENCE_S)

    async def until_over(self, url: str) -> None:
        """Watch until every job has ended."""
        watching = asyncio.create_task(self._watch(url))
        try:
            while self._ledger.open():
                self._news.clear()
                await asyncio.wait_for(self._news.wait(), _PATIENCE_S)
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
        told = answer.json()
        self._ledger.jobs.append(Told(told["job"], told["key"], seed))
        self._news.set()

    async def _cancel(self, http: httpx.AsyncClient) -> None:
        told = self._chance.choice(self._ledger.open())
        answer = await http.post(f"/api/jobs/{told.job}/cancel", headers={"Authorization": f"Bearer {told.key}"})
        if answer.status_code != 200:
            self._ledger.wrong.append(f"a cancel was refused: {answer.text}")

    async def _watch(self, url: str) -> None:
        known = {told.job: told for told in self._ledger.jobs}
        with contextlib.suppress(WebSocketException, OSError):
            async with connect(url.replace("http", "ws", 1) + "/ws", subprotocols=["duostyle.v1"]) as socket:  # type: ignore[list-item]
                async for message in self._messages(socket, known):
                    self._hear(known[message["job"]], message)

    async def _messages(self, socket: Any, known: dict[str, Told]) -> AsyncIterator[dict[str, Any]]:
        watched: set[str] = set()
        while True:
            for told in self._ledger.open():
                # no more than a connection may watch
                if told.job not in watched and len(watched) < 16:
                    watched.add(told.job)
                    known[told.job] = told
                    await socket.send(json.dumps({"type": "subscribe", "job": told.job, "frames": False}))
            try:
                text = await asyncio.wait_for(socket.recv(), 0.1)
            except TimeoutError:
                continue
            message = json.loads(text)
            if message.get("type") in ENDS or message.get("status") in ENDS:
                watched.discard(message["job"])
            if message.get("job") in known:
                yield message

    def _hear(self, told: Told, message: dict[str, Any]) -> None:
        kind = message["type"]
        if message.get("resumed_from_step") and not told.over and told.job not in self._counted:
            self._counted.add(told.job)
            self._ledger.resumed.append(max(0, told.step - message["resumed_from_step"]))
        if kind == "progress":
            told.step = message["step"]
        elif kind in ENDS:
            told.ends.append(kind)
            told.status = kind
        elif kind == "state" and message["status"] in ENDS:
            told.status = message["status"]
        if told.over:
            self._news.set()


def leftovers(folder: Path) -> list[str]:
    """Files half-written that a start should have removed."""
    return [path.name for path in folder.rglob(".writing-*")]
