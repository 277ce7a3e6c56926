"""How quick the server stays while the model computes with all cores.

Starts a real server as a process of its own, paints with it, and asks `GET /livez` from this process all the while.

    python -m bench.responsiveness [--size 512] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.machine import describe
from bench.server import running_server


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


async def watch(socket: ClientConnection, job: str, key: str, seconds: float) -> tuple[list[float], int]:
    """How much later than its step each progress message came, and the number of frames; cancels at the end."""
    late: list[float] = []
    frames, previous, stop_at = 0, None, None
    async for message in socket:
        now = time.perf_counter()
        if isinstance(message, bytes):
            frames += 1
            length = int.from_bytes(message[:4], "big")
            header = json.loads(message[4 : 4 + length])
            await socket.send(json.dumps({"type": "ack", "job": job, "seq": header["seq"]}))
            continue
        told = json.loads(message)
        if told["type"] == "progress":
            stop_at = stop_at or now + seconds
            if previous is not None:
                # the painting's own clock says how far apart the steps were; what the arrival adds is lateness
                late.append((now - previous[0]) - (told["elapsed_s"] - previous[1]))
            previous = (now, told["elapsed_s"])
            if now > stop_at:
                await socket.send(json.dumps({"type": "cancel", "job": job, "key": key}))
                stop_at = now + 1e9
        elif told["type"] in ("completed", "failed", "cancelled"):
            break
    return late, frames


async def measure(address: str, gallery: dict[str, Any], size: int, seconds: float) -> None:
    submit = {
        "type": "submit",
        "content": gallery["content"][0]["id"],
        "styles": [style["id"] for style in gallery["style"][:2]],
        "params": {"size": size, "iterations": 2000},
    }
    async with connect(f"{address.replace('http', 'ws', 1)}/ws", subprotocols=["duostyle.v1"], max_size=None) as socket:
        await socket.send(json.dumps(submit))
        while (accepted := json.loads(str(await socket.recv())))["type"] != "accepted":
            continue
        done = asyncio.Event()
        livez = asyncio.create_task(ask_livez(address, done))
        late, frames = await watch(socket, accepted["job"], accepted["key"], seconds)
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
    with running_server() as (address, _):
        gallery = httpx.get(f"{address}/api/gallery").json()
        asyncio.run(measure(address, gallery, options.size, options.seconds))


if __name__ == "__main__":
    main()
