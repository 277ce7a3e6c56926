"""A real server with the tests' quick engine, in a process of its own that tells what it holds when asked.

`standing_in()` runs it for a benchmark; run as a module it is the server, which answers each line on standard input
with one line of JSON: tasks, threads, open files, resident bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duostyle.serving import listener as listening
from duostyle.serving import server as serve
from duostyle.settings import Settings
from duostyle.web.app import create_app
from tests.support.fake_engine import FakeEngine

_MANY = {"max_requests_per_s": 10**6, "max_messages_per_s": 10**6, "max_queue": 10_000, "max_jobs_per_client": 10_000}


@dataclass
class StandIn:
    """A running server; `log` is what it wrote on standard error."""

    address: str
    process: subprocess.Popen[str]
    log: Path

    def held(self) -> dict[str, int]:
        """What it holds at this moment."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def peak_bytes(self) -> int:
        """The most memory that it ever had resident (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def cpu_s(self) -> float:
        """Seconds that its threads have computed since it began (Linux)."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Count the peak anew from here (Linux)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def standing_in(**settings: Any) -> Iterator[StandIn]:
    """The server on a free port, with wide limits unless `settings` say otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        chosen = {**_MANY, "port": 0, "data_dir": str(Path(folder) / "data"), **settings}
        with open(log, "wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.faults.stand_in", json.dumps(chosen)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            assert process.stdout is not None
            yield StandIn(process.stdout.readline().strip().rstrip("/"), process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _count(engine: FakeEngine) -> dict[str, int]:
    # the tests' engine remembers every painting, which is not the server's doing
    engine.painters.clear()
    gc.collect()
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
        "resident_bytes": _resident_bytes(),
    }


def _answer(engine: FakeEngine, loop: asyncio.AbstractEventLoop) -> None:
    for _ in sys.stdin:
        print(json.dumps(asyncio.run_coroutine_threadsafe(_count(engine), loop).result()), flush=True)


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    serve.set_up_log("warning")
    empty = settings.state_dir / "gallery"
    empty.mkdir(parents=True)
    engine = FakeEngine()
    app = create_app(settings, engine=engine, pictures=empty)
    with listening.listen(settings) as taken:

        def ready(server: object) -> None:
            print(listening.address(taken), flush=True)
            threading.Thread(target=_answer, args=(engine, asyncio.get_running_loop()), daemon=True).start()

        asyncio.run(serve.run(app, settings, taken, ready))


if __name__ == "__main__":
    main()
