"""The engine's face: plain values, a control that any thread may use, and no torch on import."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading

import pytest

from duostyle.engine.api import Cancelled, Control, Costs, Step
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Progress

MASK = Picture(1, 1, bytes(3))


def test_importing_it_does_not_import_torch() -> None:
    program = "import sys, duostyle.engine.api; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_costs_as_json() -> None:
    costs = Costs(total=6.0, content=1.0, style=(2.0, 3.0), tv=0.0)
    assert costs.as_dict() == {"total": 6.0, "content": 1.0, "style": [2.0, 3.0], "tv": 0.0}


def test_costs_come_back_from_json_also_where_the_wire_had_no_number() -> None:
    costs = Costs(total=6.0, content=1.0, style=(2.0, 3.0), tv=0.0)
    assert Costs.of(json.loads(json.dumps(costs.as_dict()))) == costs
    back = Costs.of({"total": None, "content": 1, "style": [None, 3.0], "tv": 0.0, "a_later_term": 5.0})
    assert math.isnan(back.total)
    assert math.isnan(back.style[0])
    assert (back.content, back.style[1], back.tv) == (1.0, 3.0, 0.0)
    with pytest.raises(KeyError):
        Costs.of({"total": 1.0, "content": 1.0, "style": [0.0]})


def test_the_numbers_of_a_step_are_those_of_a_progress_message() -> None:
    costs = Costs(total=6.0, content=1.0, style=(2.0, 3.0), tv=0.0)
    step = Step(3, 9, 1, 2, 64, 48, costs, 0.5, 1.5, 4.5, lambda: MASK)
    assert json.loads(Progress(job="j", seq=7, **step.numbers()).text()) == {
        "type": "progress",
        "job": "j",
        "seq": 7,
        "step": 3,
        "total_steps": 9,
        "level": 1,
        "width": 64,
        "height": 48,
        "costs": {"total": 6, "content": 1, "style": [2, 3], "tv": 0},
        "step_s": 0.5,
        "elapsed_s": 1.5,
        "eta_s": 4.5,
    }


def test_a_new_control_asks_for_nothing() -> None:
    control = Control()
    assert not control.cancelled
    assert not control.paused
    assert control.take_update() == (None, None)
    control.check()


def test_cancel_is_for_good() -> None:
    control = Control()
    control.cancel()
    control.resume()
    assert control.cancelled
    for _ in range(2):
        with pytest.raises(Cancelled):
            control.check()


def test_pause_and_resume() -> None:
    control = Control()
    control.pause()
    assert control.paused
    control.check()
    control.resume()
    assert not control.paused


def test_controls_share_nothing() -> None:
    first, second = Control(), Control()
    first.cancel()
    first.pause()
    first.update(StyleParams())
    assert not second.cancelled
    assert not second.paused
    assert second.take_update() == (None, None)


def test_an_update_is_taken_once() -> None:
    control = Control()
    params = StyleParams(style_weight=3.0)
    control.update(params)
    assert control.take_update() == (params, None)
    assert control.take_update() == (None, None)


def test_updates_that_wait_are_merged() -> None:
    control = Control()
    newest = StyleParams(style_weight=4.0)
    control.update(StyleParams(style_weight=3.0), (MASK, None))
    control.update(newest)
    assert control.take_update() == (newest, (MASK, None))
    control.update(newest, (MASK,))
    control.update(newest, ())
    assert control.take_update() == (newest, ())


def test_no_update_of_many_threads_is_torn() -> None:
    control = Control()
    taken: list[tuple[StyleParams, tuple[Picture | None, ...]]] = []
    barrier = threading.Barrier(5)

    def write(number: int) -> None:
        barrier.wait(timeout=30)
        for _ in range(200):
            control.update(StyleParams(seed=number), (None,) * number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    barrier.wait(timeout=30)
    while any(thread.is_alive() for thread in threads):
        params, masks = control.take_update()
        assert (params is None) == (masks is None)
        if params is not None and masks is not None:
            taken.append((params, masks))
    for params, masks in taken:
        assert params.seed == len(masks)
