"""A course of events: clients that submit, steer, watch, leave and come back, all at once, and what must hold of it.

Nothing waits for the answer to what was begun before, so that the moves run into each other. `end` brings every job to
its end and then raises AssertionError unless each ended exactly once, by its own doing only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from duostyle.errors import BadRequest, Forbidden
from duostyle.imaging import decode as images
from duostyle.jobs.commands import Accepted
from duostyle.live.outbox import Outbox
from duostyle.protocol.frames import FrameOptions
from tests.support.contract import ENDS
from tests.support.fake_engine import picture_of
from tests.support.harness import Rig, soon

FRAMES = FrameOptions(64, 60.0)
_MOVES = ("cancel", "pause", "resume")


class Watcher:
    """One connection that watches one job, with all that it received. `late`: it subscribed after the submission."""

    def __init__(self, built: Rig, job: str, after: int | None, *, late: bool) -> None:
        self.job, self.after, self.late = job, after, late
        self.heard: list[dict[str, Any]] = []
        self._built = built
        self._ear = built.watch()
        self._ended = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @property
    def outbox(self) -> Outbox:
        return self._ear.outbox

    @property
    def last_seq(self) -> int | None:
        """The newest frame that it got."""
        return max((message["seq"] for message in self.heard if message["type"] == "frame"), default=self.after)

    async def leave(self) -> None:
        self._built.hub.disconnect(self.outbox)
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def until_the_end(self) -> None:
        """Wait for the job's terminal message."""
        waiting = asyncio.create_task(self._ended.wait())
        await asyncio.wait({waiting, self._listening}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._listening.done():
            self._listening.result()

    async def _listen(self) -> None:
        while True:
            message = await self._ear._next()
            self.heard.append(message)
            if message["type"] in ENDS or message.get("status") in ENDS:
                self._ended.set()

    def check(self) -> None:
        """Everything is about its job; frames rise; after one terminal message nothing."""
        about = [message for message in self.heard if message.get("job") not in (None, self.job)]
        assert about == [], about
        ends = [index for index, message in enumerate(self.heard) if message["type"] in ENDS]
        assert len(ends) <= 1, self.heard
        if ends:
            assert ends == [len(self.heard) - 1], self.heard
        for kind in ("frame", "progress"):
            seqs = [message["seq"] for message in self.heard if message["type"] == kind]
            assert seqs == sorted(set(seqs)), (kind, seqs)
        if self.late and self.heard:
            assert [message["type"] for message in self.heard].count("state") == 1, self.heard
            frames = [message["seq"] for message in self.heard if message["type"] == "frame"]
            assert all(seq > (self.after or 0) for seq in frames), (self.after, frames)


@dataclass
class Played:
    """One job and what its submitter did with it. `weights`: the style weights it was ever given."""

    accepted: Accepted
    iterations: int
    witness: Watcher
    cancelled: list[bool] = field(default_factory=list)
    weights: set[float] = field(default_factory=lambda: {20.0})


class Course:
    """Built on a rig whose engine is gated; one course after another may use the same rig."""

    def __init__(self, built: Rig) -> None:
        self.built = built
        self.played: list[Played] = []
        self.watchers: list[Watcher] = []
        self._begun: list[asyncio.Task[None]] = []
        self._weight = 100.0
        self.moves = 0

    async def submit(self, iterations: int) -> None:
        """The submitter watches from the first moment; its connection is never lost."""
        self.moves += 1
        witness: list[Watcher] = []

        def answer(accepted: Accepted) -> None:
            witness.append(Watcher(self.built, accepted.job, None, late=False))
            self.built.hub.subscribe(witness[0].outbox, accepted.job, FRAMES)

        accepted = await self.built.jobs.commands.submit(
            content=self.built.content,
            styles=[self.built.style],
            params={"iterations": iterations},
            client="10.0.0.1",
            answer=answer,
        )
        self.played.append(Played(accepted, iterations, witness[0]))

    def steer(self, which: int, move: str) -> None:
        """Begin a cancel, pause or resume."""
        assert move in _MOVES
        played = self.played[which]
        self._begin(self._steer(played, played.accepted.key, move))

    def meddle(self, which: int, other: int, move: str) -> None:
        """Try it with the key of another job."""
        played, key = self.played[which], self.played[other].accepted.key
        if key != played.accepted.key:
            self._begin(self._forbidden(played, key, move))

    def update(self, which: int) -> None:
        """Give the job a style weight that no other job ever gets."""
        self._weight += 1
        self.played[which].weights.add(self._weight)
        self._begin(self._update(self.played[which].accepted, self._weight))

    def step(self, steps: int) -> None:
        """Let the engine go on, whatever it paints."""
        self.moves += 1
        self.built.engine.release(steps)

    def watch(self, which: int, *, again: Watcher | None = None) -> None:
        """Another connection watches; `again` goes on from what that one had."""
        job = self.played[which].accepted.job
        watcher = Watcher(self.built, job, None if again is None else again.last_seq, late=True)
        self.watchers.append(watcher)
        self._begin(self.built.jobs.queries.watch(watcher.outbox, job, FRAMES, watcher.after))

    def come_back(self, which: int) -> None:
        """The connection is lost and another takes its place."""
        lost = self.watchers.pop(which)
        self._begin(self._lose(lost))
        jobs = [played.accepted.job for played in self.played]
        self.watch(jobs.index(lost.job), again=lost)

    def lose(self, which: int) -> None:
        self._begin(self._lose(self.watchers.pop(which)))

    async def breathe(self, turns: int) -> None:
        """Let what was begun go on for some turns of the loop, also the other threads."""
        for _ in range(turns):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Bring every job to its end and check all that was received."""
        await self._finish_begun()
        for played in self.played:
            await self._steer(played, played.accepted.key, "resume")
        self.built.engine.release(1 + sum(played.iterations for played in self.played))
        watchers = [*(played.witness for played in self.played), *self.watchers]
        await soon(asyncio.gather(*(watcher.until_the_end() for watcher in watchers)))
        active_jobs = self.built.jobs.registry.active
        await soon(asyncio.gather(*(active.ended.wait() for active in active_jobs.values())))
        for watcher in watchers:
            await watcher.leave()
            watcher.check()
        for played in self.played:
            await self._check(played)
        assert active_jobs == {}
        assert not self.built.hub.active_jobs
        assert self.built.metrics.registry.get_sample_value("duostyle_sockets") == 0
        # the next course begins with an engine that stands
        while self.built.engine.turns.acquire(blocking=False):
            continue

    async def _check(self, played: Played) -> None:
        job = played.accepted.job
        terminal = played.witness.heard[-1]
        assert terminal["type"] in ENDS, played.witness.heard
        assert played.cancelled.count(True) <= 1, "two cancels cannot both have ended it"
        assert (terminal["type"] == "cancelled") == (True in played.cancelled), "only its own cancel ends a job"
        assert terminal["type"] != "failed", terminal
        state = await self.built.jobs.queries.state(job)
        assert (state["status"], state["step"]) == (terminal["type"], terminal["step"])
        row = await self.built.store.job(job)
        assert row is not None
        assert row.status == terminal["type"], "what is stored is what was sent"
        assert state["params"]["style_weight"] in played.weights, "an update reached another job"
        if terminal["type"] == "completed":
            assert terminal["step"] == played.iterations
            png = await self.built.store.result(job)
            assert png is not None
            assert images.decode(png) == picture_of(played.iterations, *self.built.engine.size)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.moves += 1
        self._begun.append(asyncio.create_task(work))

    async def _finish_begun(self) -> None:
        while self._begun:
            begun, self._begun = self._begun, []
            await soon(asyncio.gather(*begun))

    async def _steer(self, played: Played, key: str, move: str) -> None:
        commands, job = self.built.jobs.commands, played.accepted.job
        try:
            if move == "cancel":
                played.cancelled.append(await commands.cancel(job, key, wait=False))
            elif move == "pause":
                await commands.pause(job, key)
            else:
                await commands.resume(job, key)
        except BadRequest as error:
            assert error.message == "the job has ended"  # noqa: PT017

    async def _forbidden(self, played: Played, key: str, move: str) -> None:
        try:
            await self._steer(played, key, move)
        except Forbidden:
            return
        raise AssertionError("the key of another job was accepted")

    async def _update(self, accepted: Accepted, weight: float) -> None:
        try:
            await self.built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": weight})
        except BadRequest as error:
            assert error.message == "the job has ended"  # noqa: PT017

    async def _lose(self, watcher: Watcher) -> None:
        await watcher.leave()
        watcher.check()
