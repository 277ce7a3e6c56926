"""Recording and replaying evaluations, on a GPU that is not there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import pytest
import torch
from torch import Tensor

from duostyle.engine.objective.cuda_graph import LARGEST_PX, Graphed, worth_a_graph
from tests.support.engine import pretended_cuda
from tests.support.engine.pretended_cuda import CUDA, Gpu


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    made = pretended_cuda.install(monkeypatch)
    with torch.inference_mode(), made:
        yield made


def _on_gpu(*values: float) -> Tensor:
    return torch.tensor(values).to(CUDA)


def _doubled(x: Tensor) -> tuple[Tensor, Tensor]:
    return x * 2, x.square().sum().view(1)


def test_every_replay_computes_with_the_picture_that_was_given(gpu: Gpu) -> None:
    graphed = partial(Graphed(), _doubled)
    for values in ([1.0, 2.0], [3.0, -1.0], [0.0, 5.0]):
        gradient, costs = graphed(_on_gpu(*values))
        assert gradient.tolist() == [2 * value for value in values]
        assert costs.tolist() == [sum(value**2 for value in values)]
    assert gpu.replays == 3


def test_compute_runs_once_to_warm_up_and_once_to_be_recorded(gpu: Gpu) -> None:
    calls = []

    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        calls.append(gpu.recording is not None)
        return _doubled(x)

    graphed = partial(Graphed(), compute)
    for _ in range(3):
        graphed(_on_gpu(1.0))
    assert calls == [False, True]


def test_a_gradient_stays_what_it_was(gpu: Gpu) -> None:
    graphed = partial(Graphed(), _doubled)
    first, _ = graphed(_on_gpu(1.0))
    graphed(_on_gpu(7.0))
    assert first.tolist() == [2.0]


def test_the_picture_given_is_not_written_to(gpu: Gpu) -> None:
    graphed, x = partial(Graphed(), _doubled), _on_gpu(1.0)
    graphed(x)
    graphed(_on_gpu(4.0))
    assert x.tolist() == [1.0]


def test_what_no_graph_can_hold_is_computed_without(gpu: Gpu, caplog: pytest.LogCaptureFixture) -> None:
    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        return x * float(x.sum()), x.sum().view(1)

    graphed = partial(Graphed(), compute)
    with caplog.at_level(logging.WARNING):
        assert graphed(_on_gpu(3.0))[0].tolist() == [9.0]
        assert graphed(_on_gpu(5.0))[0].tolist() == [25.0]
    assert gpu.replays == 0
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "no CUDA graph could be recorded; painting continues without one"
    ]


def test_too_little_memory_is_not_taken_for_something_else(gpu: Gpu) -> None:
    def compute(x: Tensor) -> tuple[Tensor, Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Graphed()(compute, _on_gpu(1.0))


def test_only_small_pictures_on_a_gpu_are_worth_it(gpu: Gpu) -> None:
    side = 544
    assert side * side <= LARGEST_PX < 600 * 600
    assert worth_a_graph(torch.empty(1, 3, side, side, device=CUDA))
    assert not worth_a_graph(torch.empty(1, 3, 600, 600, device=CUDA))
    assert not worth_a_graph(torch.empty(1, 3, 8, 8))
