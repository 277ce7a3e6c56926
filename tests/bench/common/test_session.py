"""The benchmarks' client against a real server with the fake engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import cast

import httpx
import pytest

from bench.common.session import Heard, Session, session
from bench.engine.startup import first_change
from bench.engine.steering import one_guess
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.running import Running, started

pytestmark = pytest.mark.real_server

TIMEOUT_S = 30


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with contextlib.ExitStack() as stack:
        yield started(stack, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def image(running: Running) -> str:
    return str(httpx.post(f"{running.url}/api/images", content=image_bytes()).raise_for_status().json()["id"])


@pytest.fixture(autouse=True)
def five_steps(running: Running) -> None:
    running.engine.steps, running.engine.fail_at = FakeEngine().steps, 0


async def all_of(client: Session, image: str) -> list[Heard]:
    ticket = await client.submit(image, [image])
    return [heard async for heard in client.listen(ticket.job)]


async def test_a_job_is_heard_to_its_end(running: Running, image: str) -> None:
    async with session(running.url) as client, asyncio.timeout(TIMEOUT_S):
        heard = await all_of(client, image)
        assert [news.type for news in heard][-1] == "completed"
        frames = [news.message for news in heard if news.type == "frame"]
        # the last frame comes only to those who acknowledge the others
        assert [frame["final"] for frame in frames] == [False] * (len(frames) - 1) + [True]
        assert [news.at for news in heard] == sorted(news.at for news in heard)
        # a second job on the same socket is not mistaken for the first
        assert {news.message["job"] for news in await all_of(client, image)} != {heard[0].message["job"]}


async def test_what_fails_ends_the_benchmark(running: Running, image: str) -> None:
    running.engine.fail_at = 2
    async with session(running.url) as client, asyncio.timeout(TIMEOUT_S):
        with pytest.raises(SystemExit, match="failed"):
            await all_of(client, image)
    async with session(running.url) as client, asyncio.timeout(TIMEOUT_S):
        with pytest.raises(SystemExit, match="bad_request"):
            await client.submit(image, [image], size=1)


async def test_the_first_changed_picture_ends_the_wait(running: Running, image: str) -> None:
    # it would go on for hours
    running.engine.steps = 10**9
    async with session(running.url) as client, asyncio.timeout(TIMEOUT_S):
        after_submit_s, after_started_s = await first_change(client, image, [image], 64)
    assert 0 < after_started_s <= after_submit_s


class Releasing:
    """A session that lets the engine go on once a tenth of the 40 steps has been heard of."""

    def __init__(self, client: Session, engine: FakeEngine) -> None:
        self.client, self.engine = client, engine
        self.submit = client.submit

    async def listen(self, job: str) -> AsyncIterator[Heard]:
        async for heard in self.client.listen(job):
            if heard.type == "progress" and heard.message["step"] == 4:
                self.engine.release(36)
            yield heard


async def test_the_time_left_is_asked_after_a_tenth_of_the_steps(running: Running, image: str) -> None:
    running.engine.gated, running.engine.steps = True, 40
    # nothing newer takes the place of the fourth step's message before it is sent
    running.engine.release(4)
    async with session(running.url) as client, asyncio.timeout(TIMEOUT_S):
        told_s, took_s = await one_guess(
            cast("Session", Releasing(client, running.engine)), image, [image], 64, "draft"
        )
    running.engine.gated = False
    # the fake engine says one second for each step that is left
    assert told_s == 36
    assert took_s > 0
