"""The real network, loaded once for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights, load_weights
from duostyle.engine.torch_engine import TorchEngine


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """On small pictures, threads that wait for each other on a busy machine cost more than they give."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def numbers_as_before() -> Iterator[None]:
    """The engine may flush the smallest numbers to zero on its thread, which here is everyone's."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def weights() -> Weights:
    return load_weights("vgg16")


@pytest.fixture(scope="session")
def engine() -> TorchEngine:
    """On the CPU also where there is a GPU, so that the oracles stay the same."""
    made = TorchEngine(device="cpu", threads=1)
    made.load()
    return made


@pytest.fixture(scope="session")
def network(engine: TorchEngine) -> Network:
    assert engine.network is not None
    return engine.network
