"""What the rest of the server sees of the engine: plain values and two protocols, no tensors.

Importing this module does not import torch.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

from duostyle.params import StyleParams
from duostyle.picture import Picture


class Cancelled(Exception):
    """Raised inside the engine when its control was cancelled. Control flow, not an error."""


class CheckpointRefused(Exception):
    """Raised by `Engine.begin` when a checkpoint is damaged or does not fit. The caller begins without it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to paint: 1 to 4 `styles`, each with its `companions`, if there are any, a collage in equal shares; `masks`
    are the grey-as-RGB pictures or None of `StyleParams.mask_ids`."""

    content: Picture
    styles: tuple[Picture, ...]
    params: StyleParams
    masks: tuple[Picture | None, ...] = ()
    companions: tuple[tuple[Picture, ...], ...] = ()

    @property
    def collages(self) -> list[list[Picture]]:
        """The pictures of each style."""
        companions = self.companions or ((),) * len(self.styles)
        return [[style, *others] for style, others in zip(self.styles, companions, strict=True)]


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one evaluation, each multiplied by its weight, so that total = content + sum(style) + tv up to rounding.

    `style` has one entry per style: the style cost shared out by each style's own distance. Everything that shows or
    sends costs reads these fields, so a new term is a field here.
    """

    total: float
    content: float
    style: tuple[float, ...]
    tv: float

    def as_dict(self) -> dict[str, Any]:
        """In the order of the fields, `style` as a list."""
        return {**asdict(self), "style": list(self.style)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Costs:
        """What `as_dict` gave, also after the wire: numbers that it could not carry come as None and become NaN.

        Raises KeyError when a cost is missing, TypeError or ValueError when one is not a number.
        """
        costs = {one.name: values[one.name] for one in fields(cls)}
        style = tuple(_number(cost) for cost in costs.pop("style"))
        return cls(style=style, **{name: _number(cost) for name, cost in costs.items()})


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation done. `step` counts from 1 to `total_steps`; `level` from 1 (coarsest) to `levels`.

    `width`, `height` in px of the current level. `step_s` seconds of this evaluation, `elapsed_s` of painting so far
    (pauses excluded), `eta_s` left. `picture()` makes a copy of the current picture, on coarse levels
    enlarged with the content's detail; call it only inside the callback, and only when somebody wants it.
    """

    step: int
    total_steps: int
    level: int
    levels: int
    width: int
    height: int
    costs: Costs
    step_s: float
    elapsed_s: float
    eta_s: float
    picture: Callable[[], Picture]

    def numbers(self) -> dict[str, Any]:
        """What a progress message contains of a step: all but `levels` and the picture, the costs as a dict."""
        names = ("step", "total_steps", "level", "width", "height", "step_s", "elapsed_s", "eta_s")
        return {**{name: getattr(self, name) for name in names}, "costs": self.costs.as_dict()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a painter is going to do: final size in px, levels and steps, of which `step` are done already."""

    width: int
    height: int
    levels: int
    total_steps: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Live parameters that were taken up while painting: `params` (name to JSON value) after `step` evaluations."""

    step: int
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers of a checkpoint: float32, row by row. `data` may be the engine's own memory, which it never writes to."""

    shape: tuple[int, ...]
    data: memoryview


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A painting between two evaluations, from which it goes on bit-identically, also in another process.

    `header` is JSON-serialisable; of it others read `step`, the evaluations done. `duostyle.engine.checkpoint_format`
    makes bytes of it and back.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, Array]

    @property
    def step(self) -> int:
        """Evaluations done when it was taken."""
        return int(self.header["step"])


def _nothing() -> None:
    """What a check does where nothing else asks for the thread."""


@dataclass(slots=True)
class Control:
    """How a running painting is steered from another thread: cancel, pause and live parameters.

    Any thread may call it; the engine reads it in every evaluation. A change is merged with one that still waits.
    `on_check` is called by every check, on the engine thread: short calls need not wait for a large painting.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancel: threading.Event = field(default_factory=threading.Event)
    _pause: threading.Event = field(default_factory=threading.Event)
    _params: StyleParams | None = None
    _masks: tuple[Picture | None, ...] | None = None
    on_check: Callable[[], None] = _nothing

    def cancel(self) -> None:
        """End the painting at the next check, for good."""
        self._cancel.set()

    def pause(self) -> None:
        """Make `Painter.run` return False after the current evaluation."""
        self._pause.set()

    def resume(self) -> None:
        """Take back a pause; whoever paints calls `Painter.run` again."""
        self._pause.clear()

    def update(self, params: StyleParams, masks: tuple[Picture | None, ...] | None = None) -> None:
        """Paint on with these parameters (the whole set, already checked); `masks` None keeps the masks."""
        with self._lock:
            self._params = params
            if masks is not None:
                self._masks = masks

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancel.is_set()

    @property
    def paused(self) -> bool:
        """Whether `pause` was called and not taken back."""
        return self._pause.is_set()

    @property
    def update_waits(self) -> bool:
        """Whether an update was given that the engine has not taken up."""
        return self._params is not None

    def check(self) -> None:
        """Raises Cancelled when cancelled."""
        if self._cancel.is_set():
            raise Cancelled
        self.on_check()

    def take_update(self) -> tuple[StyleParams | None, tuple[Picture | None, ...] | None]:
        """The newest parameters and masks since the last call (None where unchanged)."""
        with self._lock:
            taken, self._params, self._masks = (self._params, self._masks), None, None
        return taken


class Painter(Protocol):
    """One painting in progress. All methods run on the engine thread."""

    @property
    def plan(self) -> Plan:
        """Sizes and steps as planned now; steps may change on the way."""
        ...

    def run(self, on_step: Callable[[Step], None]) -> bool:
        """Paint until done (True) or until `control.paused` (False; call again to go on exactly there).

        Calls `on_step` after every evaluation. Raises Cancelled when cancelled, EngineError or OutOfMemory when it
        cannot go on; afterwards `picture` still gives the best so far.
        """
        ...

    @property
    def step(self) -> int:
        """Evaluations done."""
        ...

    @property
    def began_with(self) -> StyleParams:
        """The parameters at the beginning, before any live change."""
        ...

    @property
    def changes(self) -> Sequence[Change]:
        """The live changes taken up so far, in order: painting anew with them gives the same picture."""
        ...

    def checkpoint(self) -> Checkpoint:
        """The state after the last whole evaluation. Also inside the callback and after Cancelled; takes no time."""
        ...

    def picture(self, *, deep: bool = False) -> Picture:
        """The best picture so far at the final size, with `deep` in 16 bits too; before the first step the start."""
        ...

    def report(self) -> Mapping[str, Any]:
        """About the result: `costs` (dict or None), `elapsed_s`, `evaluations`, `share` (one per style or None)."""
        ...


class Engine(Protocol):
    """The model's owner. `load` and `begin` run on the engine thread; `device` and `precision` may be read anywhere
    after `load`."""

    device: str
    precision: str

    def load(self) -> None:
        """Load weights and choose kernels, once per process. Raises WeightsError."""
        ...

    def trim(self) -> None:
        """Give back memory that no painting uses; called on the engine thread after one has failed."""
        ...

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> Painter:
        """Prepare a painting (targets, start), or go on from a checkpoint of the same pictures and parameters.

        Live parameters that differ from the checkpoint's are taken up as a change, before the next evaluation. Raises
        Cancelled, EngineError, OutOfMemory, CheckpointRefused.
        """
        ...

    def has_people(self, content: Picture) -> bool:
        """Whether there are people in the picture, so that parameters may ask for them. Raises EngineError."""
        ...

    def preview(self, request: Request, names: Sequence[Hashable], check: Callable[[], None]) -> Picture:
        """The instant picture: `params.size` px, made in one pass by a feed-forward network; also while another
        painting is in progress.

        `names` are names of the styles, one each: the engine remembers what it has seen of the last ones. `check` is
        called before every convolution and may raise. Raises EngineError, OutOfMemory, and BadRequest naming what the
        content lacks.
        """
        ...


def _number(cost: float | None) -> float:
    return math.nan if cost is None else float(cost)


def steering(painter: Painter) -> dict[str, Any] | None:
    """How a painting was steered, as JSON: `params` at the beginning and `changes`; None when it was not."""
    if not painter.changes:
        return None
    changes = [{"step": change.step, "params": dict(change.params)} for change in painter.changes]
    return {"params": painter.began_with.model_dump(mode="json"), "changes": changes}
