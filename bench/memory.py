"""Whether the process grows with every job: many small jobs in a row in one real server.

python -m bench.memory [--jobs 20] [--size 128]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import httpx
from websockets.sync.client import connect

from bench.machine import describe
from bench.server import running_server


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the memory of a process")


def paint(address: str, content: str, styles: list[str], size: int) -> tuple[float, float]:
    """One job from submit to completed: seconds until its first progress, and in all."""
    with connect(f"{address.replace('http', 'ws', 1)}/ws", subprotocols=["duostyle.v1"], max_size=None) as socket:
        start = time.perf_counter()
        first = None
        submit = {"type": "submit", "content": content, "styles": styles, "params": {"size": size}}
        socket.send(json.dumps(submit))
        for message in socket:
            if isinstance(message, bytes):
                continue
            told = json.loads(message)
            if told["type"] == "progress" and first is None:
                first = time.perf_counter() - start
            if told["type"] in ("failed", "cancelled", "error"):
                raise SystemExit(f"the job did not complete: {told}")
            if told["type"] == "completed":
                return first or 0.0, time.perf_counter() - start
    raise SystemExit("the server hung up")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20, help="jobs in a row")
    parser.add_argument("--size", type=int, default=128, help="longest side of each painting in px")
    options = parser.parse_args()
    print(describe())
    with running_server() as (address, pid):
        gallery = httpx.get(f"{address}/api/gallery").json()
        contents = [picture["id"] for picture in gallery["content"]]
        styles = [picture["id"] for picture in gallery["style"]]
        base = 0.0
        for job in range(1, options.jobs + 1):
            pair = [styles[job % len(styles)], styles[(job + 1) % len(styles)]]
            first_s, all_s = paint(address, contents[job % len(contents)], pair, options.size)
            now = resident_mb(pid)
            base = now if job == 3 else base
            growth = f", {now - base:+.1f} MB since the third" if job > 3 else ""
            print(f"job {job:3}: first progress {first_s:.2f} s, done {all_s:.1f} s, {now:.0f} MB{growth}", flush=True)


if __name__ == "__main__":
    main()
