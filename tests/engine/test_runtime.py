"""Pictures to tensors and back."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.runtime import to_picture, to_tensor
from duostyle.picture import Picture


def test_pixels_by_hand() -> None:
    # red, white on top; black, (0, 51, 255) below
    x = to_tensor(Picture(2, 2, bytes([255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 51, 255])))
    assert x.shape == (1, 3, 2, 2)
    assert x.dtype == torch.float32
    assert x.is_contiguous()
    assert x[0, 0].tolist() == [[1, 1], [0, 0]]
    assert x[0, 1].tolist() == [[0, 1], [0, pytest.approx(0.2)]]
    assert x[0, 2].tolist() == [[0, 1], [0, 1]]


@given(st.integers(1, 9), st.integers(1, 9))
def test_there_and_back_is_the_same_picture(width: int, height: int) -> None:
    generator = torch.Generator().manual_seed(width * 10 + height)
    rgb = torch.randint(0, 256, (width * height * 3,), generator=generator).tolist()
    picture = Picture(width, height, bytes(rgb))
    assert to_picture(to_tensor(picture)) == picture


def test_every_value_comes_back() -> None:
    picture = Picture(256, 1, bytes(value for value in range(256) for _ in range(3)))
    assert to_picture(to_tensor(picture)) == picture


def test_values_are_rounded_and_clamped() -> None:
    x = torch.tensor([-3.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0, 254.4 / 255]).view(1, 3, 1, 2)
    # channels r 0, 0; g 1, 255; b 255, 254
    assert to_picture(x).rgb == bytes([0, 1, 255, 0, 255, 254])


def test_what_is_not_a_number_becomes_black() -> None:
    assert to_picture(torch.full((1, 3, 1, 2), math.nan)).rgb == bytes(6)


def test_the_tensor_has_memory_of_its_own() -> None:
    picture = Picture(1, 1, bytes([10, 20, 30]))
    to_tensor(picture).zero_()
    assert picture.rgb == bytes([10, 20, 30])
    x = torch.full((1, 3, 2, 2), 0.3)
    to_picture(x)
    assert torch.equal(x, torch.full((1, 3, 2, 2), 0.3))
