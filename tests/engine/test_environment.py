"""What torch's libraries are told before torch is there."""

from __future__ import annotations

import subprocess
import sys

from duostyle.engine.environment import WISHES, prepare


def test_the_wishes_are_put_where_nothing_was() -> None:
    environ = {"HOME": "/home/someone"}
    prepare(environ)
    assert environ == {"HOME": "/home/someone"} | WISHES
    assert environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_what_the_user_has_set_stays() -> None:
    environ = {"OMP_WAIT_POLICY": "ACTIVE", "THP_MEM_ALLOC_ENABLE": ""}
    prepare(environ)
    assert environ == {"OMP_WAIT_POLICY": "ACTIVE", "THP_MEM_ALLOC_ENABLE": ""}


def test_it_can_be_imported_before_torch() -> None:
    code = "import sys, duostyle.engine.environment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
