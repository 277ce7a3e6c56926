"""`python -m bench`: every benchmark is in its list, says what it does and has options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.__main__ import MODULES, listing, main

FOLDER = Path(bench.__file__).parent
# parts of others, in processes of their own
PARTS = {"bench.engine.peak"}


def test_every_benchmark_is_in_the_list() -> None:
    programs = {
        "bench." + ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        for path in FOLDER.rglob("*.py")
        if path.parent != FOLDER and 'if __name__ == "__main__":' in path.read_text("utf-8")
    }
    assert programs - PARTS == set(MODULES.values())


def test_the_list_has_a_line_for_each() -> None:
    lines = listing().splitlines()
    assert [line.split()[0] for line in lines] == list(MODULES)
    assert all(len(line.split()) > 3 for line in lines)


def test_without_a_name_it_prints_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert listing() in capsys.readouterr().out


def test_an_unknown_name_is_one_line() -> None:
    with pytest.raises(SystemExit, match="no benchmark is called speed; there are engine, "):
        main(["speed"])


@pytest.mark.parametrize("name", MODULES)
def test_each_tells_its_options(name: str) -> None:
    command = [sys.executable, "-m", "bench", name, "--help"]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: python -m bench {name}" in done.stdout
