"""A painting that goes on from a checkpoint, in another engine object, is the painting that was never stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import torch

from duostyle.engine import checkpoint as snapshot
from duostyle.engine.api import Cancelled, Checkpoint, CheckpointRefused, Control, Painter, Request, Step
from duostyle.engine.checkpoint_format import decode, encode
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import COOL, IMAGE, LONG, LONG_CONTENT, WARM, no_steps, nothing
from tests.support.engine.pictures import flat_picture, scene_picture

pytestmark = pytest.mark.weights

# two levels, of four steps and of two
TWO: dict[str, Any] = LONG | {"iterations": 6}
ADAM = TWO | {"optimizer": "adam"}
NOWHERE, EVERYWHERE = flat_picture(2, 2, (0.0, 0.0, 0.0)), flat_picture(2, 2, (1.0, 1.0, 1.0))
Act = Callable[[Control], None]


def params_of(values: dict[str, Any]) -> StyleParams:
    return StyleParams.model_validate(values)


def request_of(values: dict[str, Any], masks: tuple[Picture | None, ...] = ()) -> Request:
    return Request(LONG_CONTENT, (WARM, COOL), params_of(values), masks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(scope="module")
def engine(folder: Path) -> TorchEngine:
    made = TorchEngine(device="cpu", threads=1, kernel_folder=folder)
    made.load()
    return made


@pytest.fixture(scope="module")
def other(engine: TorchEngine, folder: Path) -> TorchEngine:
    """As good as another process: only the remembered kernels are shared with the first engine."""
    made = TorchEngine(device="cpu", threads=1, kernel_folder=folder)
    made.load()
    return made


def paint(
    engine: TorchEngine, request: Request, acts: Mapping[int, Act] = MappingProxyType({}), keep: Collection[int] = ()
) -> tuple[Painter, list[Step], dict[int, bytes]]:
    """Paint to the end, doing what `acts` says and keeping a checkpoint after the steps in `keep`."""
    control, steps, kept = Control(), no_steps(), dict[int, bytes]()
    painter = engine.begin(request, control)

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.step in keep:
            kept[step.step] = as_bytes(painter.checkpoint())
        if step.step in acts:
            acts[step.step](control)

    assert painter.run(on_step)
    return painter, steps, kept


def as_bytes(checkpoint: Checkpoint) -> bytes:
    return b"".join(encode(checkpoint))


def resume(
    engine: TorchEngine, request: Request, data: bytes, acts: Mapping[int, Act] = MappingProxyType({})
) -> tuple[Painter, list[Step]]:
    control, steps = Control(), no_steps()
    painter = engine.begin(request, control, decode(data))

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.step in acts:
            acts[step.step](control)

    assert painter.run(on_step)
    return painter, steps


class Painted(NamedTuple):
    """A painting without a stop, its steps, and the checkpoints after some of them."""

    picture: Picture
    steps: list[Step]
    kept: dict[int, bytes]


@pytest.fixture(scope="module")
def unbroken(engine: TorchEngine) -> Painted:
    painter, steps, kept = paint(engine, request_of(TWO), keep={1, 2, 3, 4, 5, 6})
    assert [step.level for step in steps] == [1, 1, 1, 1, 2, 2]
    return Painted(painter.picture(), steps, kept)


def goes_on(engine: TorchEngine, request: Request, whole: Painted, at: int) -> None:
    painter, rest = resume(engine, request, whole.kept[at])
    assert painter.picture() == whole.picture
    assert [(step.step, step.level, step.costs) for step in rest] == [
        (step.step, step.level, step.costs) for step in whole.steps[at:]
    ]


@pytest.mark.parametrize("at", [1, 4, 5, 6])
def test_it_goes_on_bit_identically(other: TorchEngine, unbroken: Painted, at: int) -> None:
    goes_on(other, request_of(TWO), unbroken, at)


def test_with_adam_too(engine: TorchEngine, other: TorchEngine) -> None:
    painter, steps, kept = paint(engine, request_of(ADAM), keep={2, 5})
    for at in kept:
        goes_on(other, request_of(ADAM), Painted(painter.picture(), steps, kept), at)


def test_layers_asked_for_on_the_way_are_looked_at_again(engine: TorchEngine, other: TorchEngine) -> None:
    default = {name: value for name, value in TWO.items() if name != "style_layer_weights"}
    after = default | {"style_layer_weights": {"relu1_1": 1.0, "relu5_1": 1.0}}
    acts: dict[int, Act] = {5: lambda control: control.update(params_of(after))}
    painter, steps, kept = paint(engine, request_of(default), acts, keep={5})
    goes_on(other, request_of(after), Painted(painter.picture(), steps, kept), 5)


def test_from_the_start_too(engine: TorchEngine, other: TorchEngine, unbroken: Painted) -> None:
    data = as_bytes(engine.begin(request_of(TWO), Control()).checkpoint())
    assert resume(other, request_of(TWO), data)[0].picture() == unbroken.picture


@pytest.mark.parametrize(
    "change",
    [
        {"style_mix": [0.9, 0.1], "preserve_color": 0.5},
        {"masks": "left-right", "style_weight": 3.0},
        {"iterations": 8},
        {"iterations": 4},
    ],
    ids=lambda change: " ".join(change),
)
def test_live_changes_are_kept_and_told(engine: TorchEngine, other: TorchEngine, change: dict[str, Any]) -> None:
    after = params_of(TWO | change)
    acts: dict[int, Act] = {3: lambda control: control.update(after)}
    # right before it is taken up, right after, on the next level
    whole, steps, kept = paint(engine, request_of(TWO), acts, keep={2, 4})
    for at, data in kept.items():
        # the request of a steered job holds what is in force now
        given = request_of(TWO if at < 3 else TWO | change)
        painter, rest = resume(other, given, data, acts if at < 3 else {})
        assert painter.picture() == whole.picture(), at
        assert [step.step for step in rest] == [step.step for step in steps[at:]]
        assert painter.changes == whole.changes
    assert [(told.step, dict(told.params)) for told in whole.changes] == [(3, change)]


def test_a_change_that_came_too_late_for_the_checkpoint_is_taken_up_first(
    engine: TorchEngine, other: TorchEngine
) -> None:
    after = TWO | {"content_weight": 0.0, "masks": [IMAGE, None]}
    masks = (NOWHERE, EVERYWHERE)
    acts: dict[int, Act] = {3: lambda control: control.update(params_of(after), masks)}
    whole, _, kept = paint(engine, request_of(TWO), acts, keep={3})
    painter, rest = resume(other, request_of(after, masks), kept[3])
    assert painter.picture() == whole.picture()
    assert rest[0].costs.content == 0 == rest[0].costs.style[0]
    assert painter.changes == whole.changes


def test_masks_in_force_come_with_the_request(engine: TorchEngine, other: TorchEngine) -> None:
    request = request_of(TWO | {"masks": [IMAGE, None]}, (EVERYWHERE, NOWHERE))
    whole, _, kept = paint(engine, request, keep={3})
    painter, rest = resume(other, request, kept[3])
    assert painter.picture() == whole.picture()
    assert rest[0].costs.style[1] == 0


def test_paused_and_cancelled_paintings_go_on_too(engine: TorchEngine, other: TorchEngine, unbroken: Painted) -> None:
    request = request_of(TWO)
    control = Control()
    painter = engine.begin(request, control)
    assert painter.run(lambda step: control.pause() if step.step == 3 else None) is False
    assert resume(other, request, as_bytes(painter.checkpoint()))[0].picture() == unbroken.picture
    control.resume()
    # in the middle of an evaluation, as at shutdown
    assert engine.network is not None
    conv = engine.network.convs[2]
    forward = conv.forward

    def cancelling(x: torch.Tensor) -> torch.Tensor:
        control.cancel()
        return forward(x)

    conv.forward = cancelling  # type: ignore[method-assign]
    try:
        with pytest.raises(Cancelled):
            painter.run(nothing)
    finally:
        del conv.forward
    kept = painter.checkpoint()
    assert kept.step == painter.step == 3
    assert resume(other, request, as_bytes(kept))[0].picture() == unbroken.picture


@pytest.mark.parametrize("values", [TWO, ADAM], ids=["lbfgs", "adam"])
def test_a_checkpoint_stays_as_it_was_while_painting_goes_on(engine: TorchEngine, values: dict[str, Any]) -> None:
    kept: list[tuple[Checkpoint, bytes]] = []
    control = Control()
    painter = engine.begin(request_of(values), control)

    def on_step(step: Step) -> None:
        checkpoint = painter.checkpoint()
        kept.append((checkpoint, as_bytes(checkpoint)))
        if step.step == 4:
            control.update(params_of(values | {"style_weight": 5.0}))

    painter.run(on_step)
    for checkpoint, data in kept:
        assert as_bytes(checkpoint) == data


def test_a_tensor_of_two_names_is_kept_once() -> None:
    x = torch.rand(2, 3)
    packed = snapshot.pack({"step": 1}, {"a": x, "b": x, "c": x.clone()})
    assert set(packed.arrays) == {"a", "c"}
    back = snapshot.unpack(decode(as_bytes(packed)), torch.device("cpu"))
    assert set(back) == {"a", "b", "c"}
    assert all(torch.equal(value, x) for value in back.values())


def test_other_requests_and_versions_are_refused(engine: TorchEngine, unbroken: Painted) -> None:
    request = request_of(TWO)
    checkpoint = decode(unbroken.kept[2])
    others = [
        request_of(TWO | {"size": 176}),
        request_of(TWO | {"seed": 1}),
        dataclasses.replace(request, content=scene_picture(171, 52)),
        dataclasses.replace(request, styles=(COOL, WARM)),
    ]
    for other_request in others:
        with pytest.raises(CheckpointRefused, match="different request"):
            engine.begin(other_request, Control(), checkpoint)
    for name in ("version", "weights", "format", "device"):
        foreign = Checkpoint({**checkpoint.header, name: "x"}, checkpoint.arrays)
        with pytest.raises(CheckpointRefused, match=f"different {name}"):
            engine.begin(request, Control(), foreign)


@pytest.mark.parametrize("missing", ["schedule", "params", "stage", "painted", "stage.x", "stage.best", "same"])
def test_what_lacks_a_part_is_refused(engine: TorchEngine, unbroken: Painted, missing: str) -> None:
    request = request_of(TWO)
    checkpoint = decode(unbroken.kept[2])
    header = {name: value for name, value in checkpoint.header.items() if name != missing}
    header["same"] = {} if missing in checkpoint.header["same"] else header.get("same")
    arrays = {name: array for name, array in checkpoint.arrays.items() if name != missing}
    with pytest.raises(CheckpointRefused):
        engine.begin(request, Control(), Checkpoint(header, arrays))


def test_tensors_of_another_size_are_refused(engine: TorchEngine, unbroken: Painted) -> None:
    request = request_of(TWO)
    checkpoint = decode(unbroken.kept[2])
    array = next(iter(checkpoint.arrays.values()))
    small = dataclasses.replace(array, shape=(1, 3, 1, 1), data=array.data[:12])
    with pytest.raises(CheckpointRefused, match="different size"):
        engine.begin(request, Control(), Checkpoint(checkpoint.header, dict.fromkeys(checkpoint.arrays, small)))
