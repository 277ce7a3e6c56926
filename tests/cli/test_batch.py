"""Many contents on one command line: one engine, one progress, and none stops another."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from duostyle.cli import main as cli
from duostyle.cli.batch import find_contents, name_outputs
from duostyle.engine.api import Checkpoint, Control, Request
from duostyle.errors import BadRequest, EngineError
from tests.support.fake_engine import FakeEngine, FakePainter, image_bytes, picture_of

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with style.png and the folder photos of one.png, two.png and three.png."""
    (tmp_path / "photos").mkdir()
    for index, name in enumerate(("one", "two", "three")):
        (tmp_path / "photos" / f"{name}.png").write_bytes(image_bytes((10 * index, 0, 0)))
    (tmp_path / "photos" / "readme.txt").write_text("not a picture")
    (tmp_path / "style.png").write_bytes(image_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*argv: str, engine: FakeEngine) -> int:
    """The exit status of `duostyle paint ARGV`; every call makes one engine at most."""
    engines = iter([engine])
    try:
        return cli.main(["paint", *argv], make_engine=lambda settings: next(engines))
    except SystemExit as stop:
        return int(stop.code or 0)


def painted(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


class Picky(FakeEngine):
    """Cannot paint contents of this red."""

    def __init__(self, red: int) -> None:
        super().__init__(steps=3)
        self.red = red

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> FakePainter:
        if request.content.rgb[0] == self.red:
            raise EngineError("the costs are not finite")
        return super().begin(request, control, checkpoint)


def test_all_are_painted_by_one_engine(folder: Path, capsys: Capture) -> None:
    engine = FakeEngine(steps=3)
    argv = ["photos", "style.png", "--style", "style.png", "--out-dir", "out/new", "--size", "80"]
    assert run(*argv, engine=engine) == 0
    out = folder / "out" / "new"
    assert sorted(path.name for path in out.iterdir()) == ["one.png", "style.png", "three.png", "two.png"]
    assert all(painted(path) == picture_of(3).rgb for path in out.iterdir())
    assert [painter.request.content.rgb[0] for painter in engine.painters] == [0, 20, 10, 200]
    assert {painter.request.params.size for painter in engine.painters} == {80}
    assert "1/4 photos/one.png" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["engine", "damaged", "missing"])
def test_one_that_fails_is_one_line_and_stops_no_other(folder: Path, capsys: Capture, kind: str) -> None:
    contents = [f"photos/{name}.png" for name in ("one", "two", "three")]
    if kind == "damaged":
        Path(contents[1]).write_bytes(image_bytes()[:45])
    elif kind == "missing":
        Path(contents[1]).unlink()
    engine = Picky(10) if kind == "engine" else FakeEngine(steps=3)
    argv = [*contents, "--style", "style.png", "--out-dir", "out", "--progress", "none"]
    assert run(*argv, engine=engine) == 1
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["one.png", "three.png"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("duostyle: ")
    assert line.count("photos/two.png") == 1
    if kind == "engine":
        assert line == "duostyle: photos/two.png: the costs are not finite"
        assert engine.trimmed == 1


def test_each_line_of_json_names_its_content(folder: Path, capsys: Capture) -> None:
    argv = ["photos", "--style", "style.png", "--out-dir", "out", "--progress", "json"]
    assert run(*argv, engine=Picky(10)) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["content"], line["type"]) for line in told] == [
        *[("photos/one.png", "progress")] * 3,
        ("photos/one.png", "completed"),
        *[("photos/three.png", "progress")] * 3,
        ("photos/three.png", "completed"),
        ("photos/two.png", "failed"),
    ]
    assert [line["seq"] for line in told if line["type"] == "progress"] == [1, 2, 3, 1, 2, 3]
    assert told[-1]["error"]["code"] == "engine_failed"


def test_ctrl_c_saves_the_current_one_and_paints_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressed(FakePainter):
        def run(self, on_step: Callable[..., None]) -> bool:
            def press(step: object) -> None:
                on_step(step)
                if len(engine.painters) == 2 and self.step == 2:
                    signal.raise_signal(signal.SIGINT)

            return super().run(press)

    monkeypatch.setattr("tests.support.fake_engine.FakePainter", Pressed)
    engine = FakeEngine(steps=50)
    assert run("photos", "--style", "style.png", "--out-dir", "out", "--progress", "none", engine=engine) == 130
    assert {path.name: painted(path) for path in (folder / "out").iterdir()} == {
        "one.png": picture_of(50).rgb,
        "three.png": picture_of(2).rgb,
    }
    assert len(engine.painters) == 2


def test_native_is_each_contents_own_size(folder: Path) -> None:
    (folder / "photos" / "two.png").write_bytes(image_bytes(size=(100, 300)))
    engine = FakeEngine(steps=1)
    assert run("photos", "--style", "style.png", "--out-dir", "out", "--size", "native", engine=engine) == 0
    assert [painter.request.params.size for painter in engine.painters] == [64, 64, 300]


def test_a_folder_as_style_is_one_style(folder: Path) -> None:
    engine = FakeEngine(steps=1)
    argv = ["style.png", "--style", "photos", "--style", "style.png", "-o", "out.png", "--style-mix", "1,3"]
    assert run(*argv, engine=engine) == 0
    request = engine.painters[0].request
    assert [[picture.rgb[0] for picture in pictures] for pictures in request.collages] == [[0, 20, 10], [200]]
    assert request.params.style_mix == [1.0, 3.0]


@pytest.mark.parametrize(
    "argv",
    [
        ["photos", "-o", "out.png"],
        ["photos/one.png", "photos/two.png", "-o", "out.png"],
        ["photos/one.png", "-o", "out.png", "--out-dir", "out"],
        ["photos/one.png"],
        ["photos/one.png", "--out-dir", "style.png"],
        ["photos/one.png", "--out-dir", "out", "--replay", "photos/one.png"],
        ["photos/one.png", "--out-dir", "out", "--size", "10"],
        ["photos/one.png", "--out-dir", "out", "--size", "natural"],
        ["photos/one.png", "--out-dir", "out", "--style", "photos/readme.txt"],
        ["empty", "--out-dir", "out"],
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_painted(folder: Path, capsys: Capture, argv: list[str]) -> None:
    (folder / "empty").mkdir()
    engine = FakeEngine()
    assert run(*argv, "--style", "style.png", engine=engine) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("duostyle: ")
    assert captured.err.count("\n") == 1
    assert engine.painters == []
    assert not (folder / "out").exists()


def test_names_that_would_collide_are_made_different(tmp_path: Path) -> None:
    contents = [Path(name) for name in ("a/x.jpg", "b/X.png", "c/x.tif", "d/y.jpg", "e/x-2.jpg")]
    out = tmp_path / "out"
    names = [path.name for path in name_outputs(contents, out, [])]
    assert names == ["x.png", "X-2.png", "x-3.png", "y.png", "x-2-2.png"]
    again = [path.name for path in name_outputs(contents, out, [])]
    assert again == names, "painting again replaces what was painted"


def test_no_input_is_replaced(folder: Path) -> None:
    contents = find_contents([folder / "photos"])
    outputs = name_outputs(contents, folder / "photos", contents)
    assert [path.name for path in outputs] == ["one-2.png", "three-2.png", "two-2.png"]


def test_contents_are_files_and_the_pictures_of_folders(folder: Path) -> None:
    found = find_contents([Path("style.png"), Path("photos"), Path("nowhere.png")])
    assert [str(path) for path in found] == [
        "style.png",
        "photos/one.png",
        "photos/three.png",
        "photos/two.png",
        "nowhere.png",
    ]
    with pytest.raises(BadRequest, match="cannot write to folder"):
        name_outputs(found, Path("style.png") / "out", [])
