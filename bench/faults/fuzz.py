"""Mutated messages and mutated pictures against a real server with the tests' quick engine.

Prints how often each answer came, what was wrong (an answer of 500, one outside of the contract, a connection that
closed without reason, a picture that was taken and could not be shown), and what the server held before and after.

    python -m bench.faults.fuzz [--messages 100000] [--pictures 10000] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from bench.common.machine import describe
from tests.support.fuzzing import Found, throw_messages, throw_pictures
from tests.support.real_server.server_process import ServerProcess, server_process

Throw = Callable[[str, int, random.Random], Awaitable[Found]]
_ROUNDS = 5


def fuzz(server: ServerProcess, what: str, throw: Throw, count: int, seed: int) -> list[str]:
    """Throw `count` in rounds and print what the server held after each; everything that was wrong."""
    found = Found()
    start = time.perf_counter()
    print(f"{what:10} {0:7} {held(server)}")
    for number in range(_ROUNDS):
        if server.process.poll() is None:
            more = asyncio.run(attempt(throw, server, count // _ROUNDS, random.Random(f"{seed}-{what}-{number}")))
            found.answers += more.answers
            found.wrong += more.wrong
            print(f"{what:10} {(number + 1) * (count // _ROUNDS):7} {held(server)}")
    crashed = server.process.poll() is not None
    answers = ", ".join(f"{name} {times}" for name, times in found.answers.most_common())
    print(f"{what}: {answers}")
    print(f"{what}: {crashed:d} crashes, {len(found.wrong)} wrong, {time.perf_counter() - start:.0f} s")
    return found.wrong + ["the server has crashed"] * crashed


async def attempt(throw: Throw, server: ServerProcess, count: int, chance: random.Random) -> Found:
    try:
        return await throw(server.url, count, chance)
    except (OSError, httpx.TransportError) as error:
        return Found(wrong=[f"the server cannot be reached: {error!r}"])


def held(server: ServerProcess) -> str:
    """What the server holds, with one connection that asks."""
    try:
        tasks, megabytes = server.metric("duostyle_asyncio_tasks"), server.resident_bytes() / 1e6
        return (
            f"tasks {tasks:3.0f}   threads {server.threads():3}   files {server.open_files():3}   {megabytes:7.1f} MB"
        )
    except (OSError, httpx.TransportError):
        return "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000, help="how many")
    parser.add_argument("--pictures", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the same seed throws the same")
    options = parser.parse_args()
    print(describe())
    with server_process({}, log_level="warning") as server:
        wrong = fuzz(server, "messages", throw_messages, options.messages, options.seed)
        wrong += fuzz(server, "pictures", throw_pictures, options.pictures, options.seed)
        log = server.log.read_text(errors="replace")
        print(f"log: {log.count('Traceback')} tracebacks, {len(log.splitlines())} lines")
    for line in wrong[:20]:
        print(line)
    print(log[:2000])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
