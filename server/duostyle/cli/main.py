"""The command line, `duostyle serve | paint | submit | watch | doctor | backup | restore`.

Bad arguments: one line on standard error and exit status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from duostyle import settings, version
from duostyle.cli import options
from duostyle.cli.progress import INTERRUPTED, discard, error_line
from duostyle.engine.api import Engine
from duostyle.engine.environment import check_device, check_start, create_engine, prepare
from duostyle.errors import BadRequest, DeviceUnavailable, DuostyleError, RequestError, WeightsError
from duostyle.settings import Settings

ENGINE_SETTINGS = ("data_dir", "device", "precision", "threads", "weights", "memory_budget_mb", "max_pixels")

EngineMaker = Callable[[Settings], Engine]


def main(argv: Sequence[str] | None = None, *, make_engine: EngineMaker | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 bad arguments or pictures, 130 interrupted."""
    try:
        prepare(os.environ)
        arguments = make_parser().parse_args(options.join_values(sys.argv[1:] if argv is None else argv))
        return int(arguments.run(arguments, make_engine or create_engine))
    except RequestError as error:
        return _complain(error_line(error), 2)
    except DuostyleError as error:
        return _complain(error_line(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Python would complain again when it flushes standard output at exit
        discard(sys.stdout)
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
        "paint",
        help="paint pictures, without a server",
        description="Paint one picture or many, without a server. The exit status is 1 when one of many has failed.",
    )
    options.add_pictures(paint, many=True)
    paint.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="repeat an earlier job with all its live updates: its JSON from GET /api/jobs/JOB, or its PNG",
    )
    options.add_progress(paint)
    options.add_options(paint.add_argument_group("parameters of the painting"))
    settings.add_arguments(paint, ENGINE_SETTINGS)
    paint.set_defaults(run=_paint)

    submit = commands.add_parser(
        "submit", help="paint one picture on a running server", description="Paint one picture on a running server."
    )
    options.add_pictures(submit)
    options.add_server(submit)
    options.add_progress(submit)
    options.add_options(submit.add_argument_group("parameters of the painting"))
    submit.set_defaults(run=_submit)

    watch = commands.add_parser(
        "watch", help="follow a job on a running server", description="Follow a job on a running server."
    )
    watch.add_argument("job", metavar="JOB", help="the id of the job, or a link to it")
    watch.add_argument("--frames", type=Path, metavar="DIR", help="save every frame in this folder, named by its step")
    options.add_server(watch)
    options.add_progress(watch)
    watch.set_defaults(run=_watch)

    doctor = commands.add_parser(
        "doctor",
        help="check this installation and measure its speed",
        description=(
            "Check whether a server would start here with these settings and paint, and measure its speed. The exit "
            "status is 1 when there is a problem."
        ),
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument(
        "--measure",
        action="store_true",
        help="forget which convolution kernels and precision were the fastest and measure again",
    )
    settings.add_arguments(doctor)
    doctor.set_defaults(run=_doctor)

    backup = commands.add_parser(
        "backup",
        help="copy the data folder, also while a server uses it",
        description="Copy the data folder as it is at this moment, also while a server uses it.",
    )
    backup.add_argument("folder", type=Path, metavar="FOLDER", help="where to copy it: a new or an empty folder")
    settings.add_arguments(backup, ("data_dir",))
    backup.set_defaults(run=_backup)

    restore = commands.add_parser(
        "restore",
        help="make a data folder from a backup",
        description="Make a data folder from a backup. It must be new or empty, so that nothing is overwritten.",
    )
    restore.add_argument("folder", type=Path, metavar="FOLDER", help="what backup has made")
    settings.add_arguments(restore, ("data_dir",))
    restore.set_defaults(run=_restore)
    return parser


class Parser(argparse.ArgumentParser):
    """Takes only full option names and reports an error in one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"duostyle: {message} (see {self.prog} --help)\n")


# What a command needs is imported when it runs: the parser and --help stay quick, and need neither torch nor Pillow.


def _serve(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.serving.server import serve

    settings = options.read_settings(arguments)
    with _needed_to_start():
        check_start(settings)
    return serve(settings)


def _paint(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.cli.paint import run

    with _needed_to_start():
        return run(arguments, options.read_settings(arguments), make_engine)


def _submit(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.cli.remote import submit

    return submit(arguments)


def _watch(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.cli.remote import watch

    return watch(arguments)


def _doctor(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    from duostyle.cli.doctor import run

    settings = options.read_settings(arguments)
    with _needed_to_start():
        check_device(settings.device)
    return run(arguments, settings, make_engine)


def _backup(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    return _copy(options.read_settings(arguments).state_dir, arguments.folder)


def _restore(arguments: argparse.Namespace, make_engine: EngineMaker) -> int:
    return _copy(arguments.folder, options.read_settings(arguments).state_dir)


def _copy(source: Path, target: Path) -> int:
    from duostyle.storage.backup import copy_data_folder

    jobs = copy_data_folder(source, target)
    print(f"copied {jobs} {'job' if jobs == 1 else 'jobs'} from {source} to {target}")
    return 0


@contextlib.contextmanager
def _needed_to_start() -> Iterator[None]:
    """A device that is not there, or weights that are not, are as wrong as a bad argument: nothing has begun yet."""
    try:
        yield
    except (DeviceUnavailable, WeightsError) as error:
        raise BadRequest(error.message) from None


def _complain(message: str, status: int) -> int:
    print("duostyle:", " ".join(message.split()), file=sys.stderr)
    return status
