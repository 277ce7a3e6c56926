"""The log, on standard error: one line for each event, as JSON or as text for a person.

The lines of uvicorn and of other libraries go the same way as our own. An error of a client is a line or nothing; a bug
comes with its traceback, in the field `exception`. Passwords, tokens and keys are cut out of every line.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from duostyle.settings import Settings

# What comes first in a line; the other fields follow.
_FIRST = ("time", "level", "logger", "event")
# Libraries that warn about whatever a client sends.
_ABOUT_CLIENTS = ("python_multipart", "asyncio")
_SECRETS = (
    # a password, or a token, in an address
    (re.compile(r"(?<=://)[^/\s\"'@]+@"), "…@"),
    (re.compile(r"(?<=[?&]token=)[^&\s\"'\\]+"), "…"),
    (re.compile(r"(?i)(\b(?:bearer|basic) |x-duostyle-key\W{1,4})[\w.~+/=-]{8,}"), r"\1…"),
    # the id of a job, in the name of a file or in an address
    (re.compile(r"(?<=/)([\w-]{8})[\w-]{14}(?![\w-])"), r"\1…"),
)

Renderer = Callable[[WrappedLogger, str, EventDict], str]


def set_up(settings: Settings, stream: TextIO = sys.stderr) -> None:
    """Log on `stream`: the server's own lines from `log_level` on, those of libraries from warnings on.

    A log that is already set up, by a program that runs this one as a part, stays as it is.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(settings, terminal=stream.isatty()))
    # at lower levels some libraries log what clients send
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("duostyle").setLevel(settings.log_level.upper())
    for name in _ABOUT_CLIENTS:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_error
    # Whoever sends damaged pictures would fill the log, and the memory where Python remembers what it has warned of.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def formatter(settings: Settings, *, terminal: bool) -> logging.Formatter:
    """Makes a record of the standard library one line, as `log_format` says; `terminal`: whether a person reads it."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not terminal)
    colors = terminal and not os.environ.get("NO_COLOR")
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_secrets(_json() if as_json else _text(colors=colors), settings.tokens),
        ],
    )


def _json() -> Renderer:
    render = structlog.processors.JSONRenderer(default=str)

    def line(logger: WrappedLogger, name: str, event: EventDict) -> str:
        fields = structlog.processors.format_exc_info(logger, name, event)
        first = {key: fields[key] for key in _FIRST if key in fields}
        return str(render(logger, name, first | dict(fields)))

    return line


def _text(*, colors: bool) -> Renderer:
    # the richer way of showing tracebacks shows the values of variables, too
    return structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )


def _without_secrets(render: Renderer, tokens: tuple[str, ...]) -> Renderer:
    def line(logger: WrappedLogger, name: str, event: EventDict) -> str:
        text = render(logger, name, event)
        for token in tokens:
            text = text.replace(token, "…")
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
        return text

    return line


def _log_thread_error(lost: Any) -> None:
    """Log the exception that ended a thread: nobody else gets it."""
    if lost.exc_value is not None and not isinstance(lost.exc_value, SystemExit):
        logging.getLogger(__name__).error("a thread ended with an error", exc_info=lost.exc_value)
