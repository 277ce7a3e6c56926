"""`duostyle watch`: follow a job on a running server."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from duostyle.cli.progress import make_reporter
from duostyle.cli.relay import facts_of, raise_failure, relay
from duostyle.client import Client, Frame
from duostyle.storage.files import write_atomically

_FRAME_QUALITY = 90
_LINK = re.compile(r"(https?://[^?#]+)\?(?:[^#]*&)?job=([A-Za-z0-9_-]+)[^#]*")


def run(arguments: argparse.Namespace) -> int:
    """The exit status. Raises the server's errors, Unreachable, OSError."""
    link = _LINK.fullmatch(arguments.job)
    job = link.group(2) if link else arguments.job
    client = Client(link.group(1) if link else arguments.server, token=arguments.token)
    folder: Path | None = arguments.frames
    wanted: Any = False
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        limits = client.limits()
        wanted = {"max_px": limits["max_frame_px"], "max_fps": limits["max_fps"], "quality": _FRAME_QUALITY}
    reporter = make_reporter(arguments.progress, out=sys.stdout, err=sys.stderr)

    def save(frame: Frame) -> None:
        if folder is not None:
            write_atomically(folder / f"{frame.step:06}.jpg", frame.image)

    try:
        end = relay(client.watch(job, frames=wanted), reporter, on_frame=save)
        raise_failure(end)
        state = client.state(job)
        reporter.end(end["type"], facts_of(end, (state["width"], state["height"]), None))
        return 0 if end["type"] == "completed" else 1
    finally:
        reporter.close()
