"""Which errors of the computation become which of the project's."""

from __future__ import annotations

import pytest
import torch

from duostyle.engine.api import Cancelled
from duostyle.engine.failures import engine_errors
from duostyle.errors import DuostyleError, EngineError, OutOfMemory, WeightsError

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
