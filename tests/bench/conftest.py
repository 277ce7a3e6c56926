"""The real network, for comparing the benchmarks' plain functions with it."""

from __future__ import annotations

import pytest
import torch

from server.engine.vgg import Network
from server.engine.weights import load_weights


@pytest.fixture(scope="session")
def network() -> Network:
    # threads that wait for each other on a busy machine cost more than they give
    torch.set_num_threads(1)
    return Network(load_weights("vgg16"), torch.device("cpu"))
