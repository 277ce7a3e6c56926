"""The command `duostyle`, also as `python -m duostyle`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; the exit status. Imports nothing before it can be interrupted."""
    signal.signal(signal.SIGINT, _leave)
    from duostyle.cli.main import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return run()
    except KeyboardInterrupt:
        # a second Ctrl-C while the first is being handled
        _leave()


def _leave(number: int = signal.SIGINT, frame: FrameType | None = None) -> NoReturn:
    # an exception here would come out of whatever is being imported, as a traceback or as an ImportError
    os.write(2, b"duostyle: interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
