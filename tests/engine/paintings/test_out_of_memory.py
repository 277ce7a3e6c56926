"""Memory that really runs out: the address space of a process is limited, so that the allocator itself refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(sys.platform != "linux", reason="the limit and /proc are Linux's"),
]

SCRIPT = """
import gc, json, os, resource
from duostyle.engine.api import Control, Request
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import OutOfMemory
from duostyle.params import StyleParams
from duostyle.picture import Picture

def picture(side):
    return Picture(side, side, os.urandom(side * side * 3))

def megabytes(what):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(what))

engine = TorchEngine(device="cpu", threads=2, memory_budget_mb=2**20)
engine.load()

def paint(side):
    request = Request(picture(side), (picture(64),), StyleParams(size=side, iterations=1, init="content"))
    return engine.begin(request, Control()).run(lambda step: None)

paint(64)
limit = (megabytes("VmSize:") + 96) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
refusals, resident_mb = [], [megabytes("VmRSS:")]
for _ in range(2):
    try:
        paint(512)
    except OutOfMemory as error:
        refusals.append(error.as_dict())
    gc.collect()
    engine.trim()
    resident_mb.append(megabytes("VmRSS:"))
print(json.dumps({"refusals": refusals, "resident_mb": resident_mb, "afterwards": paint(64)}))
"""


def test_a_picture_too_large_fails_gives_its_memory_back_and_a_small_one_is_painted() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert [refusal["code"] for refusal in told["refusals"]] == ["out_of_memory"] * 2
    assert all("smaller size" in refusal["message"] for refusal in told["refusals"])
    # each attempt takes up to the 96 MB that are left: held on to, that would be seen here
    assert max(told["resident_mb"]) - told["resident_mb"][0] <= 48, told["resident_mb"]
    assert told["afterwards"] is True
