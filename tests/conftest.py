"""Fixtures that many tests share."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings as hypothesis_settings

from duostyle.settings import Settings
from duostyle.threads import usable_cores
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running, started


def pytest_configure() -> None:
    # how long an example takes says how busy the machine is, not whether it is right
    hypothesis_settings.register_profile("untimed", deadline=None)
    hypothesis_settings.load_profile("untimed")


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means here: half of the time a test waits for a server or a browser."""
    return 2 * usable_cores()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's environment says must not change a test."""
    for name in os.environ:
        if name.upper().startswith("DUOSTYLE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", port=0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers of this test alone, all on one data folder: `start(engine, token=...)` takes settings."""
    with contextlib.ExitStack() as stack:
        yield functools.partial(started, stack, tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the fake engine and default settings that the tests of a module share."""
    with contextlib.ExitStack() as stack:
        yield started(stack, tmp_path_factory.mktemp("shared"), max_requests_per_s=100_000)


@pytest.fixture
async def http(running: Running) -> AsyncIterator[Client]:
    """An HTTP client of `running`."""
    async with httpx.AsyncClient(base_url=running.url) as http:
        yield Client(http)
