"""One painting: from the request through the levels to the result, one evaluation at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from duostyle.engine.api import Change, Checkpoint, CheckpointRefused, Control, Costs, Plan, Request, Step
from duostyle.engine.checkpoint import FORMAT, changed_params, digest, pack, refuse_other, unpack
from duostyle.engine.image.canvas import Canvas, Display
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.level import Beginning, Interruption, LevelPainter
from duostyle.engine.network.vgg import Network
from duostyle.engine.optim.base import Frozen
from duostyle.engine.preview.instant import Instant
from duostyle.engine.pyramid import plan_levels
from duostyle.engine.runtime import engine_errors, to_alpha, to_mask, to_style, to_tensor
from duostyle.engine.schedule import Pace, Schedule
from duostyle.params import StyleParams
from duostyle.picture import Picture

# what checkpoints call the level in progress
_LEVEL = "stage"


@dataclass(frozen=True)
class Shared:
    """What all paintings of one engine share. `pace` learns from each of them; `clock` gives seconds.

    A picture whose evaluation would need more than `budget_bytes` is evaluated in tiles. A checkpoint is continued only
    where `made_by` is unchanged; where that says that there is no `rim`, pictures have a glowing frame, see `canvas`.
    """

    network: Network
    instant: Instant
    pace: Pace
    clock: Callable[[], float]
    budget_bytes: int | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)


class TorchPainter:
    """One painting, prepared by the constructor; see `duostyle.engine.api.Painter`.

    Raises Cancelled, EngineError, OutOfMemory, and CheckpointRefused when the checkpoint is not of this request.
    """

    def __init__(
        self, shared: Shared, request: Request, control: Control, checkpoint: Checkpoint | None = None
    ) -> None:
        self.identity = {**shared.made_by, "format": FORMAT, "request": digest(request)}
        if checkpoint is not None:
            refuse_other(checkpoint.header, self.identity)
        self.shared = shared
        self.control = control
        self.params = self.began_with = request.params
        full = to_tensor(request.content, shared.network.device)
        self.canvas = Canvas(full.shape[3], full.shape[2], self.params.size, rim=shared.made_by.get("rim", True))
        levels = plan_levels(
            self.canvas.width,
            self.canvas.height,
            self.params.preset,
            self.params.iterations,
            # a client that sets layer weights wants exactly that cost, not a faster one
            full=self.params.style_layer_weights is not None,
        )
        self.schedule = Schedule(
            levels, preset=self.params.preset, styles=len(request.styles), fixed=self.params.iterations is not None
        )
        # nothing larger than the result is ever needed of the content
        content = self.canvas.fitted(full)
        styles = [[to_style(picture) for picture in pictures] for pictures in request.collages]
        self.inputs = Inputs(shared.network, content, styles, self._masks(request.masks), shared.instant.people)
        self.elapsed_s = 0.0
        self.costs: Costs | None = None
        self.share: tuple[float, ...] | None = None
        self.current: LevelPainter | None = None
        self.painted: Tensor | None = None
        self.changes: list[Change] = []
        self.display = Display(self.canvas, self.inputs, to_alpha(request.content))
        self.interruption = Interruption(control)
        if checkpoint is not None:
            self._thaw(checkpoint)
            # changes made after the checkpoint was taken
            self._change(request.params, None)

    @property
    def step(self) -> int:
        """See `Painter.step`."""
        return self.schedule.done

    @property
    def plan(self) -> Plan:
        """See `Painter.plan`."""
        return Plan(*self.canvas.picture, len(self.schedule.levels), self.schedule.total, self.schedule.done)

    def run(self, on_step: Callable[[Step], None]) -> bool:
        """See `Painter.run`."""
        with engine_errors(), torch.inference_mode():
            while True:
                self.control.check()
                self._take_update()
                if self.schedule.ended:
                    break
                if self.control.paused:
                    return False
                self._step(on_step)
            if self.share is None and len(self.inputs.styles) > 1:
                self.share = self.inputs.shares(self.canvas.crop(self._final()))
            return True

    def picture(self, *, deep: bool = False) -> Picture:
        """See `Painter.picture`."""
        with engine_errors(), torch.inference_mode():
            return self.display.picture(self._final(), self.params, deep=deep)

    def checkpoint(self) -> Checkpoint:
        """See `Painter.checkpoint`."""
        header: dict[str, Any] = {
            **self.identity,
            "step": self.schedule.done,
            "schedule": self.schedule.freeze(),
            "began_with": self.began_with.model_dump(mode="json"),
            "params": self.params.model_dump(mode="json"),
            "changes": [{"step": change.step, "params": dict(change.params)} for change in self.changes],
            "elapsed_s": self.elapsed_s,
            "pace_s": self.shared.pace.seconds,
            "costs": None if self.costs is None else self.costs.as_dict(),
            _LEVEL: None,
        }
        tensors: dict[str, Tensor] = {} if self.painted is None else {"painted": self.painted}
        # inside the callback of a level's last step its painter still exists but is no longer used
        if self.current is not None and self.schedule.left_here > 0:
            frozen = self.current.freeze()
            header[_LEVEL] = frozen.numbers
            tensors |= {f"{_LEVEL}.{name}": tensor for name, tensor in frozen.tensors.items()}
        return pack(header, tensors)

    def report(self) -> dict[str, Any]:
        """See `Painter.report`."""
        return {
            "costs": None if self.costs is None else self.costs.as_dict(),
            "elapsed_s": self.elapsed_s,
            "evaluations": self.schedule.done,
            "share": None if self.share is None else list(self.share),
        }

    def _step(self, on_step: Callable[[Step], None]) -> None:
        start = self.shared.clock()
        if self.current is None:
            self.current = self._level_painter(self.painted)
        begin = self.shared.clock()
        current, level, number = self.current, self.schedule.level, self.schedule.at + 1
        costs = self.interruption.attempt(current.step)
        if costs is None:
            self.elapsed_s += self.shared.clock() - start
            return
        self.costs = costs
        self.painted = current.picture
        now = self.shared.clock()
        self.elapsed_s += now - start
        self.shared.pace.learn(level, now - begin)
        done = self.schedule.count(current.best_costs)
        picture, params = current.picture, self.params
        width, height = self.canvas.picture_at(level.width, level.height)
        on_step(
            Step(
                step=self.schedule.done,
                total_steps=self.schedule.total,
                level=number,
                levels=len(self.schedule.levels),
                width=width,
                height=height,
                costs=costs,
                step_s=now - start,
                elapsed_s=self.elapsed_s,
                eta_s=self.schedule.eta_s(self.shared.pace),
                picture=lambda: self._shown(picture, params),
            )
        )
        if done:
            self.schedule.advance()
            self.current = None

    def _final(self) -> Tensor:
        return self.display.at_full_size(self.painted, self.schedule.levels[-1], self.params)

    def _shown(self, picture: Tensor, params: StyleParams) -> Picture:
        return self.display.picture(self.display.enlarged(picture, self.schedule.levels, params), self.params)

    def _take_update(self) -> None:
        params, masks = self.control.take_update()
        while params is not None:
            self._change(params, masks)
            # a replay may have several changes at once
            params, masks = self.control.take_update()

    def _change(self, params: StyleParams, masks: tuple[Picture | None, ...] | None) -> None:
        changed = changed_params(self.params, params)
        if not changed:
            # forgetting what the optimiser has learnt would change the picture, at a moment that cannot be reproduced
            return
        self.changes.append(Change(self.schedule.done, changed))
        asked, self.params = self.params.iterations, params
        if masks is not None:
            self.inputs.masks = self._masks(masks)
        if params.iterations is not None and params.iterations != asked and not self.schedule.ended:
            self.schedule.replan(params.iterations)
            if self.schedule.left_here == 0:
                self.schedule.advance()
                self.current = None
        if self.current is not None:
            self.current.tune(params)

    def _thaw(self, checkpoint: Checkpoint) -> None:
        """Go on where the checkpoint was taken. Raises CheckpointRefused, and what preparing a level raises."""
        header = checkpoint.header
        try:
            tensors = unpack(checkpoint, self.shared.network.device)
            self.schedule.thaw(header["schedule"])
            self.began_with = StyleParams.model_validate(header["began_with"])
            self.params = StyleParams.model_validate(header["params"])
            self.changes = [Change(int(change["step"]), dict(change["params"])) for change in header["changes"]]
            self.elapsed_s = float(header["elapsed_s"])
            self.costs = None if header["costs"] is None else Costs.of(header["costs"])
            self.painted = tensors.pop("painted", None)
            numbers, level = header[_LEVEL], self.schedule.level
            if any(x.shape != (1, 3, level.height, level.width) for x in tensors.values()):
                raise CheckpointRefused("the checkpoint has a different size")
            self.shared.pace.adopt(float(header["pace_s"]))
            if numbers:
                optimizer = {name.removeprefix(f"{_LEVEL}."): x for name, x in tensors.items()}
                self.current = self._level_painter(Frozen(numbers, optimizer))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointRefused("the checkpoint cannot be read") from error

    def _level_painter(self, start: Tensor | Frozen | None) -> LevelPainter:
        check, budget_bytes = self.interruption.check, self.shared.budget_bytes
        level, params = self.schedule.level, self.params
        if start is None and params.init == "preview":
            preview = self.shared.instant.paint(self.inputs, (level.width, level.height), params, check)
            return LevelPainter(self.inputs, level, params, Beginning(preview), check, budget_bytes)
        return LevelPainter(self.inputs, level, params, Beginning() if start is None else start, check, budget_bytes)

    def _masks(self, masks: tuple[Picture | None, ...]) -> list[Tensor | None]:
        """Grey masks of the whole canvas, [1, 1, h, w] each."""
        return [None if mask is None else self.canvas.stretch(to_mask(mask)) for mask in masks]
