"""A store with a clock of its own, and a disk that fails when it is told to."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from duostyle.storage.store import Store
from tests.support.clock import Clock


class Disk:
    """`largest_bytes` bounds the files that fit on it (0: full). `forbid` and `allow` the database's writes."""

    def __init__(self) -> None:
        self.largest_bytes: float = math.inf
        self.refused = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._fsync, self._connect = os.fsync, sqlite3.connect
        self._database: sqlite3.Connection | None = None

    @property
    def full(self) -> bool:
        return self.largest_bytes == 0

    @full.setter
    def full(self, full: bool) -> None:
        self.largest_bytes = 0 if full else math.inf

    def fsync(self, descriptor: int) -> None:
        if self.full or os.fstat(descriptor).st_size > self.largest_bytes:
            self._loop.call_soon_threadsafe(self.refused.set)
            raise OSError(errno.ENOSPC, "No space left on device")
        self._fsync(descriptor)

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        self._database = self._connect(*args, **options)
        return self._database

    async def execute(self, store: Store, sql: str) -> Any:
        """The first value that this gives, on the store's own connection and after what it was asked for before."""
        await store.jobs()
        assert self._database is not None
        return (self._database.execute(sql).fetchone() or [None])[0]

    async def forbid(self, store: Store) -> None:
        await self.execute(store, "PRAGMA query_only = 1")

    async def allow(self, store: Store) -> None:
        await self.execute(store, "PRAGMA query_only = 0")


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    monkeypatch.setattr(sqlite3, "connect", disk.connect)
    return disk


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = Store(tmp_path, clock=clock)
    await store.open()
    yield store
    await store.close()
