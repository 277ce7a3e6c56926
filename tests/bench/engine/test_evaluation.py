"""The tables of evaluations have a row for each size."""

from __future__ import annotations

import pytest

from bench.engine.evaluation import against_pixels, against_plain
from bench.quality.judge import Judge


@pytest.mark.weights
def test_both_tables_print_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Judge(threads=1).engine
    against_plain(engine, [48, 64], 1)
    against_pixels(engine, [48, 64], 1, 2**30)
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in lines if line[1:2] == ["x"]]
    assert rows == 2 * [["48", "x", "36"], ["64", "x", "48"]]
