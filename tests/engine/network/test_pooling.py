"""Average pooling and its gradient against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from duostyle.engine.network.pooling import pool, unpool, unpool_relu

SIZES = [(2, 2), (4, 6), (5, 4), (6, 7), (9, 9), (3, 2)]


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
