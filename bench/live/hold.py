"""What the server holds, how it ends, and what it sends while nothing changes."""

from __future__ import annotations

import asyncio
import time

from bench.live.clients import many, paced_server, stall, submit, watch


async def memory(stalled: int, idle: int) -> None:
    """Growth of the server's resident memory with watchers that stall and connections that only listen."""
    with paced_server(max_fps=20, send_timeout_s=300, pong_timeout_s=300) as server:
        job = (await submit(server))["job"]
        drawing = await many(server, 5, job=job, frames={})
        await asyncio.sleep(3)
        for polite, name in ((True, "that fall silent"), (False, "that go on acknowledging")):
            before = server.resident_bytes() / 1024
            holding, lying = await stall(server, stalled, job, polite=polite)
            await asyncio.sleep(6)
            grown = (server.resident_bytes() / 1024 - before) / stalled
            print(f"{stalled} stalled watchers {name}: {grown:.0f} KiB each", flush=True)
            lying.cancel()
            for one in holding:
                one.kill()
            await asyncio.sleep(1)
        for one in drawing:
            one.kill()
    with paced_server() as server:
        # the first connections bring what all share
        for one in await many(server, 20):
            one.kill()
        await asyncio.sleep(1)
        before, files = server.resident_bytes() / 1024, server.open_files()
        crowd = await many(server, idle)
        await asyncio.sleep(2)
        held = server.metric("duostyle_sockets")
        grown = (server.resident_bytes() / 1024 - before) / idle
        print(f"{idle} idle connections: {grown:.1f} KiB each, {held:.0f} held", end="")
        for one in crowd:
            one.kill()
        await asyncio.sleep(2)
        print(f"; files open before {files}, after {server.open_files()}", flush=True)


async def evicted(count: int) -> None:
    """How long after it has stopped reading a watcher is dropped, with the default timeouts."""
    for polite, name in ((True, "fall silent"), (False, "go on acknowledging")):
        with paced_server() as server:
            job = (await submit(server))["job"]
            _, lying = await stall(server, count, job, polite=polite)
            began, gone = time.monotonic(), 0.0
            first_s = 0.0
            while gone < count and time.monotonic() - began < 90:
                await asyncio.sleep(0.25)
                gone = await asyncio.to_thread(server.metric, 'duostyle_sockets_dropped_total{reason="stalled"}')
                first_s = first_s or (time.monotonic() - began if gone else 0.0)
            lying.cancel()
            print(f"{count} readers that stop and {name}: dropped after {first_s:.1f} to ", end="")
            print(f"{time.monotonic() - began:.1f} s, {gone:.0f} of them", flush=True)


async def shutdown(count: int, stalled: int) -> None:
    """From SIGTERM to the end of the process, and who received the notice."""
    with paced_server(fps=10, max_fps=20) as server:
        job = (await submit(server))["job"]
        crowd = await many(server, count - stalled, job=job, frames={})
        _, lying = await stall(server, stalled, job)
        await asyncio.sleep(5)
        began = server.terminate()
        await asyncio.to_thread(server.process.wait)
        took_s = time.monotonic() - began
        lying.cancel()
        await asyncio.sleep(0.5)
        heard = sum(any(message["type"] == "shutdown" for _, message in one.texts) for one in crowd)
        closed = sum(one.close_code == 1012 for one in crowd)
        print(f"SIGTERM with {count} watchers, {stalled} of them stalled")
        print(
            f"  exit after           {took_s:.2f} s, status {server.process.returncode}; of {len(crowd)} readers "
            f"{heard} received shutdown, {closed} close 1012",
            flush=True,
        )


async def unchanged(seconds: float) -> None:
    """Frame bytes while the picture stays as it is, and the size and rate of progress at 50 steps a second."""
    with paced_server(fps=50, still=True) as server:
        job = (await submit(server, styles=4))["job"]
        one = await watch(server, job=job, frames={})
        await asyncio.sleep(1)
        frames, texts, began = one.frame_bytes, len(one.texts), time.monotonic()
        await asyncio.sleep(seconds)
        progress = [
            (at, size)
            for (at, message), size in list(zip(one.texts, one.text_bytes, strict=True))[texts:]
            if message["type"] == "progress"
        ]
        moments = [at for at, _ in progress]
        most = max(sum(at <= other < at + 1 for other in moments) for at in moments)
        print(f"an unchanged picture, four styles, 50 steps a second, {time.monotonic() - began:.0f} s")
        print(
            f"  frame bytes          {one.frame_bytes - frames}; progress at most "
            f"{max(size for _, size in progress)} bytes, at most {most} within a second",
            flush=True,
        )
        one.kill()
