"""Each convolution kernel, and pooling, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from duostyle.engine.network.autotune import nnpack_works
from duostyle.engine.network.layers import (
    Choice,
    FrozenConv,
    Kernel,
    conv_narrow_out,
    conv_nnpack,
    conv_plain,
    conv_relu,
    conv_relu_works,
    pool,
    unpool,
    unpool_relu,
)
from tests.support.engine.reference import gradient_of, random_layer, random_map, relative_error

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
SIZES = [(2, 2), (4, 6), (5, 4), (6, 7), (9, 9), (3, 2)]
KERNELS = [conv_plain, conv_nnpack, conv_narrow_out]


def _skip_without_nnpack(kernel: Kernel) -> None:
    if kernel is conv_nnpack and not nnpack_works():
        pytest.skip("this machine has no NNPACK")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("ins", "outs", "height", "width"), SHAPES)
def test_a_kernel_is_a_convolution(kernel: Kernel, ins: int, outs: int, height: int, width: int) -> None:
    _skip_without_nnpack(kernel)
    weight, bias = random_layer(ins, outs)
    x = random_map(ins, height, width)
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
    weight, bias = random_layer(ins, outs)
    layer = FrozenConv(weight, bias, CPU)
    layer.choice_back = Choice(kernel, kernel)
    upstream = random_map(outs, height, width)
    x = random_map(ins, height, width).double().requires_grad_()
    y = functional.conv2d(x, weight.double(), bias.double(), padding=1)
    wanted = gradient_of((y * upstream).sum(), x)
    assert relative_error(layer.backward(upstream), wanted) < 1e-3
    extra = torch.arange(ins).float()
    assert relative_error(layer.backward(upstream, extra), wanted + extra.view(1, -1, 1, 1)) < 1e-3


def test_forward_adds_the_bias_and_leaves_the_input_alone() -> None:
    weight, bias = random_layer(3, 5)
    x = random_map(3, 6, 4)
    before = x.clone()
    got = FrozenConv(weight, bias, CPU).forward(x)
    assert torch.allclose(got, functional.conv2d(x, weight, bias, padding=1), atol=1e-5)
    assert torch.equal(x, before)


def test_weights_are_frozen() -> None:
    weight, bias = random_layer(3, 5)
    layer = FrozenConv(weight.requires_grad_(), bias.requires_grad_(), CPU)
    assert not layer.forward(random_map(3, 6, 4)).requires_grad


def test_a_choice_goes_by_the_number_of_positions() -> None:
    def marked(value: float) -> Kernel:
        return lambda x, weight, bias: torch.full((1,), value)

    choice = Choice(marked(1), marked(2), area=12)
    nothing = torch.zeros(1)
    assert float(choice(torch.zeros(1, 1, 1, 11), nothing, nothing)) == 1
    assert float(choice(torch.zeros(1, 1, 3, 4), nothing, nothing)) == 2
    assert float(choice(torch.zeros(1, 1, 5, 5), nothing, nothing)) == 2


def test_by_hand() -> None:
    x = torch.tensor([[[[1.0, 3.0, 9.0], [5.0, 7.0, 9.0], [9.0, 9.0, 9.0]]]])
    assert pool(x).tolist() == [[[[4.0]]]]
    assert unpool(torch.full((1, 1, 1, 1), 8.0), 3, 3).tolist() == [[[[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0] * 3]]]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pooling_is_torchs(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width)
    assert torch.allclose(pool(x), functional.avg_pool2d(x, 2), atol=1e-6)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_its_gradient_is_autograds(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width, requires_grad=True)
    gradient = torch.rand(1, 3, height // 2, width // 2)
    functional.avg_pool2d(x, 2).backward(gradient)  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.allclose(unpool(gradient, height, width), x.grad, atol=1e-7)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_with_a_relu_below_it_is_autograds_too(height: int, width: int) -> None:
    x = torch.randn(1, 3, height, width, requires_grad=True)
    gradient = torch.rand(1, 3, height // 2, width // 2)
    functional.avg_pool2d(x.relu(), 2).backward(gradient)  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.allclose(unpool_relu(gradient, x.detach().relu()), x.grad, atol=1e-7)


def test_a_convolution_with_its_relu_gives_the_same_numbers() -> None:
    generator = torch.Generator().manual_seed(4)
    x, weight = torch.randn(1, 16, 13, 9, generator=generator), torch.randn(24, 16, 3, 3, generator=generator)
    x, weight = (made.to(torch.bfloat16).contiguous(memory_format=torch.channels_last) for made in (x, weight))
    bias = torch.randn(24, generator=generator).to(torch.bfloat16)
    if not conv_relu_works():
        pytest.skip("this torch has no such operation")
    with torch.inference_mode():
        assert torch.equal(conv_relu(x, weight, bias), conv_plain(x, weight, bias).relu_())
