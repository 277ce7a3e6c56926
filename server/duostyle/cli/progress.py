"""How a painting shows its progress on the command line (a bar, lines, JSON lines, nothing), and what Ctrl-C does."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TextIO

from tqdm import tqdm

from duostyle.engine.api import Step
from duostyle.errors import DuostyleError, InternalError
from duostyle.protocol import outgoing

Mode = Literal["auto", "json", "none"]
MODES: tuple[Mode, ...] = ("auto", "json", "none")
INTERRUPTED = 130
_ONE_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
_MANY_BAR = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}{postfix}]"
# plain lines go to logs: about twenty of them say enough about a painting
LINES = 20


def say(out: TextIO, line: str) -> None:
    """Write a line at once. When nobody reads any more (`| head`), this and all later ones go nowhere: what is
    being done is worth finishing."""
    try:
        out.write(line + "\n")
        out.flush()
    except BrokenPipeError:
        discard(out)


def discard(out: TextIO) -> None:
    """Send what is still written to `out` nowhere, also what Python flushes at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)


def error_line(error: Exception) -> str:
    """The error in one line, with what is allowed and what came where that is known."""
    if not isinstance(error, DuostyleError):
        return " ".join(str(error).split())
    limit = ", ".join(map(str, error.limit)) if isinstance(error.limit, list) else error.limit
    details = [
        f"{word} {value}" for word, value in (("allowed:", limit), ("got:", error.got)) if value not in (None, "")
    ]
    return " ".join((error.message + (f" ({'; '.join(details)})" if details else "")).split())


class Reporter:
    """Called for each step and once at the end of each painting. This one, for the mode `none`, shows only what failed.

    Of several paintings `begin` comes before each, and `end` or `fail` after it.
    """

    def begin(self, content: str, number: int, count: int) -> None:
        """The painting of `content` begins, the `number`th of `count`."""

    def fail(self, content: str, error: Exception) -> None:
        """The painting of `content` has failed; the others go on."""
        say(sys.stderr, failure(content, error))

    def step(self, step: Step) -> None:
        """An evaluation was made."""

    def note(self, text: str) -> None:
        """Something that a person may want to know meanwhile."""

    def end(self, kind: Literal["completed", "cancelled"], facts: Mapping[str, Any]) -> None:
        """`facts` holds `costs`, `elapsed_s`, `evaluations`, `share`, `partial`, `width`, `height`, `output`.

        `output` is None when no file was written, `evaluations` and `share` where they are unknown. `job` is there
        when a server painted it.
        """

    def close(self) -> None:
        """May be called twice."""


def make_reporter(mode: Mode, *, out: TextIO | None = None, err: TextIO | None = None) -> Reporter:
    """`json` writes to `out` (standard output); `auto` to `err` (standard error), a bar when that is a terminal and
    lines when not."""
    out, err = out or sys.stdout, err or sys.stderr
    if mode == "json":
        return JsonReporter(out)
    if mode == "none":
        return Reporter()
    return BarReporter(err) if err.isatty() else LineReporter(err)


class JsonReporter(Reporter):
    """One JSON object a line: `progress` messages as on the socket, but with an empty `job`; then the end.

    Of several paintings each line has its `content`, and one that fails ends with `failed` and the `error`.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._seq = 0
        self._content: str | None = None

    def begin(self, content: str, number: int, count: int) -> None:
        self._seq, self._content = 0, content

    def fail(self, content: str, error: Exception) -> None:
        super().fail(content, error)
        told = error if isinstance(error, DuostyleError) else InternalError(error_line(error))
        self._write(outgoing.text("failed", error=told.as_dict()))

    def step(self, step: Step) -> None:
        self._seq += 1
        self._write(outgoing.Progress(job="", seq=self._seq, **step.numbers()).text())

    def end(self, kind: str, facts: Mapping[str, Any]) -> None:
        self._write(outgoing.text(kind, **facts))

    def _write(self, line: str) -> None:
        if self._content is not None:
            line = f'{line[:-1]},"content":{json.dumps(self._content)}}}'
        say(self._out, line)


class LineReporter(Reporter):
    """Lines on `err`: at the first and the last step, at each new level and at each twentieth of the way."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._shown: tuple[int, int] | None = None

    def begin(self, content: str, number: int, count: int) -> None:
        self._shown = None
        self.note(f"{number}/{count} {content}")

    def fail(self, content: str, error: Exception) -> None:
        self.note(failure(content, error))

    def step(self, step: Step) -> None:
        here = (step.level, step.step * LINES // max(1, step.total_steps))
        if here != self._shown:
            self._shown = here
            self.note(f"step {step.step}/{step.total_steps}, {describe_step(step)}")

    def note(self, text: str) -> None:
        say(self._err, text)

    def end(self, kind: str, facts: Mapping[str, Any]) -> None:
        say(self._err, describe_end(facts))


class BarReporter(Reporter):
    """A bar that rewrites its own line; the time left is the engine's, which knows that levels cost differently.

    Of several paintings one bar counts them all; each has the same length in it.
    """

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._bar: Any = tqdm(file=err, total=0, dynamic_ncols=True, leave=True, bar_format=_ONE_BAR)
        self._content, self._number, self._count = "", 1, 1
        # seconds of the paintings that are done
        self._spent_s, self._done = 0.0, 0

    def begin(self, content: str, number: int, count: int) -> None:
        self._bar.bar_format = _MANY_BAR
        self._bar.total = count
        self._content, self._number, self._count = content, number, count
        self._bar.set_description_str(f"{number}/{count} {Path(content).name}", refresh=False)
        self._at(number - 1)

    def fail(self, content: str, error: Exception) -> None:
        self.note(failure(content, error))
        self._at(self._number)

    def step(self, step: Step) -> None:
        if self._content:
            painting_s = step.elapsed_s + step.eta_s
            each_s = (self._spent_s + painting_s) / (self._done + 1)
            all_s = step.eta_s + (self._count - self._number) * each_s
            self._bar.set_postfix_str(f"{_duration(all_s)} left for all, {describe_step(step)}", refresh=False)
            self._at(self._number - 1 + step.step / max(1, step.total_steps))
            return
        self._bar.total = step.total_steps
        self._bar.set_postfix_str(describe_step(step), refresh=False)
        self._at(step.step)

    def note(self, text: str) -> None:
        self._bar.write(text, file=self._err)

    def end(self, kind: str, facts: Mapping[str, Any]) -> None:
        if self._content:
            self._spent_s, self._done = self._spent_s + facts["elapsed_s"], self._done + 1
            self.note(describe_end(facts))
            self._at(self._number)
            return
        self.close()
        say(self._err, describe_end(facts))

    def close(self) -> None:
        self._bar.close()

    def _at(self, place: float) -> None:
        self._bar.update(place - self._bar.n)


@contextmanager
def interruptible(on_first: Callable[[], None], message: str) -> Iterator[None]:
    """The first Ctrl-C calls `on_first` and prints `message` on standard error, the second raises KeyboardInterrupt."""
    pressed = False

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        on_first()
        # the interrupted code may be inside sys.stderr, which may not be entered twice
        with suppress(OSError):
            os.write(2, f"\n{message}\n".encode())

    previous: Any = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def failure(content: str, error: Exception) -> str:
    """The one line about a painting of several that has failed."""
    line = error_line(error)
    # what is wrong with a file names it already
    return f"duostyle: {line}" if content in line else f"duostyle: {content}: {line}"


def describe_step(step: Step) -> str:
    """Time left, level, size and costs in words; what matters most first, for a narrow terminal cuts the end."""
    costs = step.costs.as_dict()
    total = costs.pop("total")
    where = f"{_duration(step.eta_s)} left, level {step.level}/{step.levels} {step.width}x{step.height}"
    if math.isnan(total):
        # an instant picture: nothing is optimised
        return where
    parts = ", ".join(f"{name} {_cost(cost)}" for name, cost in costs.items())
    return f"{where}, cost {_cost(total)} ({parts})"


def _cost(value: float | Sequence[float]) -> str:
    return " + ".join(f"{share:.4g}" for share in value) if isinstance(value, Sequence) else f"{value:.4g}"


def describe_end(facts: Mapping[str, Any]) -> str:
    """The last line of a painting: where it is, how big, how long it took, each style's share."""
    begin = "stopped; saved the best picture so far as" if facts["partial"] else "saved"
    if facts["output"] is None:
        begin = "stopped" if facts["partial"] else "completed"
    where = "" if facts["output"] is None else f" {facts['output']}"
    text = f"{begin}{where}: {facts['width']}x{facts['height']}, "
    if facts["evaluations"] is not None:
        text += f"{facts['evaluations']} evaluations "
    text += f"in {_duration(facts['elapsed_s'])}"
    if facts["share"] is not None and len(facts["share"]) > 1:
        text += ", shares " + " ".join(f"{share:.0%}" for share in facts["share"])
    return text


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
