"""`duostyle submit`: a painting on a running server, with the progress that `paint` shows. Ctrl-C cancels the job."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from duostyle.cli.options import read_options
from duostyle.cli.paint import MAX_SIZE_PX, QUALITY, check_output, read_file, read_mask
from duostyle.cli.progress import Reporter, make_reporter
from duostyle.cli.relay import facts_of, raise_failure, relay
from duostyle.client import Client, Ticket, Unreachable
from duostyle.client.follow import Backoff
from duostyle.errors import BadRequest, BusyError, DuostyleError, ImageError
from duostyle.imaging import decode as images
from duostyle.imaging.encode import Format, encode
from duostyle.params import MAX_STYLES, parse_params
from duostyle.storage.files import write_atomically

INTERRUPTED = 130
STOPPING = b"\nstopping; the best picture so far will be saved (Ctrl-C again: stop waiting for it)\n"
# Our own result comes from a server that we chose; its size is no news.
_MAX_BYTES, _MAX_PIXELS = 2**30, 2**28


def run(arguments: argparse.Namespace) -> int:
    """The exit status. Raises BadRequest, the server's errors, Unreachable, OSError."""
    styles: list[Path] = arguments.styles
    if len(styles) > MAX_STYLES:
        raise BadRequest("too many styles", limit=f"1 to {MAX_STYLES}", got=len(styles))
    raw = read_options(vars(arguments))
    named = raw.get("masks")
    masks = [None if name is None else Path(name) for name in named] if isinstance(named, list) else []
    files = {path: read_file(path) for path in (arguments.content, *styles)}
    files |= {path: read_mask(str(path)) for path in masks if path is not None}
    if masks:
        raw["masks"] = [None if path is None else images.image_id(files[path]) for path in masks]
    parse_params(raw, styles=len(styles), max_size_px=MAX_SIZE_PX)
    format = check_output(arguments.output, list(files))
    client = Client(arguments.server, token=arguments.token)
    reporter = make_reporter(arguments.progress, out=sys.stdout, err=sys.stderr)
    try:
        ids = {path: _upload(client, path, data) for path, data in files.items()}
        with _cancelling(client) as stop:
            events = client.paint(ids[arguments.content], [ids[style] for style in styles], raw)
            end = relay(events, reporter, on_accepted=stop.accept)
        return _finish(client, end, arguments.output, format, reporter, stopped=stop.asked)
    finally:
        reporter.close()


def _finish(
    client: Client, end: Mapping[str, Any], output: Path, format: Format, reporter: Reporter, *, stopped: bool
) -> int:
    raise_failure(end)
    done = end["type"] == "completed"
    if not done and not end.get("partial"):
        reporter.note("the job was cancelled before it had a picture")
        return INTERRUPTED if stopped else 1
    # servers make no TIFF
    ending: Literal["png", "jpg", "webp"] = "png" if format == "tiff" else "jpg" if format == "jpeg" else format
    data = client.result(end["job"], ending, partial=not done)
    if format == "tiff":
        data = encode(images.decode(data), "tiff", quality=QUALITY)
    checked = images.check(data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
    write_atomically(output.resolve(), data)
    reporter.end("completed" if done else "cancelled", facts_of(end, (checked.width, checked.height), output.resolve()))
    return 0 if done else INTERRUPTED if stopped else 1


def _upload(client: Client, path: Path, data: bytes) -> str:
    try:
        return client.upload(data)
    except ImageError as error:
        raise type(error)(f"{path}: {error.message}", limit=error.limit, got=error.got) from None


class Stop:
    """The first Ctrl-C cancels the job, now or as soon as there is one; the second raises KeyboardInterrupt."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.ticket: Ticket | None = None
        self.cancelling: threading.Thread | None = None
        self.asked = False

    def accept(self, ticket: Ticket) -> None:
        self.ticket = ticket
        if self.asked:
            self._cancel(ticket)

    def on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        with suppress(OSError):
            os.write(2, STOPPING)
        if self.ticket is not None:
            self._cancel(self.ticket)

    def _cancel(self, ticket: Ticket) -> None:
        # a handler of a signal may not wait
        self.cancelling = threading.Thread(target=self._ask, args=(ticket,), name="duostyle-cancel", daemon=True)
        self.cancelling.start()

    def _ask(self, ticket: Ticket) -> None:
        backoff = Backoff()
        while True:
            try:
                self._client.cancel(ticket)
                return
            except (BusyError, Unreachable):
                # the server restarts, and will have the job again when it is back
                time.sleep(backoff.next_s(time.monotonic()))
            except (DuostyleError, OSError) as error:
                with suppress(OSError):
                    os.write(2, f"the job could not be cancelled: {error}\n".encode())
                return


@contextmanager
def _cancelling(client: Client) -> Iterator[Stop]:
    stop = Stop(client)
    previous = signal.signal(signal.SIGINT, stop.on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)
