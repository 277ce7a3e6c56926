"""A real server in a process of its own, for benchmarks that talk to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def running_server() -> Iterator[tuple[str, int]]:
    """A server process on a free port; gives its address and process id once it is ready to paint."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "duostyle", "serve", "--port", "0", "--data-dir", folder]
        command += ["--log-level", "warning"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                found = re.search(r"http://[\w.:\[\]]+", line)
                if found:
                    wait_until_ready(found[0])
                    yield found[0], process.pid
                    return
            raise SystemExit("the server did not start")
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 120
    while httpx.get(f"{address}/readyz").status_code != 200:
        if time.monotonic() > deadline:
            raise SystemExit("the engine did not load")
        time.sleep(0.02)
