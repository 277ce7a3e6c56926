"""`duostyle submit` and `duostyle watch`: jobs on a running server, with the progress that `paint` shows."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from duostyle.cli.files import MAX_SIZE_PX, NATIVE, InputFile, Order, read_order, warn_of_jpeg
from duostyle.cli.progress import INTERRUPTED, Reporter, interruptible, make_reporter
from duostyle.client import Client, Event, Format, Frame, Ticket, Unreachable
from duostyle.client.follow import ENDS, Backoff
from duostyle.client.http import error_of
from duostyle.engine.api import Costs, Step
from duostyle.errors import BadRequest, BusyError, DuostyleError, ImageError, NotAvailable
from duostyle.imaging.decode import check
from duostyle.job import JOB_ID
from duostyle.storage.files import write_atomically

_STOPPING = "stopping; the best picture so far will be saved (press Ctrl-C again to stop waiting for it)"
# The result comes from a server that the user chose, so only absurd sizes are refused.
_MAX_BYTES, _MAX_PIXELS = 2**30, 2**28
_FRAME_QUALITY = 90
_LINK = re.compile(rf"(https?://[^?#]+)\?(?:[^#]*&)?job=({JOB_ID.pattern})(?:&[^#]*)?")


def submit(arguments: Namespace) -> int:
    """The exit status. Ctrl-C cancels the job. Raises BadRequest, the server's errors, Unreachable, OSError."""
    for path in arguments.styles:
        if path.is_dir():
            raise BadRequest(f"{path} is a folder: a server takes single pictures as styles, one to four; see paint")
    order = read_order(vars(arguments))
    order.checked_params(_MAX_PIXELS)
    client = Client(arguments.server, token=arguments.token)
    most_px = client.limits()["max_size_px"] if order.shared.params.get("size") == NATIVE else MAX_SIZE_PX
    params = order.sized_params(most_px, _MAX_PIXELS)
    with closing(make_reporter(arguments.progress)) as reporter:
        kept = params.get("transparency") == "keep"
        content, *styles = [
            _upload(client, file, flattened=not kept)
            for file in (order.content, *(style.files[0] for style in order.styles))
        ]
        for mask in order.masks:
            if mask is not None:
                _upload(client, mask, flattened=False)
        if kept:
            warn_of_jpeg(order)
        cancellation = Cancellation(client)
        with interruptible(cancellation.ask, _STOPPING):
            events = client.paint(content, styles, params)
            end = relay(events, reporter, on_accepted=cancellation.accept)
        return _finish(client, end, order, reporter, interrupted=cancellation.asked)


def watch(arguments: Namespace) -> int:
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

    def save(frame: Frame) -> None:
        if folder is not None:
            write_atomically(folder / f"{frame.step:06}.jpg", frame.image)

    with closing(make_reporter(arguments.progress)) as reporter:
        end = relay(client.watch(job, frames=wanted), reporter, on_frame=save)
        _raise_failure(end)
        state = client.state(job)
        reporter.end(end["type"], _facts(end, (state["width"], state["height"]), None))
        return 0 if end["type"] == "completed" else 1


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
        if event.get("status", kind) == "queued" and event.get("error"):
            # a queued job stays queued until the server is fixed, and nothing else says so
            reporter.note(f"job {event['job']} waits for the server's operator: {event['error']['message']}")
        elif kind in ("accepted", "queued") and event["position"]:
            reporter.note(f"job {event['job']} is waiting at position {event['position']}")
        elif kind in ("paused", "resumed"):
            reporter.note(f"the job was {kind}")
        elif kind == "reconnecting":
            reporter.note(f"connection lost ({event['reason']}); reconnecting in {event['delay_s']:.1f} s")
    raise RuntimeError("the events of a job end with a terminal message")


def step_of(progress: Mapping[str, Any], levels: int) -> Step:
    """A `progress` message as the engine's own step; numbers that the wire could not carry are NaN."""
    numbers: dict[str, Any] = {name: progress[name] for name in ("step", "total_steps", "level", "width", "height")}
    numbers |= {name: _number(progress[name]) for name in ("step_s", "elapsed_s", "eta_s")}
    return Step(
        **numbers,
        levels=max(levels, progress["level"]),
        costs=Costs.of(progress["costs"]),
        picture=_no_picture,
    )


class Cancellation:
    """Cancels the job when asked to, now or as soon as it is accepted; `thread` is the one that does so."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.ticket: Ticket | None = None
        self.thread: threading.Thread | None = None
        self.asked = False

    def accept(self, ticket: Ticket) -> None:
        """The job was accepted."""
        self.ticket = ticket
        if self.asked:
            self._start(ticket)

    def ask(self) -> None:
        """Safe in a signal handler: does not wait."""
        self.asked = True
        if self.ticket is not None:
            self._start(self.ticket)

    def _start(self, ticket: Ticket) -> None:
        self.thread = threading.Thread(target=self._cancel, args=(ticket,), name="duostyle-cancel", daemon=True)
        self.thread.start()

    def _cancel(self, ticket: Ticket) -> None:
        backoff = Backoff()
        while True:
            try:
                self._client.cancel(ticket)
                return
            except (BusyError, Unreachable):
                # the server is restarting and will have the job again when it is back
                time.sleep(backoff.next_s(time.monotonic()))
            except (DuostyleError, OSError) as error:
                with suppress(OSError):
                    os.write(2, f"the job could not be cancelled: {error}\n".encode())
                return


def _upload(client: Client, file: InputFile, *, flattened: bool) -> str:
    try:
        stored = client.store(file.data)
    except ImageError as error:
        raise file.named(error) from None
    file.tell(stored.get("notes", ()), flattened=flattened)
    return str(stored["id"])


def _finish(client: Client, end: Mapping[str, Any], order: Order, reporter: Reporter, *, interrupted: bool) -> int:
    """Save the picture; the exit status."""
    _raise_failure(end)
    done = end["type"] == "completed"
    if not done and not end.get("partial"):
        reporter.note("the job was cancelled before it had a picture")
        return INTERRUPTED if interrupted else 1
    data = result_as_ordered(client, end["job"], order, reporter, partial=not done)
    checked = check(data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
    write_atomically(order.output, data)
    reporter.end("completed" if done else "cancelled", _facts(end, (checked.width, checked.height), order.output))
    return 0 if done else INTERRUPTED if interrupted else 1


def result_as_ordered(client: Client, job: str, order: Order, reporter: Reporter, *, partial: bool) -> bytes:
    """The picture as it was ordered; with 8 bits per channel where the server has no more of a job that was stopped."""
    format: Format = "jpg" if order.format == "jpeg" else order.format
    try:
        return client.result(job, format, partial=partial, depth=order.depth, dpi=order.dpi)
    except NotAvailable as error:
        if not partial:
            raise
        reporter.note(f"saved with 8 bits per channel: {error.message}")
        return client.result(job, format, partial=partial, depth=8, dpi=order.dpi)


def _facts(end: Mapping[str, Any], size: tuple[int, int], output: Path | None) -> dict[str, Any]:
    """What a reporter learns at the end; `size` in px."""
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


def _raise_failure(end: Mapping[str, Any]) -> None:
    """Raises the job's own error when it failed."""
    if end["type"] == "failed":
        raise error_of(end.get("error"), "the job failed")


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _no_picture() -> Any:
    raise RuntimeError("a step that came over the wire has no picture")
