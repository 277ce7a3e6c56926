"""The engine as a whole: loading, devices, and beginning a painting."""

from __future__ import annotations

import pytest
import torch

from duostyle.engine.api import Cancelled, Control, Request
from duostyle.engine.network.weights_file import SHA256, VGG16_FILE
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import DeviceUnavailable, EngineError, OutOfMemory, WeightsError
from duostyle.params import StyleParams
from tests.support.engine.pictures import scene_picture, stripes_picture


def _request() -> Request:
    return Request(scene_picture(40, 30), (stripes_picture(40, 40),), StyleParams(size=64, iterations=1))


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engine = TorchEngine(device="cuda")
    with pytest.raises(DeviceUnavailable, match="cuda") as caught:
        engine.load()
    assert "\n" not in caught.value.message
    assert engine.network is None


def test_unknown_weights_are_an_error_and_leave_it_unloaded() -> None:
    engine = TorchEngine(device="cpu", threads=1, weights="vgg11")
    with pytest.raises(WeightsError):
        engine.load()
    with pytest.raises(EngineError, match="not loaded"):
        engine.begin(_request(), Control())


def test_begin_before_load_is_an_error() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        TorchEngine().begin(_request(), Control())


@pytest.mark.weights
def test_loaded_it_says_what_it_runs_on(engine: TorchEngine) -> None:
    assert engine.device == "cpu"
    assert engine.weights_sha256 == SHA256[VGG16_FILE]
    assert engine.threads == torch.get_num_threads() >= 1


@pytest.mark.weights
def test_loading_twice_loads_once(engine: TorchEngine) -> None:
    network = engine.network
    engine.load()
    assert engine.network is network


@pytest.mark.weights
def test_begin_gives_a_painter_with_a_plan(engine: TorchEngine) -> None:
    painter = engine.begin(_request(), Control())
    assert (painter.plan.width, painter.plan.height) == (64, 48)
    assert painter.plan.total_steps == 1
    assert painter.report()["evaluations"] == 0


@pytest.mark.weights
def test_a_cancelled_request_paints_nothing(engine: TorchEngine) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        engine.begin(_request(), control).run(lambda step: pytest.fail("no step after a cancel"))


@pytest.mark.weights
def test_no_memory_in_the_middle_is_an_error_of_the_engine(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = engine.begin(_request(), Control())

    def full(*args: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    assert engine.network is not None
    monkeypatch.setattr(engine.network.convs[3], "choice_back", full)
    with pytest.raises(OutOfMemory):
        painter.run(lambda step: None)
    assert painter.picture().width == 64


@pytest.mark.weights
def test_paintings_share_what_was_learnt_about_the_pace(engine: TorchEngine) -> None:
    before = engine.pace.seconds
    engine.begin(_request(), Control()).run(lambda step: None)
    assert engine.pace.seconds != before
