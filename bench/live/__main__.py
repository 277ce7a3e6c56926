"""What the live protocol does under load: prints a figure for everything that it promises.

The server runs in a process of its own, the clients in this one, over loopback and raw sockets. Parts:

    watchers    frames to many watchers, some of them stalled: from publication to the last byte
    crowd       the same with 200
    reader      one reader at 200 kB/s: how old its frames are
    snail       one at 20 kB/s, which must be kept
    stopped     readers that stop, and when they are dropped
    rate        what watchers cost the real engine
    memory      what stalled watchers and idle connections hold
    cancel      how quickly a queued and a running job are cancelled
    kills       connections that break at random moments
    shutdown    the end with watchers, some of them stalled
    bytes       what is sent while nothing changes

    python -m bench.live [PART ...] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable

from bench.common.machine import describe
from bench.live import hold as live_hold
from bench.live import load as live_load
from bench.live import steer as live_steer


def parts(seconds: float) -> dict[str, Callable[[], Awaitable[None]]]:
    """Every part by its name; `seconds` is how long those measure that take time."""
    return {
        "watchers": lambda: live_load.watchers(50, 5, seconds),
        "crowd": lambda: live_load.watchers(200, 0, seconds),
        "reader": lambda: live_load.reader(200, 3 * seconds),
        "snail": lambda: live_load.reader(20, 3 * seconds),
        "stopped": lambda: live_hold.evicted(10),
        "rate": lambda: live_load.rate(50, 5, 3 * seconds, 256),
        "memory": lambda: live_hold.memory(stalled=50, idle=1000),
        "cancel": lambda: live_steer.cancel(queued=50, running=6, size=128),
        "kills": lambda: live_steer.kills(200),
        "shutdown": lambda: live_hold.shutdown(50, 5),
        "bytes": lambda: live_hold.unchanged(seconds / 2),
    }


def main() -> None:
    names = list(parts(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", metavar="PART", help="one of the above; all of them by default")
    parser.add_argument("--seconds", type=float, default=20, help="how long to measure")
    options = parser.parse_args()
    if unknown := set(options.part) - set(names):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # on SIGTERM it still ends its server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in options.part or names:
        # other load on this machine belongs to the figure
        print(f"{describe()}, nice {os.nice(0)}")
        asyncio.run(_run(parts(options.seconds)[name]))


async def _run(part: Callable[[], Awaitable[None]]) -> None:
    await part()


if __name__ == "__main__":
    main()
