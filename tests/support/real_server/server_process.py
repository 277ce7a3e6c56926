"""A server in a process of its own: how it is started, inspected from outside (Linux), and ended."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.real_server.http_client import value_of

CHECKOUT = Path(__file__).parents[3]
TIMEOUT_S = 300.0
# All clients of a test or benchmark have one address, and are as many as it takes.
_WIDE = {
    "max_queue": 10_000,
    "max_jobs_per_client": 10_000,
    "max_requests_per_s": 10**6,
    "max_messages_per_s": 10**6,
    "max_sockets": 4000,
    "max_sockets_per_client": 4000,
    "max_connections": 4000,
    "max_connections_per_client": 4000,
}


class ServerProcess:
    """It runs from construction on and is killed when its `with` block is left.

    In `folder` are its data, its log (standard error) and the diary; all may go on from a process before. `engine` has
    attributes of the stand-in's FakeEngine, with True for a diary; None takes the product with its own engine. Without
    `pictures` a stand-in has no gallery, whose loading takes a while.
    """

    def __init__(
        self, folder: Path, engine: Mapping[str, Any] | None = None, pictures: Path | None = None, **settings: Any
    ) -> None:
        self.data, self.log, self.diary = folder / "data", folder / "log", folder / "diary"
        self.url = ""
        given = {**_WIDE, "port": 0, "data_dir": str(self.data), **settings}
        if engine is None:
            flags = (word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value)))
            program = ["duostyle", "serve", *flags]
        else:
            chosen = {**engine, "diary": str(self.diary)} if "diary" in engine else engine
            what = {"settings": given, "engine": chosen, "pictures": str(pictures or folder / "no gallery")}
            program = ["tests.support.real_server.stand_in", json.dumps(what)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program],
                cwd=CHECKOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C is for the benchmark, which ends it
                start_new_session=True,
            )

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill it, if it still runs, and forget it."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def until_listening(self) -> str:
        """Its address, once it listens. Raises RuntimeError when it ends before."""
        assert self.process.stdout is not None
        limit = threading.Timer(TIMEOUT_S, self.process.kill)
        limit.start()
        try:
            for line in self.process.stdout:
                if found := re.search(r"http://[\w.:\[\]]+", line):
                    self.url = found[0]
                    return self.url
        finally:
            limit.cancel()
        raise RuntimeError(f"the server did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def until_ready(self) -> None:
        """Wait until it listens and its engine has loaded. Raises RuntimeError."""
        self.until_listening()
        deadline = time.monotonic() + TIMEOUT_S
        while httpx.get(f"{self.url}/readyz").status_code != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("the engine did not load")
            time.sleep(0.02)

    def release(self, steps: int) -> None:
        """Let a gated stand-in make this many steps."""
        assert self.process.stdin is not None
        print(steps, file=self.process.stdin, flush=True)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send SIGTERM; the moment, of `time.monotonic`."""
        self.process.send_signal(number)
        return time.monotonic()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    async def ended(self, limit_s: float = TIMEOUT_S) -> int:
        """Its exit status, once it has ended by itself. Raises subprocess.TimeoutExpired."""
        return await asyncio.to_thread(self.process.wait, limit_s)

    def metric(self, name: str) -> float:
        """The value of one line of `/metrics`, with its labels; 0 where there is none yet."""
        return value_of(httpx.get(f"{self.url}/metrics", timeout=60).text, name)

    def resident_bytes(self) -> int:
        return 1024 * int(self._status("VmRSS"))

    def peak_bytes(self) -> int:
        """The most memory that it had resident since `forget_peak`, or ever."""
        return 1024 * int(self._status("VmHWM"))

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def threads(self) -> int:
        return int(self._status("Threads"))

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_s(self) -> float:
        """Processor seconds that it has used so far."""
        ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _status(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/status").read_text().partition(f"{name}:")[2].split()[0]


@contextmanager
def server_process(engine: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[ServerProcess]:
    """A server that is ready to paint, on a data folder of its own that goes with it."""
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder), engine, **settings) as server:
        server.until_ready()
        yield server
