"""How much memory there is, and that what is freed really goes back."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from duostyle.engine.memory import give_back, machine_bytes


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system does not tell its memory")
def test_a_process_has_no_more_than_the_machine() -> None:
    assert 2**28 < machine_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_blocks_go_back() -> None:
    def resident_bytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # blocks too small for pages of their own, with something that lives between them and the heap's top
    blocks = [torch.ones(250_000) for _ in range(200)]
    keep = torch.ones(1000)
    full = resident_bytes()
    del blocks
    give_back(torch.device("cpu"))
    assert resident_bytes() < full - 100_000_000
    assert float(keep.sum()) == 1000
