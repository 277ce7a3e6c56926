"""The real network, for comparing the benchmarks' plain functions with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import load_weights


@pytest.fixture(scope="session")
def network() -> Network:
    # threads that wait for each other on a busy machine cost more than they give
    torch.set_num_threads(1)
    return Network(load_weights("vgg16"), torch.device("cpu"))


@pytest.fixture(autouse=True)
def numbers_as_before() -> Iterator[None]:
    """The engine flushes the smallest numbers to zero on its thread, which here is everyone's."""
    yield
    torch.set_flush_denormal(False)
