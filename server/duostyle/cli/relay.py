"""A job's events from a server to a reporter, and what the commands that do so share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from duostyle.cli.progress import Reporter
from duostyle.client import Event, Frame, Ticket
from duostyle.client.follow import ENDS
from duostyle.client.http import error_of
from duostyle.engine.api import Costs, Step


def relay(
    events: Iterator[Event],
    reporter: Reporter,
    *,
    on_accepted: Callable[[Ticket], None] | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> Mapping[str, Any]:
    """Report every event; the terminal message."""
    levels = 0
    for event in events:
        if isinstance(event, Frame):
            if on_frame is not None:
                on_frame(event)
            continue
        kind = event["type"]
        levels = event.get("levels") or levels
        if kind in ENDS:
            return event
        if kind == "progress":
            reporter.step(step_of(event, levels))
        elif kind == "accepted" and on_accepted is not None:
            on_accepted(Ticket(event["job"], event["key"]))
        if kind in ("accepted", "queued") and event["position"]:
            reporter.note(f"job {event['job']} waits at position {event['position']}")
        elif kind in ("paused", "resumed"):
            reporter.note(f"the job was {kind}")
        elif kind == "reconnecting":
            reporter.note(f"connection lost ({event['reason']}); trying again in {event['delay_s']:.1f} s")
    raise RuntimeError("the events of a job end with how it ended")


def step_of(progress: Mapping[str, Any], levels: int) -> Step:
    """A `progress` message as the engine's own step; numbers that the wire could not carry are NaN."""
    return Step(
        step=progress["step"],
        total_steps=progress["total_steps"],
        level=progress["level"],
        levels=max(levels, progress["level"]),
        width=progress["width"],
        height=progress["height"],
        costs=Costs.of(progress["costs"]),
        step_s=_number(progress["step_s"]),
        elapsed_s=_number(progress["elapsed_s"]),
        eta_s=_number(progress["eta_s"]),
        picture=_no_picture,
    )


def facts_of(end: Mapping[str, Any], size: tuple[int, int], output: Path | None) -> dict[str, Any]:
    """What a reporter is told at the end; `size` in px."""
    report = end.get("report") or {}
    return {
        "costs": end.get("costs"),
        "elapsed_s": end.get("elapsed_s") or 0.0,
        "evaluations": report.get("evaluations"),
        "share": report.get("share"),
        "partial": end["type"] != "completed",
        "width": size[0],
        "height": size[1],
        "output": None if output is None else str(output),
        "job": end["job"],
    }


def raise_failure(end: Mapping[str, Any]) -> None:
    """Raises the job's own error when it failed."""
    if end["type"] == "failed":
        raise error_of(end.get("error"), "the job failed")


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _no_picture() -> Any:
    raise RuntimeError("a step that came over the wire has no picture")
