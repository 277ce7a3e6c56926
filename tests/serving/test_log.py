"""Lines of the log: JSON for programs, text for people, the same words each time, and no secrets in either."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duostyle.logs import about_job, about_request
from duostyle.serving import log
from duostyle.settings import Settings

TOKEN = "a-token-of-the-server"
JOB = "Fqx98-aJ0yApKsMQBoaOfw"


class Lines:
    """A logger of its own, and what comes out at the other end."""

    def __init__(self, format: str, *, terminal: bool = False) -> None:
        self._stream = io.StringIO()
        self.logger = logging.Logger("duostyle.test")
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(log.formatter(Settings(log_format=format, token=TOKEN), terminal=terminal))
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_a_line_has_time_level_origin_event_and_fields() -> None:
    lines = Lines("json")
    lines.logger.warning("%d of them", 3, extra={"path": "a\nb", "count": 2})
    (line,) = lines.objects
    assert list(line) == ["time", "level", "logger", "event", "path", "count"]
    assert line["time"].endswith("Z")
    assert [line[name] for name in list(line)[1:]] == ["warning", "duostyle.test", "3 of them", "a\nb", 2]


def test_a_line_says_which_request_and_job_it_is_about() -> None:
    lines = Lines("json")
    with about_request("r1"):
        with about_job(JOB), about_job(""):
            lines.logger.info("within")
        lines.logger.info("between")
    lines.logger.info("outside")
    assert [(line.get("request"), line.get("job")) for line in lines.objects] == [
        ("r1", JOB[:8]),
        ("r1", None),
        (None, None),
    ]


@pytest.mark.parametrize("format", ["json", "text"])
def test_a_traceback_is_one_field_without_the_values_of_variables(format: str) -> None:
    lines = Lines(format)
    secret = "-".join(["value", "of", "a", "variable"])
    try:
        raise KeyError(len(secret))
    except KeyError:
        lines.logger.exception("a bug")
    assert secret not in lines.text
    assert "Traceback (most recent call last)" in lines.text
    if format == "json":
        (line,) = lines.objects
        assert line["exception"].splitlines()[-1] == "KeyError: 19"
    else:
        assert lines.text.splitlines()[-1] == "KeyError: 19"


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("GET http://name:pass-word@host/x", "GET http://…@host/x"),
        (f"no answer for {TOKEN}", "no answer for …"),
        ("GET /ws?a=1&token=some-token&b=2", "GET /ws?a=1&token=…&b=2"),
        ("Authorization: Bearer some-key-of-a-job", "Authorization: Bearer …"),
        ("Authorization: Basic bmFtZTpwYXNz", "Authorization: Basic …"),
        ("x-duostyle-key: some-key-of-a-job", "x-duostyle-key: …"),
        (f"cannot write /data/checkpoints/{JOB}.checkpoint", f"cannot write /data/checkpoints/{JOB[:8]}….checkpoint"),
        ("an ordinary sentence: http://127.0.0.1:8000/?job", "an ordinary sentence: http://127.0.0.1:8000/?job"),
    ],
)
def test_what_opens_a_door_is_cut_out(format: str, written: str, shown: str) -> None:
    lines = Lines(format)
    lines.logger.warning(written)
    lines.logger.warning("in a field", extra={"reason": written})
    first, second = lines.text.splitlines()
    if format == "json":
        assert (json.loads(first)["event"], json.loads(second)["reason"]) == (shown, shown)
    else:
        assert shown in first
        assert shown in second


@pytest.mark.parametrize(
    ("format", "terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("text", False, False)],
)
def test_auto_is_text_on_a_terminal_only(
    format: str, terminal: bool, is_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = Lines(format, terminal=terminal)
    lines.logger.warning("said", extra={"count": 2})
    assert lines.text.startswith("{") == is_json
    assert lines.text.count("\n") == 1
    assert ("\x1b[" in lines.text) == (terminal and not is_json)
    monkeypatch.setenv("NO_COLOR", "1")
    lines = Lines(format, terminal=terminal)
    lines.logger.warning("said", extra={"count": 2})
    assert "\x1b[" not in lines.text


@pytest.fixture
def as_before() -> Iterator[None]:
    names = ("duostyle", "python_multipart", "asyncio", "py.warnings")
    levels, lost = {name: logging.getLogger(name).level for name in names}, threading.excepthook
    yield
    logging.captureWarnings(False)
    threading.excepthook = lost
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("as_before")
def test_the_level_is_that_of_our_own_lines() -> None:
    own = logging.getLogger(log.__name__)
    log.set_up(Settings(log_level="info"), io.StringIO())
    assert own.isEnabledFor(logging.INFO)
    log.set_up(Settings(log_level="error"), io.StringIO())
    assert not own.isEnabledFor(logging.WARNING)


@pytest.mark.usefixtures("as_before")
def test_what_ends_a_thread_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    log.set_up(Settings(), io.StringIO())
    try:
        raise KeyError("lost")
    except KeyError:
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))
    (record,) = caplog.records
    assert record.getMessage() == "a thread ended with an error"
    assert record.exc_info is not None


def test_what_happened_has_the_same_words_each_time() -> None:
    """So that a program can count and select lines; facts go into `extra`."""
    seen = 0
    for path in (Path(__file__).parents[2] / "server" / "duostyle").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
                seen += 1
                (words,) = node.args
                assert isinstance(words, ast.Constant | ast.Name), f"{path.name}:{node.lineno}"
                assert "%" not in ast.unparse(words), f"{path.name}:{node.lineno}"
    assert seen > 20
