"""`python -m duostyle` is the command `duostyle`."""

from __future__ import annotations

import sys

from duostyle.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
