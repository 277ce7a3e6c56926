"""A data folder that version 0.1.0 left behind opens unchanged: `tests/data_folder_0_1_0`, whose README tells of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from PIL import Image
from starlette.types import Receive, Scope, Send

from duostyle.engine.api import Control, Engine, Request
from duostyle.engine.checkpoint_format import decode, encode
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import Forbidden
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.settings import Settings
from duostyle.web.app import create_app
from duostyle.web.state import AppState
from tests.support.fake_engine import FakeEngine
from tests.support.harness import Ear, Rig, soon

LEFT = Path(__file__).parent / "data_folder_0_1_0"
EXPECTED: dict[str, dict[str, Any]] = json.loads((LEFT / "expected.json").read_text("utf-8"))["jobs"]
ENDED = [name for name, job in EXPECTED.items() if job["state"]["ended_at"] is not None]
UNFINISHED = [name for name in EXPECTED if name not in ENDED]
# In the order in which they are painted: what has begun goes first, though it was submitted after `queued`.
WAITING = ["interrupted", "queued", "queued_last"]
PAUSED = ["paused", "paused_unbegun"]
BEGUN = ["paused", "interrupted"]
# The jobs ended long ago, and the server would tidy them away.
KEEP_DAYS = 36_500


@dataclass(frozen=True)
class Opened:
    """A server on the folder, without the network; jobs go by their names in `expected.json`."""

    http: httpx.AsyncClient
    app_state: AppState

    async def get(self, name: str, what: str = "", status: int = 200) -> httpx.Response:
        response = await soon(self.http.get(f"/api/jobs/{EXPECTED[name]['job']}{what}"))
        assert response.status_code == status, response.text
        return response

    async def state(self, name: str) -> dict[str, Any]:
        return dict((await self.get(name)).json())

    async def timelapse(self, name: str) -> list[dict[str, Any]]:
        """Its frames, each with the hash of its bytes."""
        listed = (await self.get(name, "/timelapse.json")).json()["frames"]
        pictures = [(await self.get(name, f"/timelapse/{frame['n']}.jpg")).content for frame in listed]
        return [
            {**frame, "sha256": hashlib.sha256(jpeg).hexdigest()} for frame, jpeg in zip(listed, pictures, strict=True)
        ]

    async def result(self, name: str) -> dict[str, Any]:
        """The size and the pixels, as a hash, of its picture, finished or not."""
        png = (await self.get(name, "/result.png?partial=1")).content
        with Image.open(io.BytesIO(png)) as image:
            pixels = image.convert("RGB").tobytes()
            return {"width": image.width, "height": image.height, "sha256": hashlib.sha256(pixels).hexdigest()}

    async def watch(self, name: str) -> Ear:
        ear = Ear(cast(Rig, self.app_state))
        await soon(self.app_state.jobs.queries.watch(ear.outbox, EXPECTED[name]["job"], None))
        return ear

    async def resume(self, name: str) -> None:
        await soon(self.app_state.jobs.commands.resume(EXPECTED[name]["job"], EXPECTED[name]["key"]))


@asynccontextmanager
async def opened(folder: Path, engine: Engine) -> AsyncIterator[Opened]:
    no_gallery = folder.parent / "gallery"
    no_gallery.mkdir()
    app = create_app(Settings(data_dir=folder, keep_days=KEEP_DAYS), engine=engine, pictures=no_gallery)
    async with app.router.lifespan_context(app) as state:
        assert state is not None

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state)}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            yield Opened(http, state["app_state"])


@asynccontextmanager
async def opened_before_loading(folder: Path, engine: FakeEngine) -> AsyncIterator[Opened]:
    """Until the engine's `loading` is set nothing is painted: everything is as it was left behind."""
    engine.loading.clear()
    try:
        async with opened(folder, engine) as server:
            try:
                yield server
            finally:
                engine.loading.set()
    finally:
        # the engine's thread must not wait for a server that never came up
        engine.loading.set()


def known(state: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Of a state what the old version knew as well: later ones may add fields and parameters."""
    params = {name: state["params"][name] for name in expected["params"]}
    return {name: state[name] for name in expected} | {"params": params}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a test may write to."""
    return Path(shutil.copytree(LEFT / "data", tmp_path / "data"))


@pytest.fixture(scope="module")
def torch_engine(tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    """The server loads it, on the engine's thread; the second server finds it loaded."""
    return TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path_factory.mktemp("kernels"))


def test_the_folder_holds_a_job_of_every_kind() -> None:
    statuses = {name: job["state"]["status"] for name, job in EXPECTED.items()}
    assert sorted(statuses.values()) == sorted(
        ["completed", "completed", "cancelled", "failed", "paused", "paused", "queued", "queued", "queued"]
    )
    assert sorted(UNFINISHED) == sorted(WAITING + PAUSED)
    assert {name for name, job in EXPECTED.items() if job["state"]["steering"]} == {"completed", "interrupted"}
    assert {name for name, job in EXPECTED.items() if job["checkpoint_step"]} == set(BEGUN)


async def test_ended_jobs_are_what_they_were(folder: Path) -> None:
    async with opened_before_loading(folder, FakeEngine(gated=True)) as server:
        for name in ENDED:
            expected = EXPECTED[name]
            state = await server.state(name)
            assert known(state, expected["state"]) == expected["state"]
            assert await server.result(name) == expected["result"]
            await server.get(name, "/result.png", status=409 if state["partial"] else 200)
            assert await server.timelapse(name) == expected["timelapse"]
        film = await server.get("completed", "/timelapse.webp")
        with Image.open(io.BytesIO(film.content)) as image:
            assert getattr(image, "n_frames", 1) == len(EXPECTED["completed"]["timelapse"])


async def test_unfinished_jobs_wait_where_they_stood(folder: Path) -> None:
    async with opened_before_loading(folder, FakeEngine(gated=True)) as server:
        states = {name: await server.state(name) for name in UNFINISHED}
        for name, state in states.items():
            assert known(state, EXPECTED[name]["state"]) == EXPECTED[name]["state"]
            assert state["seq"] > EXPECTED[name]["last_seq"], "watchers of the old server take what comes for news"
            assert await server.timelapse(name) == EXPECTED[name]["timelapse"]
        assert [states[name]["position"] for name in WAITING] == [1, 2, 3]
        assert [states[name]["position"] for name in PAUSED] == [None, None]
        assert await server.result("paused") == EXPECTED["paused"]["result"]
        assert (await server.get("paused", "/frame.jpg")).content


async def test_jobs_are_painted_in_order_while_paused_ones_stay_paused(folder: Path) -> None:
    # this engine takes no checkpoint of the real one's, and begins afresh
    engine = FakeEngine()
    async with opened_before_loading(folder, engine) as server:
        ears = [await server.watch(name) for name in WAITING]
        engine.loading.set()
        for ear in ears:
            await ear.until("completed")
        requests = [painter.request for painter in engine.painters]
        assert [request.params.masks for request in requests] == [
            EXPECTED[name]["state"]["params"]["masks"] for name in WAITING
        ]
        # one of these jobs has a mask of its own and leaves the rest to its other style
        assert [mask and (mask.width, mask.height) for mask in requests[WAITING.index("queued")].masks] == [
            (32, 16),
            None,
        ]
        assert [(await server.state(name))["status"] for name in PAUSED] == ["paused", "paused"]
        with pytest.raises(Forbidden):
            await soon(server.app_state.jobs.commands.resume(EXPECTED["paused"]["job"], EXPECTED["interrupted"]["key"]))


@pytest.mark.parametrize("name", BEGUN)
def test_checkpoints_are_whole(name: str) -> None:
    checkpoint = decode((LEFT / "data" / "checkpoints" / (EXPECTED[name]["job"] + ".checkpoint")).read_bytes())
    assert checkpoint.step == EXPECTED[name]["checkpoint_step"]
    assert sum(len(array.data) for array in checkpoint.arrays.values()) > 0


def version_of(engine: TorchEngine) -> str:
    """What this machine's checkpoints say of the program that made them."""
    engine.load()
    grey = Picture(64, 64, bytes([128]) * (64 * 64 * 3))
    painter = engine.begin(Request(grey, (grey,), StyleParams(size=64, iterations=1)), Control())
    return str(painter.checkpoint().header["version"])


def say_made_by(folder: Path, version: str) -> None:
    """Let the checkpoints name this version of duostyle and torch, whatever version made them."""
    for path in (folder / "checkpoints").iterdir():
        checkpoint = decode(path.read_bytes())
        renamed = replace(checkpoint, header={**checkpoint.header, "version": version})
        path.write_bytes(b"".join(bytes(part) for part in encode(renamed)))


async def all_completed(server: Opened) -> dict[str, list[int]]:
    """Paint whatever is unfinished; the steps that were told of each job."""
    ears = {name: await server.watch(name) for name in UNFINISHED}
    for name in PAUSED:
        await server.resume(name)
    return {name: await painted(ear) for name, ear in ears.items()}


async def painted(ear: Ear) -> list[int]:
    """Wait for the end of the job, which may have come before it was watched; the steps that were told on the way."""
    steps: list[int] = []
    while True:
        heard = await ear.next()
        done = "completed" in (heard["type"], heard.get("status"))
        if done or heard["type"] == "progress":
            steps.append(heard["step"])
        if done:
            return steps


@pytest.mark.weights
async def test_begun_jobs_go_on_from_their_checkpoints(folder: Path, torch_engine: TorchEngine) -> None:
    # another version of duostyle or of torch computes other numbers, so the engine takes no checkpoint of one
    say_made_by(folder, await asyncio.to_thread(version_of, torch_engine))
    async with opened(folder, torch_engine) as server:
        steps = await all_completed(server)
        for name in BEGUN:
            expected, state = EXPECTED[name], await server.state(name)
            left_at = expected["checkpoint_step"]
            assert state["resumed_from_step"] == left_at
            assert min(steps[name]) > left_at, "nothing is painted twice"
            assert state["step"] == state["total_steps"] == expected["state"]["total_steps"]
            assert state["report"]["evaluations"] == state["step"]
            steered = expected["state"]["steering"]
            if steered is not None:
                # parameters that came later have their defaults
                whole = StyleParams.model_validate(steered["params"]).model_dump(mode="json")
                steered = {**steered, "params": whole}
            assert state["steering"] == steered
            assert state["costs"]["total"] == pytest.approx(expected["finished"]["costs"]["total"], rel=0.02)
            frames = await server.timelapse(name)
            assert frames[: len(expected["timelapse"])] == expected["timelapse"], "the time-lapse goes on as well"
            assert frames[-1]["step"] > left_at
            picture = await server.result(name)
            assert (picture["width"], picture["height"]) == (64, 16)
        for name in set(UNFINISHED) - set(BEGUN):
            assert (await server.state(name))["resumed_from_step"] is None


@pytest.mark.weights
async def test_begun_jobs_begin_afresh_where_their_checkpoints_do_not_fit(
    folder: Path, torch_engine: TorchEngine
) -> None:
    say_made_by(folder, "an earlier version")
    async with opened(folder, torch_engine) as server:
        await all_completed(server)
        for name in BEGUN:
            state = await server.state(name)
            assert (state["status"], state["resumed_from_step"]) == ("completed", None)
            assert state["report"]["evaluations"] == EXPECTED[name]["state"]["total_steps"]
            assert state["steering"] is None, "painted from the beginning with what was asked for last"
            frames = [frame["step"] for frame in await server.timelapse(name)]
            assert frames == sorted(set(frames)), "the frames of the painting before are gone"
