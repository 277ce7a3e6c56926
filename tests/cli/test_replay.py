"""A steered job, painted again on the command line."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image

from duostyle.cli import main as cli
from duostyle.engine.torch_engine import TorchEngine
from duostyle.imaging import decode as images
from duostyle.imaging.decode import image_id
from duostyle.imaging.label import read_text
from duostyle.recipe import RECIPE_KEY
from duostyle.settings import Settings
from tests.support.engine.paintings import SHALLOW
from tests.support.fake_engine import FakeEngine, image_bytes, picture_of
from tests.support.harness import Ear, Rig, rig, soon
from tests.support.recorder import Recorder

Capture = pytest.CaptureFixture[str]
RED, BLUE, WHITE = image_bytes((200, 40, 10)), image_bytes((10, 20, 200)), image_bytes((255, 255, 255))
# more steps than there is time for: the last change makes them fewer
PARAMS: dict[str, Any] = {"size": 64, "iterations": 400, "seed": 3} | SHALLOW


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, data in {"content": RED, "style": BLUE, "mask": WHITE}.items():
        (tmp_path / f"{name}.png").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*argv: str, engine: Any) -> int:
    try:
        return cli.main(argv, make_engine=lambda settings: engine)
    except SystemExit as stop:
        return int(stop.code or 0)


def again(recipe: str, *more: str, engine: Any = None) -> int:
    command = ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", "none"]
    return run(*command, "--replay", recipe, *more, engine=engine or FakeEngine())


def job(**changed: Any) -> str:
    fields = {"params": {"size": 64, "iterations": 5}, "content": image_id(RED), "styles": [image_id(BLUE)]} | changed
    Path("job.json").write_text(json.dumps(fields))
    return "job.json"


def test_changes_come_after_the_evaluations_that_they_came_after(folder: Path) -> None:
    masks = [image_id(WHITE)]
    changes = [
        {"step": 0, "params": {"style_weight": 2.0}},
        {"step": 3, "params": {"masks": masks}},
        {"step": 3, "params": {"iterations": 4}},
    ]
    engine = FakeEngine()
    begin = {"size": 64, "iterations": 9}
    recipe = job(params={"size": 64}, steering={"params": begin, "changes": changes})
    assert again(recipe, "--masks", "mask.png", engine=engine) == 0
    (painter,) = engine.painters
    assert painter.began_with.iterations == 9
    assert [(change.step, dict(change.params)) for change in painter.changes] == [
        (change["step"], change["params"]) for change in changes
    ]
    assert painter.step == 4
    assert [None if mask is None else mask.rgb[:3] for mask in painter.masks] == [b"\xff\xff\xff"]
    # what it says of itself can be replayed as well, and the PNG does as good as its text
    with Image.open(io.BytesIO(Path("out.png").read_bytes())) as image:
        stored = json.loads(image.info[RECIPE_KEY])
    assert stored["steering"]["changes"] == changes
    Path("out.png").rename("first.png")
    assert again("first.png", "--masks", "mask.png", engine=engine) == 0
    assert engine.painters[1].changes == painter.changes


def test_an_interrupted_replay_tells_only_of_the_changes_that_it_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duostyle.cli.paint.make_reporter", lambda *args, **kwargs: Recorder(at=3))
    begin = {"size": 64, "iterations": 9}
    changes = [{"step": 2, "params": {"style_weight": 2.0}}, {"step": 5, "params": {"style_weight": 3.0}}]
    assert again(job(steering={"params": begin, "changes": changes})) == 130
    with Image.open("out.png") as image:
        stored = json.loads(image.info[RECIPE_KEY])
    assert stored["params"]["style_weight"] == 2.0
    assert stored["steering"]["changes"] == changes[:1]


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        ({}, ["--style-weight", "3"], "--style-weight cannot be given with --replay"),
        ({"content": image_id(BLUE)}, [], "content.png is not the picture"),
        ({"styles": [image_id(RED)]}, [], "style.png is not the picture"),
        ({"styles": [image_id(RED), image_id(BLUE)]}, [], "a different number of styles"),
        ({"params": {"masks": [image_id(WHITE)]}}, [], "masks: a mask of the job is missing"),
        ({"params": {"masks": [image_id(WHITE)]}}, ["--masks", "nowhere.png"], "cannot read nowhere.png"),
        ({"steering": 5}, [], "steering must be an object"),
    ],
)
def test_what_does_not_fit_is_one_line_and_exit_2(
    folder: Path, capsys: Capture, fields: dict[str, Any], more: list[str], said: str
) -> None:
    assert again(job(**fields), *more) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not Path("out.png").exists()


def test_a_picture_that_is_no_painting_says_so(folder: Path, capsys: Capture) -> None:
    assert again("content.png") == 2
    assert "content.png does not say what it was painted from" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out.jpg", "out.webp", "out.tiff"])
def test_every_format_can_be_replayed(folder: Path, name: str) -> None:
    engine = FakeEngine()
    changes = [{"step": 3, "params": {"style_weight": 2.0}}]
    recipe = job(steering={"params": {"size": 64, "iterations": 9}, "changes": changes})
    assert again(recipe, "-o", name, engine=engine) == 0
    assert again(name, engine=engine) == 0
    assert engine.painters[1].changes == engine.painters[0].changes != []


@pytest.mark.parametrize("name", ["missing.json", "content.png", "broken.json", "."])
def test_files_that_are_no_job(folder: Path, capsys: Capture, name: str) -> None:
    Path("broken.json").write_text('{"params": {')
    assert again(name) == 2
    assert capsys.readouterr().err.count("\n") == 1


async def steer(built: Rig) -> tuple[dict[str, Any], bytes]:
    """A job that is changed twice, paused, changed, and changed at the end; its state and its PNG."""
    jobs = built.jobs
    accepted = await built.submit(styles=2, **PARAMS)
    ear = built.watch()
    await jobs.queries.watch(ear.outbox, accepted.job, None)
    name, key = accepted.job, accepted.key
    await until_step(built, ear, name, 1)
    await soon(jobs.commands.update(name, key, {"style_mix": [1, 3]}))
    await until_step(built, ear, name, 2)
    await soon(jobs.commands.pause(name, key))
    await soon(jobs.commands.update(name, key, {"masks": "left-right", "tv_weight": 9}))
    await soon(jobs.commands.resume(name, key))
    await soon(jobs.commands.update(name, key, {"iterations": 12, "preserve_color": 0.5}))
    await ear.until("completed")
    return await jobs.queries.state(name), await jobs.queries.result(name, "png")


async def until_step(built: Rig, ear: Ear, job: str, step: int) -> None:
    while (await built.jobs.queries.state(job))["step"] < step:
        await ear.next()


@pytest.fixture
def numbers_as_before() -> Iterator[None]:
    """The engine flushes the smallest numbers to zero on its thread, which here is everyone's."""
    yield
    torch.set_flush_denormal(False)


@pytest.mark.weights
@pytest.mark.usefixtures("numbers_as_before")
def test_the_real_engine_paints_the_same_picture_again(folder: Path) -> None:
    kernels = folder / "kernels"

    def engine() -> TorchEngine:
        made = TorchEngine(device="cpu", threads=1, kernel_folder=kernels)
        # here, where nobody waits for it
        made.load()
        return made

    async def steered(engine: TorchEngine) -> tuple[dict[str, Any], bytes]:
        async with rig(folder / "data", cast(FakeEngine, engine)) as built:
            return await steer(built)

    state, png = asyncio.run(steered(engine()))
    steering = state["steering"]
    assert steering["params"]["iterations"] == 400
    assert {name for change in steering["changes"] for name in change["params"]} == {
        "style_mix",
        "masks",
        "tv_weight",
        "iterations",
        "preserve_color",
    }
    Path("job.json").write_text(json.dumps(state))
    assert again("job.json", "--style", "style.png", engine=engine()) == 0
    assert images.decode(Path("out.png").read_bytes()) == images.decode(png)
    # and without the first change it would have been another one
    del steering["changes"][0]
    Path("job.json").write_text(json.dumps(state))
    assert again("job.json", "--style", "style.png", engine=engine()) == 0
    assert images.decode(Path("out.png").read_bytes()) != images.decode(png)


async def test_changes_outlive_a_restart(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), checkpoint_evaluations=1) as built:
        accepted = await built.submit(iterations=4)
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release()
        await until_step(built, ear, accepted.job, 1)
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 3}))
        built.engine.release()
        await until_step(built, ear, accepted.job, 2)
    async with rig(tmp_path, FakeEngine()) as built:
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        if (await built.jobs.queries.state(accepted.job))["status"] != "completed":
            await ear.until("completed")
        state = await built.jobs.queries.state(accepted.job)
        assert state["resumed_from_step"] == 2
        assert state["steering"]["params"]["style_weight"] == 20
        # taken up before the second or the third evaluation, as it came
        assert [change["params"] for change in state["steering"]["changes"]] == [{"style_weight": 3.0}]
        text = read_text(await built.jobs.queries.result(accepted.job, "png"), RECIPE_KEY)
        assert text is not None
        assert json.loads(text)["steering"] == state["steering"]
        assert images.decode(await built.jobs.queries.result(accepted.job, "png")) == picture_of(4)
    async with rig(tmp_path, FakeEngine()) as built:
        assert (await built.jobs.queries.state(accepted.job))["steering"] == state["steering"]


def test_kernels_are_those_of_the_data_folder() -> None:
    assert Settings(data_dir=Path("x")).kernel_dir == Path("x/kernels")
