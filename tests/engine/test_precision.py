"""Which precision the engine computes in: measured, remembered, forced; and paintings in bfloat16."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from duostyle.engine import precision, torch_engine
from duostyle.engine.api import Checkpoint, Control, Request, Step
from duostyle.engine.checkpoint_format import decode, encode
from duostyle.engine.precision import LARGE_PX, SMALL_PX, quicker
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import EngineError
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import COOL, LONG, LONG_CONTENT, WARM, no_steps

Seconds = dict[tuple[str, int], list[float]]


def _choice(monkeypatch: pytest.MonkeyPatch, seconds: Seconds) -> tuple[str, list[int]]:
    """What is chosen when evaluations take these seconds in turn (the last for ever), and which sizes were tried."""
    now, sides = 0.0, []
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: now))

    def prepare(name: str, side_px: int) -> Callable[[], object]:
        sides.append(side_px)
        left = list(seconds[name, side_px])

        def evaluate() -> None:
            nonlocal now
            now += left.pop(0) if len(left) > 1 else left[0]

        return evaluate

    return quicker(prepare), sorted(set(sides))


@pytest.mark.parametrize(
    ("half_s", "wanted"), [(0.25, "bfloat16"), (0.75, "bfloat16"), (0.85, "float32"), (1.0, "float32"), (3, "float32")]
)
def test_bfloat16_must_be_clearly_quicker(monkeypatch: pytest.MonkeyPatch, half_s: float, wanted: str) -> None:
    small: Seconds = {("float32", SMALL_PX): [0.1], ("bfloat16", SMALL_PX): [0.1]}
    seconds = small | {("float32", LARGE_PX): [1.0], ("bfloat16", LARGE_PX): [half_s]}
    assert _choice(monkeypatch, seconds) == (wanted, [SMALL_PX, LARGE_PX])


def test_a_passing_load_and_first_calls_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    small: Seconds = {("float32", SMALL_PX): [0.1], ("bfloat16", SMALL_PX): [9.0, 0.1]}
    seconds = small | {("float32", LARGE_PX): [1.0, 9.0], ("bfloat16", LARGE_PX): [9.0, 9.0, 0.9]}
    assert _choice(monkeypatch, seconds)[0] == "float32"


def test_where_it_is_hopeless_no_large_picture_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: Seconds = {("float32", SMALL_PX): [0.1], ("bfloat16", SMALL_PX): [0.3]}
    assert _choice(monkeypatch, seconds) == ("float32", [SMALL_PX])


def _engine(folder: Path | None, wanted: str) -> TorchEngine:
    made = TorchEngine(device="cpu", precision=wanted, threads=1, kernel_folder=folder)
    made.load()
    return made


def _dtype(engine: TorchEngine) -> torch.dtype:
    assert engine.network is not None
    return engine.network.dtype


@pytest.mark.weights
@pytest.mark.parametrize(("found", "dtype"), [("bfloat16", torch.bfloat16), ("float32", torch.float32)])
def test_it_is_measured_once_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, dtype: torch.dtype
) -> None:
    folder = tmp_path / "kernels"
    # who forces a precision measures none, and remembers none
    assert _engine(folder, "float32").precision == "float32"
    monkeypatch.setattr(torch_engine, "quicker", lambda prepare: found)
    first = _engine(folder, "auto")
    assert (first.precision, _dtype(first)) == (found, dtype)
    (file,) = folder.iterdir()
    assert json.loads(file.read_text())["kernels"]["precision"] == [found]
    monkeypatch.setattr(torch_engine, "quicker", lambda prepare: pytest.fail("measured again"))
    second = _engine(folder, "auto")
    assert (second.precision, _dtype(second)) == (found, dtype)
    # forced, whatever was measured; and what was measured stays
    for wanted in ("float32", "bfloat16"):
        assert _engine(folder, wanted).precision == wanted
    assert _engine(folder, "auto").precision == found


@pytest.mark.weights
def test_without_a_folder_every_engine_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "quicker", lambda prepare: "bfloat16")
    assert _engine(None, "auto").precision == "bfloat16"


def test_a_gpu_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "choose_device", lambda name: torch.device("cuda"))
    with pytest.raises(EngineError, match="bfloat16"):
        TorchEngine(precision="bfloat16").load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(scope="module")
def half(folder: Path) -> TorchEngine:
    return _engine(folder, "bfloat16")


@pytest.fixture(scope="module")
def whole(folder: Path) -> TorchEngine:
    return _engine(folder, "float32")


def _paint(
    engine: TorchEngine, checkpoint: Checkpoint | None = None, keep_at: int = 0, **changes: Any
) -> tuple[Picture, Checkpoint | None, int]:
    """The picture, a checkpoint after so many steps, and how many were made here."""
    given = LONG | {"iterations": 5} | changes
    request = Request(LONG_CONTENT, (WARM, COOL), StyleParams.model_validate(given))
    painter = engine.begin(request, Control(), checkpoint)
    steps, kept = no_steps(), list[Checkpoint]()

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.step == keep_at:
            kept.append(painter.checkpoint())

    painter.run(on_step)
    # through its bytes, as another process would get it
    bytes_of = b"".join(bytes(part) for part in encode(kept[0])) if kept else b""
    return painter.picture(), decode(bytes_of) if kept else None, len(steps)


@pytest.mark.weights
@pytest.mark.parametrize("changes", [{}, {"masks": "left-right"}, {"masks": "auto"}, {"optimizer": "adam"}])
def test_paintings_in_bfloat16_can_be_made_again_and_gone_on_with(
    half: TorchEngine, folder: Path, changes: dict[str, Any]
) -> None:
    picture, checkpoint, _ = _paint(half, keep_at=2, **changes)
    assert checkpoint is not None
    assert checkpoint.header["precision"] == "bfloat16"
    assert _paint(_engine(folder, "bfloat16"), **changes)[0] == picture
    assert _paint(half, checkpoint, **changes)[::2] == (picture, 3)


@pytest.mark.weights
def test_a_checkpoint_goes_on_in_its_own_precision(half: TorchEngine, whole: TorchEngine) -> None:
    for ours, theirs in ((half, whole), (whole, half)):
        picture, checkpoint, _ = _paint(ours, keep_at=3)
        assert _paint(theirs, checkpoint)[::2] == (picture, 2)
        assert _paint(theirs)[0] != picture, "what begins anew is painted in the engine's precision"


@pytest.mark.weights
def test_both_precisions_paint_alike(half: TorchEngine, whole: TorchEngine) -> None:
    pictures = [torch.frombuffer(bytearray(_paint(one)[0].rgb), dtype=torch.uint8).float() for one in (half, whole)]
    assert float((pictures[0] - pictures[1]).abs().mean()) < 4
