"""Requests that schemathesis makes up of /openapi.json against a real server with the tests' quick engine.

Tries every operation by itself and chains of them along the links of the document, and prints how often each answer
came on the chains, how often each link led on, and what was wrong: an answer of 500, or one that is not promised.

    python -m bench.faults.conformance [--minutes 10] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.common.machine import describe
from tests.support.conformance import Long, run, small_gallery
from tests.support.real_server.server_process import ServerProcess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes up the same")
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as name, ServerProcess(Path(name), {"steps": 3}, _gallery(name)) as server:
        server.until_ready()
        long = Long(options.seed, round(60 * options.minutes))
        found = run(server.url, Path(name), examples=100, chains=300, long=long)
        tracebacks = server.log.read_text(errors="replace").count("Traceback")
    for (method, path, status), times in sorted(found.answers.items()):
        print(f"{times:7} {status} {method} {path}")
    for (operation, answer, link), times in sorted(found.followed.items()):
        print(f"{times:7} {operation} {answer} -> {link}")
    print(found.output)
    print(f"{tracebacks} tracebacks in the log")
    sys.exit(bool(found.status or tracebacks))


def _gallery(folder: str) -> Path:
    return small_gallery(Path(folder) / "gallery")


if __name__ == "__main__":
    main()
