"""The command `duostyle` in this process, with the fake engine."""

from __future__ import annotations

from duostyle.cli import main as cli
from tests.support.fake_engine import FakeEngine


def run(*argv: str, engine: FakeEngine | None = None) -> int:
    """The exit status of `duostyle ARGV` with a fake engine."""
    made = engine or FakeEngine(steps=3)
    try:
        return cli.main(argv, make_engine=lambda settings: made)
    except SystemExit as stop:
        return int(stop.code or 0)
