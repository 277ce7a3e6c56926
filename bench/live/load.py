"""Load: many watchers, some of them stalled; one slow reader; what watchers cost the real engine."""

from __future__ import annotations

import asyncio
import statistics
import time

from bench.live.clients import Watcher, many, paced_server, published, stall, submit, watch
from tests.support.real_server import wire
from tests.support.real_server.raw_client import raw
from tests.support.real_server.server_process import ServerProcess, server_process

_FPS = 10
# The server lets a watcher have more than the engine publishes, so that what is measured is not its own pacing.
_MAX_FPS = 10


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of all are at most; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


async def watchers(count: int, stalled: int, seconds: float) -> None:
    """How long after its publication a frame is there, for every frame of every watcher that reads."""
    with paced_server(fps=_FPS, max_fps=_MAX_FPS) as server:
        job = (await submit(server))["job"]
        crowd = await many(server, count, job=job, frames={})
        holding, lying = await stall(server, stalled, job)
        # what comes while all of them are still arriving is not counted
        await asyncio.sleep(1)
        began, cpu_s = asyncio.get_running_loop().time(), server.cpu_s()
        await asyncio.sleep(seconds)
        ended, cpu_s = asyncio.get_running_loop().time(), server.cpu_s() - cpu_s
        made = published(server)
        lying.cancel()
        delays = _delays(crowd, made, began, ended)
        steps = [at for at in made.values() if began <= at < ended]
        drawn = sum(began <= at < ended for one in crowd for at, _ in one.frames) / count / seconds
        rate = (len(steps) - 1) / (steps[-1] - steps[0])
        print(f"{count} watchers + {stalled} stalled, {_size(crowd):.0f} KiB frames, {_FPS} a second, {seconds:.0f} s")
        print(
            f"  publish to receive   p50 {quantile(delays, 0.5) * 1e3:.1f} ms   "
            f"p95 {quantile(delays, 0.95) * 1e3:.1f} ms   p99 {quantile(delays, 0.99) * 1e3:.1f} ms   "
            f"max {max(delays) * 1e3:.1f} ms   ({len(delays)} frames)"
        )
        print(f"  each watcher drew    {drawn:.2f} frames a second; the engine made {rate:.2f} steps a second")
        print(f"  the server used      {cpu_s / seconds:.2f} cores", flush=True)
        for one in crowd + holding:
            one.kill()


async def reader(kilobytes_per_s: float, seconds: float) -> None:
    """How old a frame is when a reader that slow has all of it, and whether that grows."""
    with paced_server(fps=_FPS, max_fps=_MAX_FPS) as server:
        job = (await submit(server))["job"]
        shown: list[tuple[float, int]] = []
        async with raw(server.url, buffer_bytes=None) as client:
            client.bytes_per_s = kilobytes_per_s * 1000
            client.limit = max(500, int(client.bytes_per_s / 100))
            await client.send("subscribe", job=job, frames={})
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                message = await client.receive()
                if message["type"] == "frame":
                    shown.append((time.monotonic(), message["step"]))
                    await client.acknowledge(message)
        made = published(server)
        ages = [at - made[step] for at, step in shown]
        third = max(1, len(ages) // 3)
        first, last = statistics.median(ages[:third]), statistics.median(ages[-third:])
        print(f"one reader at {kilobytes_per_s:.0f} kB/s, 60 KiB frames, {_FPS} a second, {seconds:.0f} s")
        print(
            f"  age of a shown frame median {statistics.median(ages):.2f} s   p95 {quantile(ages, 0.95):.2f} s   "
            f"first third {first:.2f} s, last third {last:.2f} s   ({len(ages)} frames)"
        )
        dropped = server.metric('duostyle_sockets_dropped_total{reason="stalled"}')
        print(f"  dropped as stalled   {dropped:.0f}", flush=True)


async def rate(count: int, stalled: int, seconds: float, size: int) -> None:
    """Steps a second of the real engine with and without watchers, in turns."""
    turns, turn_s = 6, seconds / 6
    with server_process() as server:
        made: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(turns):
            watched = turn % 2 == 1
            made[watched].append(await _steps_a_second(server, count if watched else 0, stalled, turn_s, size))
        without, with_them = statistics.median(made[False]), statistics.median(made[True])
        print(f"the real engine at {size} px, {count} watchers + {stalled} stalled or none, in turns of {turn_s:.0f} s")
        print(
            f"  steps a second       without {_row(made[False])}   with {_row(made[True])}   "
            f"difference {(with_them / without - 1) * 100:+.1f} %",
            flush=True,
        )


async def _steps_a_second(server: ServerProcess, count: int, stalled: int, seconds: float, size: int) -> float:
    answer = await submit(server, size=size, iterations=5000, preset="draft")
    job = answer["job"]
    ear = await watch(server, job=job, frames=False)
    crowd = await many(server, count, job=job, frames={})
    holding, lying = await stall(server, stalled if count else 0, job)
    while ear.progress.get("step", 0) < 10:
        await ear.heard()
    # the painting's own clock, from one message to another
    first = ear.progress
    await asyncio.sleep(seconds)
    await ear.heard()
    last = ear.progress
    lying.cancel()
    ear.send(wire.say("cancel", job=job, key=answer["key"]))
    while ear.texts[-1][1]["type"] != "cancelled":
        await ear.heard()
    for one in [*crowd, *holding, ear]:
        one.kill()
    return float((last["step"] - first["step"]) / (last["elapsed_s"] - first["elapsed_s"]))


def _delays(crowd: list[Watcher], made: dict[int, float], began: float, ended: float) -> list[float]:
    return [at - made[step] for one in crowd for at, step in one.frames if began <= at < ended and step in made]


def _size(crowd: list[Watcher]) -> float:
    """KiB of the mean frame."""
    return sum(one.frame_bytes for one in crowd) / max(1, sum(len(one.frames) for one in crowd)) / 1024


def _row(values: list[float]) -> str:
    return "/".join(f"{value:.2f}" for value in values)
