"""Commands that cannot start, or are interrupted while they do, and what the doctor finds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from duostyle.cli import main as cli
from duostyle.errors import DeviceUnavailable, DuostyleError, WeightsError
from tests.support.command_line import run
from tests.support.fake_engine import FakeEngine

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("error", [WeightsError("the weights are missing"), DeviceUnavailable("there is no cuda")])
def test_paint_without_weights_or_device_is_one_line_and_exits_2(
    folder: Path, capsys: Capture, error: DuostyleError
) -> None:
    engine = FakeEngine()
    engine.load_error = error
    assert run("paint", "content.png", "--style", "style.png", "-o", "out.png", engine=engine) == 2
    assert capsys.readouterr().err == f"duostyle: {error.message}\n"
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_device_that_is_not_there_is_one_line_and_exits_2(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(command, "--device", "cuda", "--port", "0", "--data-dir", "data") == 2
    captured = capsys.readouterr()
    assert captured.out == "", "it does not say that it is ready"
    assert re.fullmatch("duostyle: the device cuda cannot be used: .*\n", captured.err)
    assert not (folder / "data").exists()


def test_serve_with_damaged_weights_is_one_line_and_exits_2(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duostyle.engine.network.weights_file.shipped_bytes", lambda name: b"short")
    assert run("serve", "--port", "0", "--data-dir", "data") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch("duostyle: the weights .* are damaged; .*\n", captured.err)


@pytest.fixture
def damaged_vgg19(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What a download that broke off has left where torchvision looks for VGG-19."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    file = tmp_path / "torch" / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"short")
    return file


def test_serve_with_damaged_vgg19_is_one_line_and_exits_2(folder: Path, capsys: Capture, damaged_vgg19: Path) -> None:
    assert run("serve", "--port", "0", "--data-dir", "data", "--weights", "vgg19") == 2
    captured = capsys.readouterr()
    assert captured.out == "", "it does not say that it is ready"
    assert captured.err == (
        f"duostyle: the weights {damaged_vgg19} are damaged; remove the file, or use the shipped vgg16\n"
    )
    assert not (folder / "data").exists()


def test_the_doctor_finds_damaged_vgg19(folder: Path, capsys: Capture, damaged_vgg19: Path) -> None:
    assert run("doctor", "--port", "0", "--data-dir", "data", "--weights", "vgg19") == 1
    assert f"PROBLEM      engine: the weights {damaged_vgg19} are damaged" in capsys.readouterr().out


def test_an_interrupt_while_it_starts_is_one_line() -> None:
    # whatever is imported first sends the interrupt: at that moment nothing else would catch it
    script = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'duostyle.cli.main': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import duostyle.__main__ as command\n"
        "sys.exit(command.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(cli.__file__).parents[2], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"duostyle: interrupted\n")


def test_the_doctor_prints_json(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.cli.doctor.weights_sha256", lambda name: "abc")
    assert run("doctor", "--port", "0", "--json", "--data-dir", str(folder)) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["device"] == "fake"
    assert facts["problems"] == []


def test_the_doctor_measures_kernels_again_when_asked(folder: Path) -> None:
    remembered = folder / "data" / "kernels" / "0123.json"
    remembered.parent.mkdir(parents=True)
    remembered.write_text("{}")
    run("doctor", "--port", "0", "--data-dir", "data")
    assert remembered.exists()
    run("doctor", "--port", "0", "--data-dir", "data", "--measure")
    assert not remembered.exists()


def test_the_doctor_exits_1_when_something_is_wrong(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duostyle.cli.doctor.weights_sha256", lambda name: "abc")
    engine = FakeEngine()
    engine.load_error = WeightsError("the weights are missing")
    assert run("doctor", "--port", "0", "--data-dir", str(folder), engine=engine) == 1
    assert "PROBLEM      engine: the weights are missing" in capsys.readouterr().out


def test_the_parser_needs_no_torch() -> None:
    script = "import sys; import duostyle.cli.main as c; c.make_parser(); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(cli.__file__).parents[2], timeout=60)
    assert done.returncode == 0
