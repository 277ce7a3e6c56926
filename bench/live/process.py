"""The other process of `bench.live`: starts its server, gives it a job, and looks at it from outside."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from bench.common.server import wait_until_ready

# Clients of a benchmark all have one address, and are as many as it takes.
_SETTINGS = {
    "max_sockets": 4000,
    "max_sockets_per_client": 4000,
    "max_connections": 4000,
    "max_connections_per_client": 4000,
    "max_requests_per_s": 100_000,
    "max_messages_per_s": 1000,
}
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens on `host` and `port`; `log` tells when it published which step (paced engine only)."""

    process: subprocess.Popen[str]
    host: str
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def resident_kib(self) -> int:
        return int(self._status("VmRSS"))

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def cpu_s(self) -> float:
        """Processor seconds that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def published(self) -> dict[int, float]:
        """Step to the moment when it was published, of every step so far."""
        lines = self.log.read_text(encoding="ascii").splitlines()
        return {int(step): float(at) for step, at in (line.split() for line in lines)}

    def metric(self, name: str) -> float:
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ")), 0.0)

    def submit(self, *, styles: int = 1, **params: Any) -> dict[str, Any]:
        """Queue a job of one-colour pictures; the answer."""
        with httpx.Client(base_url=self.url) as http:
            ids = [_upload(http, color) for color in range(styles + 1)]
            body = {"content": ids[0], "styles": ids[1:], "params": params}
            answer: dict[str, Any] = http.post("/api/jobs", json=body).raise_for_status().json()
        return answer

    def terminate(self) -> float:
        """Tell it to end; the moment."""
        self.process.send_signal(signal.SIGTERM)
        return time.monotonic()

    def _status(self, name: str) -> str:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return line.split()[1]
        raise SystemExit("this system does not tell the memory of a process")


@contextmanager
def served(*words: str, engine: str = "paced", **settings: Any) -> Iterator[Served]:
    """A server with the `paced` engine (`words` are options of `bench.live.server`) or the `real` one."""
    with tempfile.TemporaryDirectory() as folder:
        given = {name: str(value) for name, value in (_SETTINGS | settings).items()}
        log = Path(folder) / "published.txt"
        if engine == "paced":
            command = ["-m", "bench.live.server", f"{folder}/data", str(log), *words]
            command += [word for name, value in given.items() for word in ("--setting", f"{name}={value}")]
        else:
            command = ["-m", "duostyle", "serve", "--port", "0", "--data-dir", f"{folder}/data", *words]
            command += [word for name, value in given.items() for word in ("--" + name.replace("_", "-"), value)]
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the server did not start")
            host, port = line.split()[-1].removeprefix("http://").rstrip("/").rsplit(":", 1)
            wait_until_ready(f"http://{host}:{port}")
            yield Served(process, host, int(port), log)
        finally:
            process.kill()
            process.wait(60)


def _upload(http: httpx.Client, color: int) -> str:
    out = io.BytesIO()
    # pictures with something in them: the real engine must have features to match
    Image.effect_noise((192, 144), 20 + 15 * color).convert("RGB").save(out, "png")
    return str(http.post("/api/images", content=out.getvalue()).raise_for_status().json()["id"])
