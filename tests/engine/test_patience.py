"""Which evaluations are given up, without any evaluation."""

from __future__ import annotations

import pytest

from duostyle.engine.api import Cancelled, Control
from duostyle.engine.patience import Patience
from duostyle.params import StyleParams


def _evaluation(patience: Patience, control: Control, *, change: bool) -> int | None:
    """Four checks; before the third a live change may come."""
    seen = 0

    def evaluate() -> int:
        nonlocal seen
        for number in range(4):
            if change and number == 2:
                control.update(StyleParams())
            patience.check()
            seen += 1
        return 7

    found = patience.outlast(evaluate)
    assert seen == (4 if found == 7 else 2)
    return found


def test_without_a_change_it_goes_on_to_the_end() -> None:
    control = Control()
    assert _evaluation(Patience(control), control, change=False) == 7


def test_a_change_ends_it_but_not_twice_in_a_row() -> None:
    control = Control()
    patience = Patience(control)
    found = []
    for _ in range(4):
        found.append(_evaluation(patience, control, change=True))
        control.take_update()
    assert found == [None, 7, None, 7]


def test_outside_of_an_evaluation_a_change_ends_nothing() -> None:
    control = Control()
    patience = Patience(control)
    control.update(StyleParams())
    patience.check()


def test_a_cancel_is_raised_wherever_it_is_checked() -> None:
    control = Control()
    patience = Patience(control)
    control.cancel()
    with pytest.raises(Cancelled):
        patience.check()
    with pytest.raises(Cancelled):
        patience.outlast(patience.check)
    # and it is no reason for patience afterwards
    assert not patience._gave_up


def test_an_error_passes_through_and_changes_nothing() -> None:
    control = Control()
    patience = Patience(control)

    def fail() -> int:
        raise FloatingPointError("not finite")

    with pytest.raises(FloatingPointError):
        patience.outlast(fail)
    control.update(StyleParams())
    patience.check()
