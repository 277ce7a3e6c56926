"""Programs that tests start beside themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest


def needed(name: str) -> str:
    """Where a program is. Skips the test where there is none, and fails it in CI."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and CI must run it")
    pytest.skip(f"{name} is not installed here")


def done(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What such a program says, once it has ended."""
    return subprocess.run([needed(name), *map(str, arguments)], capture_output=True, text=True, timeout=100)


@contextmanager
def program(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """It runs and talks in text; whatever becomes of the test, it does not outlive it."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            # else leaving would wait for one that hangs, for ever
            process.kill()
