"""Each convolution kernel against torch's own, and the choice between them with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network import layers as conv
from duostyle.engine.network.layers import Choice, Chooser, FrozenConv, Kernel
from tests.support.engine.reference import gradient_of, relative_error

CPU = torch.device("cpu")
# (in, out, height, width)
SHAPES = [
    (3, 16, 13, 7),
    (16, 3, 13, 7),
    (8, 8, 1, 19),
    (8, 8, 19, 1),
    (4, 6, 1, 1),
    (5, 12, 2, 3),
    (32, 48, 17, 40),
    (64, 64, 30, 11),
]
KERNELS = [conv.conv_plain, conv.conv_nnpack, conv.conv_narrow_out]


def _layer(ins: int, outs: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(ins * 100 + outs)
    return torch.randn(outs, ins, 3, 3, generator=generator), torch.randn(outs, generator=generator)


def _map(channels: int, height: int, width: int) -> Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(height * 100 + width))


def _skip_without_nnpack(kernel: Kernel) -> None:
    if kernel is conv.conv_nnpack and not conv.nnpack_works():
        pytest.skip("this machine has no NNPACK")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("ins", "outs", "height", "width"), SHAPES)
def test_a_kernel_is_a_convolution(kernel: Kernel, ins: int, outs: int, height: int, width: int) -> None:
    _skip_without_nnpack(kernel)
    weight, bias = _layer(ins, outs)
    x = _map(ins, height, width)
    wanted = functional.conv2d(x.double(), weight.double(), bias.double(), padding=1)
    got = kernel(x, weight, bias)
    assert got.shape == wanted.shape
    assert relative_error(got, wanted) < 1e-3


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("ins", "outs", "height", "width"), SHAPES)
def test_backward_is_the_input_gradient_plus_the_bias(
    kernel: Kernel, ins: int, outs: int, height: int, width: int
) -> None:
    _skip_without_nnpack(kernel)
    weight, bias = _layer(ins, outs)
    layer = FrozenConv(weight, bias, CPU)
    layer.choice_back = Choice(kernel, kernel)
    upstream = _map(outs, height, width)
    x = _map(ins, height, width).double().requires_grad_()
    y = functional.conv2d(x, weight.double(), bias.double(), padding=1)
    wanted = gradient_of((y * upstream).sum(), x)
    assert relative_error(layer.backward(upstream), wanted) < 1e-3
    extra = torch.arange(ins).float()
    assert relative_error(layer.backward(upstream, extra), wanted + extra.view(1, -1, 1, 1)) < 1e-3


def test_forward_adds_the_bias_and_leaves_the_input_alone() -> None:
    weight, bias = _layer(3, 5)
    x = _map(3, 6, 4)
    before = x.clone()
    got = FrozenConv(weight, bias, CPU).forward(x)
    assert torch.allclose(got, functional.conv2d(x, weight, bias, padding=1), atol=1e-5)
    assert torch.equal(x, before)


def test_weights_are_frozen() -> None:
    weight, bias = _layer(3, 5)
    layer = FrozenConv(weight.requires_grad_(), bias.requires_grad_(), CPU)
    assert not layer.forward(_map(3, 6, 4)).requires_grad


def test_a_choice_goes_by_the_number_of_positions() -> None:
    def marked(value: float) -> Kernel:
        return lambda x, weight, bias: torch.full((1,), value)

    choice = Choice(marked(1), marked(2), area=12)
    nothing = torch.zeros(1)
    assert float(choice(torch.zeros(1, 1, 1, 11), nothing, nothing)) == 1
    assert float(choice(torch.zeros(1, 1, 3, 4), nothing, nothing)) == 2
    assert float(choice(torch.zeros(1, 1, 5, 5), nothing, nothing)) == 2


class _Time:
    """A clock that kernels turn on by what they cost."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def kernel(self, *costs_s: float) -> Kernel:
        """A kernel whose calls take these times in turn, the last one for ever."""
        left = list(costs_s)

        def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            self.now_s += left.pop(0) if len(left) > 1 else left[0]
            return x

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Time:
    made = _Time()
    monkeypatch.setattr(conv, "time", SimpleNamespace(perf_counter=lambda: made.now_s))
    return made


@pytest.mark.parametrize(
    ("preferred_s", "rival_s", "wanted"),
    [(1.0, 2.0, 0), (1.0, 1.0, 0), (1.0, 0.95, 0), (1.0, 0.1, 1), (0.01, 0.0001, 1)],
)
def test_only_a_clearly_faster_rival_wins(clock: _Time, preferred_s: float, rival_s: float, wanted: int) -> None:
    weight, bias = _layer(2, 2)
    kernels = [clock.kernel(preferred_s), clock.kernel(rival_s)]
    assert conv.fastest(kernels, weight, bias, side_px=4) is kernels[wanted]


def test_a_passing_load_does_not_change_the_choice(clock: _Time) -> None:
    weight, bias = _layer(2, 2)
    kernels = [clock.kernel(9.0, 9.0, 1.0), clock.kernel(0.9)]
    assert conv.fastest(kernels, weight, bias, side_px=4, repeats=3) is kernels[0]


def test_the_best_of_several_rivals_wins(clock: _Time) -> None:
    weight, bias = _layer(2, 2)
    kernels = [clock.kernel(1.0), clock.kernel(0.2), clock.kernel(0.1)]
    assert conv.fastest(kernels, weight, bias, side_px=4) is kernels[2]


def test_every_shape_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[int, ...]] = []

    def fastest(kernels: list[Kernel], weight: Tensor, bias: Tensor, side_px: int) -> Kernel:
        measured.append((weight.shape[1], weight.shape[0], side_px))
        return kernels[0]

    monkeypatch.setattr(conv, "fastest", fastest)
    chooser = Chooser(small_px=8, large_px=20)
    first = chooser.choose(16, 32)
    assert chooser.choose(16, 32) is first
    assert sorted(measured) == [(16, 32, 8), (16, 32, 20)]
    chooser.choose(32, 16)
    assert len(measured) == 4


@pytest.mark.parametrize(("ins", "outs"), [(3, 64), (64, 3), (64, 64), (4, 4)])
def test_every_candidate_is_a_convolution(ins: int, outs: int) -> None:
    weight, bias = _layer(ins, outs)
    x = _map(ins, 9, 14)
    wanted = functional.conv2d(x, weight, bias, padding=1)
    for kernel in conv.candidates(ins, outs):
        assert relative_error(kernel(x, weight, bias), wanted) < 1e-3


def test_a_chosen_kernel_is_a_convolution_on_both_sides_of_the_limit() -> None:
    weight, bias = _layer(8, 8)
    choice = Chooser(small_px=4, large_px=8).choose(8, 8)
    for side in (3, 20):
        x = _map(8, side, side)
        assert relative_error(choice(x, weight, bias), functional.conv2d(x, weight, bias, padding=1)) < 1e-3


def _raise_runtime() -> bool:
    raise RuntimeError("not built with NNPACK")


@pytest.mark.parametrize("answer", [lambda: False, _raise_runtime])
def test_nnpack_may_be_missing(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], bool]) -> None:
    monkeypatch.setattr(torch.backends.nnpack, "is_available", answer)
    assert not conv.nnpack_works()
    assert conv.candidates(16, 16) == [conv.conv_plain]


def test_nnpack_that_gives_wrong_numbers_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.nnpack, "is_available", lambda: True)
    monkeypatch.setattr(conv, "conv_nnpack", lambda x, weight, bias: torch.zeros_like(x))
    assert not conv.nnpack_works()


def test_the_chooser_works_without_nnpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conv, "nnpack_works", lambda: False)
    choice = Chooser(small_px=4, large_px=8).choose(16, 16)
    assert choice.small is conv.conv_plain
    assert choice.large is conv.conv_plain
