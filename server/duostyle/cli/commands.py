"""The options of `duostyle submit` and `duostyle watch`; what they do is imported when one of them runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from duostyle.cli import options
from duostyle.cli.progress import MODES

DEFAULT_SERVER = "http://127.0.0.1:8000"


def add_submit(commands: Any) -> None:
    """Add `submit` to the subparsers of the command line."""
    submit = commands.add_parser(
        "submit", help="paint one picture on a running server", description="Paint one picture on a running server."
    )
    options.add_pictures(submit)
    _add_server(submit)
    options.add_options(submit.add_argument_group("parameters of the painting"))
    submit.set_defaults(run=_submit)


def add_watch(commands: Any) -> None:
    """Add `watch` to the subparsers of the command line."""
    watch = commands.add_parser(
        "watch", help="follow a job on a running server", description="Follow a job on a running server."
    )
    watch.add_argument("job", metavar="JOB", help="its id, or the link that shows it")
    watch.add_argument("--frames", type=Path, metavar="DIR", help="save every live picture there, named by its step")
    _add_server(watch)
    watch.set_defaults(run=_watch)


def _add_server(command: argparse.ArgumentParser) -> None:
    """Add `--server`, `--token` and `--progress`."""
    command.add_argument(
        "--server", default=DEFAULT_SERVER, metavar="URL", help=f"where the server is (default {DEFAULT_SERVER})"
    )
    command.add_argument(
        "--token",
        default=os.environ.get("DUOSTYLE_TOKEN"),
        metavar="TOKEN",
        help="the server's token (default: the environment variable DUOSTYLE_TOKEN)",
    )
    command.add_argument("--progress", choices=MODES, default="auto", help="how progress is shown (default auto)")


def _submit(arguments: argparse.Namespace, make_engine: Any) -> int:
    from duostyle.cli.remote import run

    return run(arguments)


def _watch(arguments: argparse.Namespace, make_engine: Any) -> int:
    from duostyle.cli.watch import run

    return run(arguments)
