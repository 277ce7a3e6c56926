"""The command line, `duostyle serve | paint | submit | watch | doctor`.

Bad arguments: one line on standard error and exit status 2."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from pydantic_settings import SettingsError

from duostyle import settings
from duostyle.cli import commands as remote_commands
from duostyle.cli import options
from duostyle.cli.progress import MODES, make_reporter
from duostyle.engine.api import Engine
from duostyle.engine.environment import create_engine, prepare
from duostyle.errors import BadRequest, DuostyleError, RequestError
from duostyle.settings import Settings
from duostyle.version import version

INTERRUPTED = 130
ENGINE_SETTINGS = ("device", "threads", "weights", "memory_budget_mb")

EngineMaker = Callable[[Settings], Engine]


class Parser(argparse.ArgumentParser):
    """Takes only full option names and says what is wrong in one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"duostyle: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None, *, make_engine: EngineMaker | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 bad arguments or pictures, 130 interrupted."""
    prepare(os.environ)
    arguments = make_parser().parse_args(join_values(sys.argv[1:] if argv is None else argv))
    try:
        return int(arguments.run(arguments, make_engine or create_engine))
    except RequestError as error:
        return _complain(error_line(error), 2)
    except DuostyleError as error:
        return _complain(error_line(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Python would complain again when it flushes standard output at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _complain(str(error), 1)


def make_parser() -> argparse.ArgumentParser:
    """The whole command line; `arguments.run` is the command's function."""
    parser = Parser(prog="duostyle", description="Neural style transfer with one, two or more styles.")
    parser.add_argument("--version", action="version", version=f"duostyle {version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    serve = commands.add_parser("serve", help="run the server", description="Run the server and its page.")
    settings.add_arguments(serve)
    serve.set_defaults(run=_serve)

    paint = commands.add_parser(
        "paint", help="paint one picture, without a server", description="Paint one picture, without a server."
    )
    options.add_pictures(paint)
    paint.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="paint again what a job painted, with all its live changes: the JSON of GET /api/jobs/JOB, or its PNG",
    )
    paint.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default auto)")
    options.add_options(paint.add_argument_group("parameters of the painting"))
    settings.add_arguments(paint, ("data_dir", *ENGINE_SETTINGS))
    paint.set_defaults(run=_paint)

    remote_commands.add_submit(commands)
    remote_commands.add_watch(commands)

    doctor = commands.add_parser(
        "doctor",
        help="check this installation and measure its speed",
        description="Check this installation and measure its speed; exit status 1 when something is wrong.",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument(
        "--measure", action="store_true", help="forget which convolution kernels were the quickest and measure again"
    )
    settings.add_arguments(doctor, ("data_dir", *ENGINE_SETTINGS))
    doctor.set_defaults(run=_doctor)
    return parser


def join_values(argv: Sequence[str]) -> list[str]:
    """`--masks -,sky.png` and `--style-mix -1,2` as `--masks=-,sky.png`: argparse would take the values for options."""
    joined: list[str] = []
    for text in argv:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and re.match(r"-[\d.,]", text):
            joined[-1] += "=" + text
        else:
            joined.append(text)
    return joined


def error_line(error: DuostyleError) -> str:
    """The error with what is allowed and what came, where known, in one line."""
    limit = ", ".join(map(str, error.limit)) if isinstance(error.limit, list) else error.limit
    details = [
        f"{word} {value}" for word, value in (("allowed:", limit), ("got:", error.got)) if value not in (None, "")
    ]
    return error.message + (f" ({'; '.join(details)})" if details else "")


def _serve(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    chosen = _settings(arguments)
    from duostyle.serving.server import serve

    return serve(chosen)


def _paint(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    # the parser and --help stay quick without Pillow
    from duostyle.cli.paint import paint, read_order
    from duostyle.cli.replay import read_replay

    chosen = _settings(arguments)
    read = read_order if arguments.replay is None else partial(read_replay, recipe=arguments.replay)
    order = read(
        content=arguments.content,
        styles=arguments.styles,
        output=arguments.output,
        options=vars(arguments),
        max_pixels=chosen.max_pixels,
    )
    reporter = make_reporter(arguments.progress, out=sys.stdout, err=sys.stderr)
    try:
        return 0 if paint(order, make_engine(chosen), reporter) else INTERRUPTED
    finally:
        reporter.close()


def _doctor(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.cli.doctor import describe, examine, forget_kernels

    chosen = _settings(arguments)
    if arguments.measure:
        forget_kernels(chosen.kernel_dir)
    facts = examine(chosen, make_engine(chosen))
    print(json.dumps(facts, indent=2) if arguments.json else describe(facts))
    return 1 if facts["problems"] else 0


def _settings(arguments: argparse.Namespace) -> Settings:
    given = {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}
    try:
        return settings.load_settings(given)
    except SettingsError as error:
        raise BadRequest(f"environment: {error}") from None


def _complain(message: str, status: int) -> int:
    print("duostyle:", " ".join(message.split()), file=sys.stderr)
    return status
