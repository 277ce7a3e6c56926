"""Growth by hand."""

from __future__ import annotations

import pytest

from bench.engine.memory import growth_percent


def test_growth_counts_from_the_warm_job_on() -> None:
    resident = [100.0, 150.0, 200.0, 200.0, 200.0, 210.0, 210.0, 210.0]
    assert growth_percent(resident, warm=3) == pytest.approx(5.0)


def test_one_value_that_jumps_is_no_growth() -> None:
    assert growth_percent([300.0, *[200.0] * 19, 260.0], warm=2) == 0.0


def test_a_leak_is_seen() -> None:
    assert growth_percent([200.0 + job for job in range(200)], warm=10) > 40


def test_too_few_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 10"):
        growth_percent([1.0] * 10, warm=10)
