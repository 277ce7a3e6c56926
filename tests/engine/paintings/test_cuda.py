"""The path for GPUs as far as a machine without one can test it: whole paintings on a GPU that is only pretended."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from duostyle.engine.api import Control, Request, Step
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.engine.runtime import to_picture
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import STYLE_LAYERS, StyleParams, apply_changes
from duostyle.picture import Picture
from tests.engine.preview.conftest import gallery
from tests.support.engine import pretended_cuda
from tests.support.engine.paintings import CONTENT, COOL, WARM, begin, check, distance, paint
from tests.support.engine.pictures import scene, stripes
from tests.support.engine.pretended_cuda import CUDA, Gpu

pytestmark = pytest.mark.weights


def half_seen(picture: Picture) -> Picture:
    """Of which the upper half is transparent."""
    upper = picture.width * (picture.height // 2)
    return replace(picture, alpha=bytes(upper) + bytes([255]) * (picture.width * picture.height - upper))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    made = pretended_cuda.install(monkeypatch)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=8 << 30))
    before = torch.backends.cudnn.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    with made:
        yield made
    torch.backends.cudnn.fp32_precision, torch.backends.cuda.matmul.fp32_precision = before


@pytest.fixture
def remote(gpu: Gpu) -> TorchEngine:
    made = TorchEngine(device="auto")
    made.load()
    return made


def test_the_network_is_on_the_gpu_in_the_layout_of_its_kernels(remote: TorchEngine) -> None:
    assert remote.device == "cuda"
    assert remote.network is not None
    for conv in remote.network.convs:
        assert conv.weight.device.type == "cuda"
        assert conv.weight.is_contiguous(memory_format=torch.channels_last)
        assert conv.weight_back.is_contiguous(memory_format=torch.channels_last)
    assert torch.backends.cudnn.fp32_precision == "tf32"
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"styles": (WARM, COOL), "style_mix": [0.3, 0.7], "preserve_color": 0.5},
        {"style_loss": "gram", "init": "noise"},
        {"optimizer": "adam", "content_weight": 0.0},
        {"content": half_seen(CONTENT), "styles": (half_seen(WARM), COOL)},
    ],
    ids=["plain", "two", "gram", "adam", "transparent"],
)
def test_a_painting_is_the_same_as_on_the_cpu(
    remote: TorchEngine, engine: TorchEngine, gpu: Gpu, given: dict[str, Any]
) -> None:
    painter, steps = paint(remote, **given)
    check(painter, steps, styles=len(given.get("styles", (WARM,))))
    wanted, _ = paint(engine, **given)
    assert distance(painter.picture(), wanted.picture()) < 0.5
    assert painter.picture().alpha == wanted.picture().alpha
    assert gpu.replays > 0


@pytest.mark.parametrize("mode", ["auto", "light-dark"])
def test_regions_are_painted_without_a_graph(remote: TorchEngine, engine: TorchEngine, gpu: Gpu, mode: str) -> None:
    params = StyleParams.model_validate({"size": 64, "iterations": 3, "masks": mode})
    pictures = []
    for made in (remote, engine):
        painter = made.begin(Request(CONTENT, (WARM, COOL), params), Control())
        painter.run(lambda step: None)
        pictures.append(painter.picture())
    assert distance(*pictures) < 0.5
    assert gpu.replays == 0


def _evaluated(engine: TorchEngine) -> tuple[Objective, torch.Tensor]:
    """A small objective on the GPU, evaluated once, and the picture that it was evaluated at."""
    network = engine.network
    assert network is not None
    with torch.inference_mode():
        x = scene(48, 32).to(CUDA)
        targets = [Extractor(network).style_moments(stripes(32, 40).to(CUDA), STYLE_LAYERS)]
        objective = Objective(Extractor(network), x, targets, StyleParams())
        objective.evaluate(x)
    return objective, x


def test_an_evaluation_waits_for_the_gpu_once(remote: TorchEngine, gpu: Gpu) -> None:
    objective, x = _evaluated(remote)
    before = gpu.waits
    with torch.inference_mode():
        objective.evaluate(x)
    assert gpu.waits == before + 1


def test_what_was_recorded_is_freed_at_once(remote: TorchEngine, gpu: Gpu) -> None:
    objective, _ = _evaluated(remote)
    assert gpu.replays == 1
    kept = weakref.ref(objective)
    gc.disable()
    try:
        del objective
        assert kept() is None
    finally:
        gc.enable()


def test_new_parameters_reach_the_recording(remote: TorchEngine, gpu: Gpu) -> None:
    control, contents = Control(), []

    def steer(step: Step) -> None:
        contents.append(step.costs.content)
        if step.step == 2:
            params = apply_changes(begun, {"content_weight": 0.0}, styles=1, max_size_px=512)
            control.update(params)

    begun = StyleParams.model_validate({"size": 64, "iterations": 4})
    remote.begin(Request(CONTENT, (WARM,), begun), control).run(steer)
    assert min(contents[:2]) > 0
    assert contents[2:] == [0.0, 0.0]
    assert gpu.replays >= 4


def test_a_checkpoint_goes_on_as_if_nothing_had_been(remote: TorchEngine) -> None:
    whole, _ = paint(remote, iterations=5)
    saved = []
    painter = begin(remote, iterations=5)

    def keep(step: Step) -> None:
        if step.step == 3:
            saved.append(painter.checkpoint())

    painter.run(keep)
    params = StyleParams.model_validate({"size": 64, "iterations": 5})
    again = remote.begin(Request(CONTENT, (WARM,), params), Control(), saved[0])
    again.run(lambda step: None)
    assert again.picture() == whole.picture()


def test_a_painting_in_tiles(remote: TorchEngine, engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Picture(400, 40, CONTENT.rgb[: 40 * 3] * (400 * 40 // 40))
    wanted, _ = paint(engine, content=wide, size=400, iterations=2)
    monkeypatch.setattr(TorchEngine, "budget_bytes", lambda self: 1)
    painter, _ = paint(remote, content=wide, size=400, iterations=2)
    assert distance(painter.picture(), wanted.picture()) < 0.5


@pytest.mark.parametrize("params", [{}, {"masks": "left-right"}, {"style_weight": 1.0, "preserve_color": 0.5}])
def test_a_preview_is_the_same_as_on_the_cpu(engine: TorchEngine, remote: TorchEngine, params: dict[str, Any]) -> None:
    request = Request(CONTENT, (WARM, COOL), StyleParams(size=64, **params))
    ours, theirs = (made.preview(request, ["warm", "cool"], lambda: None) for made in (engine, remote))
    assert distance(ours, theirs) < 0.01


@pytest.mark.parametrize("params", [{"masks": "person"}, {"protect": "person"}])
def test_a_person_is_found_on_the_gpu(engine: TorchEngine, remote: TorchEngine, params: dict[str, Any]) -> None:
    request = Request(to_picture(gallery("astronaut.jpg", 96)), (WARM, COOL), StyleParams(size=64, **params))
    ours, theirs = (made.preview(request, ["warm", "cool"], lambda: None) for made in (engine, remote))
    assert distance(ours, theirs) < 0.01
