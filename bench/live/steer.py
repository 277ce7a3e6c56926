"""Steering and coming back: cancels, and connections that break at random moments."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from typing import Any

from bench.live.clients import Watcher, paced_server, submit, watch
from bench.live.load import quantile
from tests.support.real_server import wire
from tests.support.real_server.server_process import ServerProcess, server_process

_TIMEOUT_S = 60.0


async def cancel(queued: int, running: int, size: int) -> None:
    """From sending the cancel to hearing that the job is cancelled."""
    with paced_server() as server:
        first = await submit(server)
        waits = [await _cancelled_after(server, await submit(server)) for _ in range(queued)]
        alive = server.metric("duostyle_jobs_running")
        print(f"cancel of a queued job, {queued} times")
        print(f"  cancel to cancelled  p50 {quantile(waits, 0.5) * 1e3:.1f} ms   max {max(waits) * 1e3:.1f} ms")
        await _cancelled_after(server, first)
        print(f"  jobs still running   {alive:.0f} of 1", flush=True)
    with server_process() as server:
        late, steps = [], []
        for _ in range(running):
            answer = await submit(server, size=size, iterations=2000)
            wait_s, step_s = await _cancelled_while_painting(server, answer)
            late.append(wait_s - step_s)
            steps.append(step_s)
        print(f"cancel of a running job, the real engine at {size} px, {running} times")
        print(
            f"  beyond one evaluation   median {statistics.median(late) * 1e3:.0f} ms   max {max(late) * 1e3:.0f} ms   "
            f"(an evaluation takes {statistics.median(steps) * 1e3:.0f} ms; below zero: it came in the middle of one)",
            flush=True,
        )


async def kills(count: int) -> None:
    """Connections that are reset at random moments; how soon the next one has the state and the last frame."""
    with paced_server(fps=10, max_fps=20) as server:
        job, chance = (await submit(server))["job"], random.Random(1)
        states: list[float] = []
        frames: list[float] = []
        faults: list[str] = []
        seen = _Seen()
        for number in range(count):
            began = time.monotonic()
            # every other one comes from a program that has seen nothing, and must get the last frame at once
            stranger = number % 2 == 1
            after = {} if stranger else {"after": seen.frame}
            one = await watch(server, job=job, frames={}, **after)
            state_at = await _first(one, "state")
            states.append(state_at - began)
            if stranger:
                frame_at = await _first(one, "frame")
                frames.append(frame_at - began)
            await asyncio.sleep(chance.uniform(0, 0.25))
            one.kill()
            faults += (_Seen() if stranger else seen).check(one)
        print(f"{count} socket kills at random moments")
        for name, taken in (("state", states), ("last frame", frames)):
            print(
                f"  back to {name:12} p50 {quantile(taken, 0.5) * 1e3:.1f} ms   "
                f"p95 {quantile(taken, 0.95) * 1e3:.1f} ms   max {max(taken) * 1e3:.1f} ms"
            )
        print(f"  gaps and repeats     {len(faults)} {faults[:3] or ''}", flush=True)


class _Seen:
    """The newest seq and frame that a client has seen over all its connections."""

    def __init__(self) -> None:
        self.seq = self.frame = 0

    def check(self, one: Watcher) -> list[str]:
        """What was wrong on this connection: something twice, something older, or a hole."""
        faults = []
        for _, message in one.texts:
            if message["type"] == "state":
                if message["seq"] < self.seq:
                    faults.append(f"state {message['seq']} after {self.seq}")
                self.seq = message["seq"]
            elif message["type"] == "progress":
                # the engine is slower than the limit on progress, so that each seq must come, and once
                if message["seq"] != self.seq + 1:
                    faults.append(f"progress {message['seq']} after {self.seq}")
                self.seq = message["seq"]
        for seq in one.frame_seqs:
            if seq <= self.frame:
                faults.append(f"frame {seq} after {self.frame}")
            self.frame = seq
        return faults


async def _first(one: Watcher, kind: str) -> float:
    """The moment of the first message of this type."""
    found: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def look(message: dict[str, Any]) -> None:
        if message["type"] == kind and not found.done():
            found.set_result(time.monotonic())

    if kind == "frame" and one.frames:
        return one.frames[0][0]
    for at, message in one.texts:
        if message["type"] == kind:
            return at
    one.on_message = look
    return await asyncio.wait_for(found, _TIMEOUT_S)


async def _cancelled_after(server: ServerProcess, answer: dict[str, Any]) -> float:
    one = await watch(server, job=answer["job"], frames=False)
    await _first(one, "state")
    began = time.monotonic()
    one.send(wire.say("cancel", job=answer["job"], key=answer["key"]))
    took_s = await _first(one, "cancelled") - began
    one.kill()
    return took_s


async def _cancelled_while_painting(server: ServerProcess, answer: dict[str, Any]) -> tuple[float, float]:
    """Seconds until it was cancelled, and those of its last evaluation."""
    one = await watch(server, job=answer["job"], frames={})
    async with asyncio.timeout(_TIMEOUT_S):
        while one.progress.get("step", 0) < 10:
            await one.heard()
    step_s = max(message["step_s"] for _, message in one.texts[-5:] if message["type"] == "progress")
    # anywhere within an evaluation, not just after the last one
    await asyncio.sleep(random.uniform(0, step_s))
    began = time.monotonic()
    one.send(wire.say("cancel", job=answer["job"], key=answer["key"]))
    took_s = await _first(one, "cancelled") - began
    one.kill()
    return took_s, step_s
