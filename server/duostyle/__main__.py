"""The command `duostyle`, also as `python -m duostyle`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; the exit status. Imports nothing before it can be interrupted."""
    signal.signal(signal.SIGINT, _leave)
    from duostyle.cli.main import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


def _leave(number: int, frame: FrameType | None) -> None:
    # an exception here would come out of whatever is being imported, as a traceback or as an ImportError
    os.write(2, b"duostyle: interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
