"""Pictures to tensors and back, foreign errors, and the memory of the machine."""

from __future__ import annotations

import math
import os
import struct
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.api import Cancelled
from duostyle.engine.runtime import engine_errors, give_back, machine_bytes, to_picture, to_tensor
from duostyle.errors import DuostyleError, EngineError, OutOfMemory, WeightsError
from duostyle.picture import Picture

MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4294967296 bytes."),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("could not create a memory object"),
    RuntimeError("std::bad_alloc"),
]


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


def test_16_bits_are_rounded_from_the_floats_and_not_from_8_bits() -> None:
    # red 0.31 and 0.00001, green 0.31002 and 1, blue -1 and NaN
    x = torch.tensor([0.31, 1e-5, 0.31002, 1.0, -1.0, math.nan]).view(1, 3, 1, 2)
    picture = to_picture(x, deep=True)
    assert picture.deep is not None
    # 65535 times those: 20315.85, 20317.16, 0.66; 255 times: 79.05, 79.06, 0.003
    assert struct.unpack("<6H", picture.deep) == (20316, 20317, 0, 1, 65535, 0)
    assert picture.rgb == bytes([79, 79, 0, 0, 255, 0])
    assert to_picture(x).deep is None


def test_every_8_bit_value_is_its_16_bit_value_over_257() -> None:
    x = torch.rand(1, 3, 50, 50, generator=torch.Generator().manual_seed(1))
    picture = to_picture(x, deep=True)
    assert picture.deep is not None
    samples = struct.unpack("<7500H", picture.deep)
    assert list(picture.rgb) == [round(sample / 257) for sample in samples]
    assert len(set(samples)) > 5000


def test_what_is_not_a_number_becomes_black() -> None:
    assert to_picture(torch.full((1, 3, 1, 2), math.nan)).rgb == bytes(6)


def test_the_tensor_has_memory_of_its_own() -> None:
    picture = Picture(1, 1, bytes([10, 20, 30]))
    to_tensor(picture).zero_()
    assert picture.rgb == bytes([10, 20, 30])
    x = torch.full((1, 3, 2, 2), 0.3)
    to_picture(x)
    assert torch.equal(x, torch.full((1, 3, 2, 2), 0.3))


@pytest.mark.parametrize("error", MEMORY)
def test_no_memory_left(error: Exception) -> None:
    with pytest.raises(OutOfMemory, match="smaller") as caught, engine_errors():
        raise error
    assert caught.value.__cause__ is error
    # what torch says is for the log, not for people
    assert "llocat" not in caught.value.message


def test_a_real_allocation_that_cannot_be() -> None:
    with pytest.raises(OutOfMemory), engine_errors():
        torch.empty(2**50, dtype=torch.uint8)


def test_a_cost_that_is_not_a_number() -> None:
    with pytest.raises(EngineError, match="not finite"), engine_errors():
        raise FloatingPointError("the cost is not finite")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("shapes do not match"),
        ValueError("no"),
        Cancelled(),
        WeightsError("gone"),
        KeyError("x"),
    ],
)
def test_everything_else_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, engine_errors():
        raise error
    assert caught.value is error


def test_nothing_happens_without_an_error() -> None:
    with engine_errors():
        value = 3
    assert value == 3


def test_both_have_codes() -> None:
    codes = set()
    for error in (MemoryError(), FloatingPointError("x")):
        with pytest.raises(DuostyleError) as caught, engine_errors():
            raise error
        codes.add(caught.value.code)
    assert codes == {"out_of_memory", "engine_failed"}


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system does not tell its memory")
def test_a_process_has_no_more_than_the_machine() -> None:
    assert 2**28 < machine_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_blocks_go_back() -> None:
    def resident_bytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # blocks too small for pages of their own, with something that lives between them and the heap's top
    blocks = [torch.ones(250_000) for _ in range(200)]
    keep = torch.ones(1000)
    full = resident_bytes()
    del blocks
    give_back(torch.device("cpu"))
    assert resident_bytes() < full - 100_000_000
    assert float(keep.sum()) == 1000
