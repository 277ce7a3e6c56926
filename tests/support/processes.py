"""Programs that tests start beside themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def program(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """It runs and talks in text; whatever becomes of the test, it does not outlive it."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            # else leaving would wait for ever for one that hangs
            process.kill()
