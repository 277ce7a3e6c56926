"""What was measured once is what every later process of this machine takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duostyle.engine.network import layers as conv
from duostyle.engine.network.autotune import KernelMemory, processor_name
from duostyle.engine.network.layers import Chooser, conv_plain
from duostyle.engine.torch_engine import TorchEngine

NAMES = {"64 to 3": ["conv_narrow_out", "conv_plain"]}
OTHERS = {"64 to 3": ["conv_plain", "conv_plain"]}


def test_remembered_by_machine_and_threads(tmp_path: Path) -> None:
    assert KernelMemory(tmp_path, 2).read() == {}
    assert KernelMemory(tmp_path, 2).agree(NAMES) == NAMES
    assert KernelMemory(tmp_path, 2).read() == NAMES
    assert KernelMemory(tmp_path, 3).read() == {}, "another number of threads is another machine"
    (file,) = tmp_path.iterdir()
    machine = json.loads(file.read_text())["machine"]
    assert machine["processor"] == processor_name() != ""
    assert machine["threads"] == 2


def test_who_comes_second_takes_what_is_there(tmp_path: Path) -> None:
    first, second = KernelMemory(tmp_path, 1), KernelMemory(tmp_path, 1)
    first.agree(NAMES)
    assert second.agree(OTHERS) == NAMES == first.read()
    assert second.agree(OTHERS, replace=True) == OTHERS == first.read()


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"kernels": []}', b'{"kernels": {"64 to 3": 5}}', b"\xff"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: bytes) -> None:
    memory = KernelMemory(tmp_path, 1)
    assert memory.path is not None
    memory.path.write_bytes(damaged)
    assert memory.read() == {}
    assert memory.agree(NAMES) == NAMES == memory.read()


def test_where_nothing_can_be_written_it_holds_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    memory = KernelMemory(tmp_path / "file" / "kernels", 1)
    assert memory.agree(NAMES) == NAMES
    assert memory.read() == {}
    assert KernelMemory(None, 1).agree(NAMES) == NAMES


def test_remembered_shapes_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conv, "fastest", lambda *_: pytest.fail("measured"))
    chooser = Chooser(remembered=OTHERS)
    choice = chooser.choose(64, 3)
    assert choice.small is choice.large is conv_plain
    assert chooser.names == OTHERS


@pytest.mark.parametrize("names", [["conv_of_tomorrow", "conv_plain"], ["conv_plain"], []])
def test_kernels_that_are_not_there_are_measured_anew(names: list[str]) -> None:
    chooser = Chooser(4, 8, remembered={"8 to 3": names})
    chooser.choose(8, 3)
    assert chooser.names["8 to 3"][0] in ("conv_narrow_out", "conv_plain")
    assert len(chooser.names["8 to 3"]) == 2


@pytest.mark.weights
def test_engines_that_share_a_folder_choose_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choices(engine: TorchEngine) -> list[tuple[str, ...]]:
        engine.load()
        assert engine.network is not None
        pairs = [(one.choice, one.choice_back) for one in engine.network.convs]
        return [tuple(kernel.__name__ for choice in pair for kernel in (choice.small, choice.large)) for pair in pairs]

    # the first finds the preferred kernels slow, the second finds them quick: as on a busy machine
    monkeypatch.setattr(conv, "fastest", lambda kernels, *_: kernels[-1])
    first = choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "kernels"))
    monkeypatch.setattr(conv, "fastest", lambda kernels, *_: kernels[0])
    assert choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "kernels")) == first
    assert choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "others")) != first
    assert oct((tmp_path / "kernels").stat().st_mode)[-3:] == "700"
