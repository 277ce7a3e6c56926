"""Progress without a server: the bar, the lines and the JSON lines."""

from __future__ import annotations

import io
import json
import math
import signal
from dataclasses import replace

import pytest

from duostyle.cli.progress import (
    BarReporter,
    JsonReporter,
    LineReporter,
    Reporter,
    describe_end,
    describe_step,
    interruptible,
    make_reporter,
)
from duostyle.engine.api import Costs, Step
from duostyle.errors import EngineError
from tests.support.fake_engine import picture_of

FACTS = {
    "costs": {"total": 1.0},
    "elapsed_s": 125.0,
    "evaluations": 90,
    "share": [0.25, 0.75],
    "partial": False,
    "width": 512,
    "height": 384,
    "output": "out.png",
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step_of(step: int, total: int = 100, level: int = 1) -> Step:
    costs = Costs(total=3.5, content=1.0, style=(0.5, 1.5), tv=0.5)
    return Step(step, total, level, 2, 128, 96, costs, 0.25, step * 0.25, 75.0, lambda: picture_of(step))


@pytest.mark.parametrize(
    ("mode", "terminal", "kind"),
    [
        ("auto", True, BarReporter),
        ("auto", False, LineReporter),
        ("json", True, JsonReporter),
        ("none", True, Reporter),
    ],
)
def test_the_mode_and_the_terminal_choose(mode: str, terminal: bool, kind: type) -> None:
    reporter = make_reporter(mode, out=io.StringIO(), err=Terminal() if terminal else io.StringIO())  # type: ignore[arg-type]
    assert type(reporter) is kind
    reporter.close()


def test_json_is_one_object_a_line() -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    reporter.step(step_of(1))
    reporter.step(step_of(2))
    reporter.end("completed", FACTS)
    first, second, last = [json.loads(line) for line in out.getvalue().splitlines()]
    assert first == {
        "type": "progress",
        "job": "",
        "seq": 1,
        "step": 1,
        "total_steps": 100,
        "level": 1,
        "width": 128,
        "height": 96,
        "costs": {"total": 3.5, "content": 1, "style": [0.5, 1.5], "tv": 0.5},
        "step_s": 0.25,
        "elapsed_s": 0.25,
        "eta_s": 75,
    }
    assert second["seq"] == 2
    assert last == {"type": "completed", **FACTS}


def test_json_lines_are_flushed() -> None:
    class Counting(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            Counting.flushed += 1

    JsonReporter(Counting()).step(step_of(1))
    assert Counting.flushed == 1


def test_lines_are_few_and_hold_the_first_last_and_each_level() -> None:
    err = io.StringIO()
    reporter = LineReporter(err)
    for number in range(1, 201):
        reporter.step(step_of(number, total=200, level=1 if number <= 33 else 2))
    lines = err.getvalue().splitlines()
    assert len(lines) == 22
    assert lines[0] == ("step 1/200, 1 min 15 s left, level 1/2 128x96, cost 3.5 (content 1, style 0.5 + 1.5, tv 0.5)")
    assert any(line.startswith("step 34/200, 1 min 15 s left, level 2/2") for line in lines)
    assert lines[-1].startswith("step 200/200")


def test_the_bar_shows_costs_level_and_time_left() -> None:
    err = Terminal()
    reporter = BarReporter(err)
    reporter.step(step_of(50))
    reporter.close()
    reporter.close()
    shown = err.getvalue().split("\r")[-1]
    assert "50/100" in shown
    assert "level 1/2" in shown
    assert "cost 3.5" in shown
    assert "1 min 15 s left" in shown


def test_the_bar_follows_a_new_total() -> None:
    err = Terminal()
    reporter = BarReporter(err)
    reporter.step(step_of(1, total=100))
    reporter.step(step_of(2, total=40))
    reporter.close()
    assert "2/40" in err.getvalue().split("\r")[-1]


def test_the_end_in_words() -> None:
    assert describe_end(FACTS) == "saved out.png: 512x384, 90 evaluations in 2 min 5 s, shares 25% 75%"
    partial = {**FACTS, "partial": True, "share": None, "elapsed_s": 4.0}
    assert describe_end(partial) == "stopped; saved the best picture so far as out.png: 512x384, 90 evaluations in 4 s"
    unknown = {**FACTS, "elapsed_s": 4.2, "output": None, "partial": True, "evaluations": None, "share": None}
    assert describe_end(unknown) == "stopped: 512x384, in 4 s"


def test_a_time_left_that_nobody_knows() -> None:
    out = io.StringIO()
    LineReporter(out).step(replace(step_of(1), eta_s=math.nan))
    assert "unknown time left" in out.getvalue()


def test_hours() -> None:
    assert "in 2 h 5 min" in describe_end({**FACTS, "elapsed_s": 7500.0})


def test_the_first_ctrl_c_is_said_and_the_second_interrupts(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    calls: list[str] = []
    with interruptible(lambda: calls.append("stop"), "stopping"):
        signal.raise_signal(signal.SIGINT)
        assert (calls, capfd.readouterr().err) == (["stop"], "\nstopping\n")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert calls == ["stop"]
    assert signal.getsignal(signal.SIGINT) is before


def test_one_bar_counts_all_paintings() -> None:
    err = Terminal()
    reporter = BarReporter(err)
    reporter.begin("a/one.png", 1, 4)
    reporter.step(step_of(100))
    reporter.end("completed", FACTS | {"elapsed_s": 100.0})
    reporter.begin("a/two.png", 2, 4)
    # it takes 25 s + 75 s: two more take 100 s each
    reporter.step(replace(step_of(50), elapsed_s=25.0, eta_s=75.0))
    bar = reporter._bar
    assert (bar.total, bar.n) == (4, 1.5)
    assert "4 min 35 s left for all" in bar.postfix
    assert bar.desc == "2/4 two.png"
    reporter.fail("a/two.png", EngineError("broken"))
    assert bar.n == 2
    reporter.close()
    assert "duostyle: a/two.png: broken" in err.getvalue()
    assert "saved out.png" in err.getvalue()


def test_a_step_without_costs_says_none() -> None:
    unknown = Costs(math.nan, math.nan, (math.nan,), math.nan)
    assert describe_step(replace(step_of(1), costs=unknown)).endswith("left, level 1/2 128x96")
