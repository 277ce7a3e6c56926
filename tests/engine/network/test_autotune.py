"""The choice between kernels, with a clock that the test turns; what was measured once is what later processes take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network import autotune
from duostyle.engine.network.autotune import Chooser, KernelMemory, processor_name
from duostyle.engine.network.layers import Kernel, conv_plain
from duostyle.engine.torch_engine import TorchEngine
from tests.support.engine.reference import random_layer, random_map, relative_error

NAMES = {"64 to 3": ["conv_narrow_out", "conv_plain"]}
OTHERS = {"64 to 3": ["conv_plain", "conv_plain"]}


class _Time:
    """A clock that kernels turn on by what they cost."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def kernel(self, *costs_s: float) -> Kernel:
        """A kernel whose calls take these times in turn, the last one for ever."""
        left = list(costs_s)

        def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            self.now_s += left.pop(0) if len(left) > 1 else left[0]
            return x

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Time:
    made = _Time()
    monkeypatch.setattr(autotune, "time", SimpleNamespace(perf_counter=lambda: made.now_s))
    return made


@pytest.mark.parametrize(
    ("preferred_s", "rival_s", "wanted"),
    [(1.0, 2.0, 0), (1.0, 1.0, 0), (1.0, 0.95, 0), (1.0, 0.1, 1), (0.01, 0.0001, 1)],
)
def test_only_a_clearly_faster_rival_wins(clock: _Time, preferred_s: float, rival_s: float, wanted: int) -> None:
    weight, bias = random_layer(2, 2)
    kernels = [clock.kernel(preferred_s), clock.kernel(rival_s)]
    assert autotune.fastest(kernels, weight, bias, side_px=4) is kernels[wanted]


def test_a_passing_load_does_not_change_the_choice(clock: _Time) -> None:
    weight, bias = random_layer(2, 2)
    kernels = [clock.kernel(9.0, 9.0, 1.0), clock.kernel(0.9)]
    assert autotune.fastest(kernels, weight, bias, side_px=4, repeats=3) is kernels[0]


def test_the_best_of_several_rivals_wins(clock: _Time) -> None:
    weight, bias = random_layer(2, 2)
    kernels = [clock.kernel(1.0), clock.kernel(0.2), clock.kernel(0.1)]
    assert autotune.fastest(kernels, weight, bias, side_px=4) is kernels[2]


def test_every_shape_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[int, ...]] = []

    def fastest(kernels: list[Kernel], weight: Tensor, bias: Tensor, side_px: int) -> Kernel:
        measured.append((weight.shape[1], weight.shape[0], side_px))
        return kernels[0]

    monkeypatch.setattr(autotune, "fastest", fastest)
    chooser = Chooser(small_px=8, large_px=20)
    first = chooser.choose(16, 32)
    assert chooser.choose(16, 32) is first
    assert sorted(measured) == [(16, 32, 8), (16, 32, 20)]
    chooser.choose(32, 16)
    assert len(measured) == 4


@pytest.mark.parametrize(("ins", "outs"), [(3, 64), (64, 3), (64, 64), (4, 4)])
def test_every_candidate_is_a_convolution(ins: int, outs: int) -> None:
    weight, bias = random_layer(ins, outs)
    x = random_map(ins, 9, 14)
    wanted = functional.conv2d(x, weight, bias, padding=1)
    for kernel in autotune.candidates(ins, outs):
        assert relative_error(kernel(x, weight, bias), wanted) < 1e-3


def test_a_chosen_kernel_is_a_convolution_on_both_sides_of_the_limit() -> None:
    weight, bias = random_layer(8, 8)
    choice = Chooser(small_px=4, large_px=8).choose(8, 8)
    for side in (3, 20):
        x = random_map(8, side, side)
        assert relative_error(choice(x, weight, bias), functional.conv2d(x, weight, bias, padding=1)) < 1e-3


def _raise_runtime() -> bool:
    raise RuntimeError("not built with NNPACK")


@pytest.mark.parametrize("answer", [lambda: False, _raise_runtime])
def test_nnpack_may_be_missing(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], bool]) -> None:
    monkeypatch.setattr(torch.backends.nnpack, "is_available", answer)
    assert not autotune.nnpack_works()
    assert autotune.candidates(16, 16) == [conv_plain]


def test_nnpack_that_gives_wrong_numbers_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.nnpack, "is_available", lambda: True)
    monkeypatch.setattr(autotune, "conv_nnpack", lambda x, weight, bias: torch.zeros_like(x))
    assert not autotune.nnpack_works()


def test_the_chooser_works_without_nnpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autotune, "nnpack_works", lambda: False)
    choice = Chooser(small_px=4, large_px=8).choose(16, 16)
    assert choice.small is conv_plain
    assert choice.large is conv_plain


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
    monkeypatch.setattr(autotune, "fastest", lambda *_: pytest.fail("measured"))
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
    monkeypatch.setattr(autotune, "fastest", lambda kernels, *_: kernels[-1])
    first = choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "kernels"))
    monkeypatch.setattr(autotune, "fastest", lambda kernels, *_: kernels[0])
    assert choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "kernels")) == first
    assert choices(TorchEngine(device="cpu", threads=1, kernel_folder=tmp_path / "others")) != first
    assert oct((tmp_path / "kernels").stat().st_mode)[-3:] == "700"
