"""The command line from outside: what is printed where, and the exit status."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from duostyle import version as installed
from duostyle.cli import main as cli
from duostyle.errors import EngineError
from duostyle.settings import Settings
from tests.support.command_line import run
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.recorder import Recorder

Capture = pytest.CaptureFixture[str]


def test_the_version(capsys: Capture) -> None:
    assert run("--version") == 0
    name, version = capsys.readouterr().out.split()
    assert name == "duostyle"
    assert version == installed()


def test_the_version_without_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert installed() == "unknown"


def test_the_commands_are_exactly_those_that_work(capsys: Capture) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    commands = ["serve", "paint", "submit", "watch", "doctor", "backup", "restore"]
    assert re.findall(r"^    (\w+) ", shown, flags=re.MULTILINE) == commands


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["dance"],
        ["paint"],
        ["paint", "content.png", "-o", "out.png"],
        ["paint", "content.png", "--style", "style.png"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--unknown", "1"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--siz", "100"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--size", "10"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--size", "ten"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--size", "-100"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--style-mix", "1,2"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--style-mix", "-1"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--preset", "sudden"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", "loud"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--device", "abacus"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--masks", "nowhere.png"],
        ["paint", "content.png", "--style", "style.png", "-o", "out.bmp"],
        ["paint", "content.png", "--style", "style.png", "-o", "nowhere/out.png"],
        ["paint", "content.png", "--style", "nowhere.png", "-o", "out.png"],
        ["paint", "text.txt", "--style", "style.png", "-o", "out.png"],
        ["serve", "--port", "none"],
        ["serve", "--port", "-1"],
        ["doctor", "--threads", "many"],
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(folder: Path, capsys: Capture, argv: list[str]) -> None:
    (folder / "text.txt").write_text("not a picture\n")
    before = sorted(folder.rglob("*"))
    engine = FakeEngine()
    assert run(*argv, engine=engine) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("duostyle: ")
    assert captured.err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before
    assert engine.painters == []


def test_an_error_says_what_is_allowed_and_what_came(folder: Path, capsys: Capture) -> None:
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png", "--size", "10") == 2
    assert "(allowed: whole number from 64 to 8192; got: 10)" in capsys.readouterr().err


def test_a_setting_in_the_environment_is_checked(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOSTYLE_ALLOWED_HOSTS", "not json")
    assert run("doctor") == 2
    assert "allowed_hosts" in capsys.readouterr().err


def test_painting(folder: Path, capsys: Capture) -> None:
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.jpg") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0].startswith("step 1/3, 2 s left, level 1/1 8x6, cost ")
    assert captured.err.splitlines()[-1].endswith("out.jpg: 8x6, 3 evaluations in 3 s")
    assert (folder / "out.jpg").read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("output", "keep", "warns"),
    [("out.jpg", True, True), ("out.jpg", False, False), ("out.png", True, False), ("out.webp", True, False)],
)
def test_a_jpeg_that_should_be_transparent_is_warned_of(
    folder: Path, capsys: Capture, output: str, keep: bool, warns: bool
) -> None:
    cut_out = Image.new("RGBA", (16, 12), (255, 0, 0, 255))
    cut_out.putpixel((0, 0), (0, 0, 0, 0))
    cut_out.save(folder / "content.png")
    kept = ["--transparency", "keep"] if keep else []
    assert run("paint", "content.png", "--style", "style.png", "-o", output, "--progress", "none", *kept) == 0
    assert ("JPEG has no transparency; transparent parts are laid on white" in capsys.readouterr().err) is warns


def test_json_goes_to_standard_output_and_ends_with_completed(folder: Path, capsys: Capture) -> None:
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", "json") == 0
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["type"] for line in lines] == ["progress"] * 3 + ["completed"]
    assert {"costs", "elapsed_s", "evaluations", "share"} <= lines[-1].keys()
    assert captured.err == ""


def test_progress_none_is_silent(folder: Path, capsys: Capture) -> None:
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", "none") == 0
    assert tuple(capsys.readouterr()) == ("", "")


def test_the_engine_gets_the_parameters_and_the_masks(folder: Path) -> None:
    engine = FakeEngine()
    argv = ["paint", "content.png", "--style", "style.png", "--style", "style.png", "-o", "out.png"]
    assert run(*argv, "--style-mix", "0.25,0.75", "--masks", "-,mask.png", "--iterations", "2", engine=engine) == 0
    request = engine.painters[0].request
    assert request.params.style_mix == [0.25, 0.75]
    assert request.params.iterations == 2
    assert [mask is not None for mask in request.masks] == [False, True]


def test_the_engine_options_become_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    def make(settings: Settings) -> FakeEngine:
        seen.append(settings)
        return FakeEngine()

    monkeypatch.setenv("DUOSTYLE_DEVICE", "cpu")
    argv = ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--threads", "2", "--weights", "vgg19"]
    assert cli.main(argv, make_engine=make) == 0
    assert [(one.device, one.threads, one.weights) for one in seen] == [("cpu", 2, "vgg19")]


def test_an_interrupted_painting_exits_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.cli.paint.make_reporter", lambda *args, **kwargs: Recorder(at=1))
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png") == 130
    assert (folder / "out.png").exists()


def test_a_twice_interrupted_painting_exits_130_with_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("duostyle.cli.paint.make_reporter", lambda *args, **kwargs: Recorder(at=1, presses=2))
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png") == 130
    assert capsys.readouterr().err == "duostyle: interrupted\n"
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EngineError("the costs are not finite"), "duostyle: the costs are not finite\n"),
        (OSError(28, "No space left on device"), "duostyle: [Errno 28] No space left on device\n"),
    ],
)
def test_a_failure_while_painting_exits_1(folder: Path, capsys: Capture, error: Exception, message: str) -> None:
    engine = FakeEngine()
    engine.fail_at, engine.error = 1, error
    argv = ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", "none"]
    assert run(*argv, engine=engine) == 1
    assert capsys.readouterr().err == message
    assert not (folder / "out.png").exists()


def test_serve_gets_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Settings] = []

    def serve(settings: Settings) -> int:
        seen.append(settings)
        return 7

    module: Any = ModuleType("duostyle.serving.server")
    module.serve = serve
    monkeypatch.setitem(sys.modules, "duostyle.serving.server", module)
    assert run("serve", "--port", "0", "--data-dir", str(tmp_path), "--allowed-hosts", "a.example,b.example") == 7
    assert seen[0].port == 0
    assert seen[0].data_dir == tmp_path
    assert seen[0].allowed_hosts == ["a.example", "b.example"]


@pytest.mark.parametrize("command", ["serve", "paint", "submit", "watch", "doctor"])
def test_help_shows_no_names_of_libraries(capsys: Capture, command: str) -> None:
    assert run(command, "--help") == 0
    assert not re.search(r"Undefined|\bNone\b|<class|factory", capsys.readouterr().out)


def test_every_setting_is_an_option_of_serve(capsys: Capture) -> None:
    assert run("serve", "--help") == 0
    shown = capsys.readouterr().out
    for name in Settings.model_fields:
        assert "--" + name.replace("_", "-") in shown


@pytest.mark.parametrize("progress", ["json", "auto"])
def test_a_reader_that_goes_away_does_not_stop_the_painting(folder: Path, progress: str) -> None:
    # standard input holds the painting back until the pipe is closed
    script = (
        "import sys; from duostyle.cli import main as cli; from tests.support.fake_engine import FakeEngine; "
        "sys.stdin.read(); sys.exit(cli.main(sys.argv[1:], make_engine=lambda settings: FakeEngine(steps=3)))"
    )
    argv = ["paint", "content.png", "--style", "style.png", "-o", "out.png", "--progress", progress]
    source = Path(cli.__file__).parents[2]
    # the bar and the lines go to standard error, JSON to standard output
    with subprocess.Popen(
        [sys.executable, "-c", script, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": f"{source}:{source.parent}"},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            gone, other = process.stdout, process.stderr
            if progress == "auto":
                gone, other = other, gone
            gone.close()
            assert process.stdin is not None
            process.stdin.close()
            assert other.read() == b""
            assert process.wait(60) == 0
            with Image.open(folder / "out.png") as painted:
                assert painted.convert("RGB").tobytes() == picture_of(3).rgb
        finally:
            # else leaving would wait for one that hangs, for ever
            process.kill()


def test_a_step_is_told_without_taking_its_picture(folder: Path) -> None:
    engine = FakeEngine()
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png", engine=engine) == 0
    assert engine.pictures_taken == 0


def test_paint_has_the_option_that_a_picture_with_too_many_pixels_asks_for(folder: Path, capsys: Capture) -> None:
    Image.new("RGB", (80, 60)).save(folder / "content.png")
    argv = ("paint", "content.png", "--style", "style.png", "-o", "out.png")
    assert run(*argv, "--max-pixels", "4799") == 2
    shown = capsys.readouterr().err
    assert "content.png" in shown
    assert "raise max_pixels" in shown
    assert run(*argv, "--max-pixels", "4800", "--progress", "none") == 0
