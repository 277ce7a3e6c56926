"""How many cores there are."""

from __future__ import annotations

import os

from duostyle.threads import usable_cores


def test_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
