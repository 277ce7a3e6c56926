"""A painting of the preset `instant`: one pass of the feed-forward network, as one step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from duostyle.engine.api import Change, Checkpoint, Control, Costs, Plan, Request, Step
from duostyle.engine.checkpoint import changed_params
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.network.vgg import Network
from duostyle.engine.preview.instant import Instant
from duostyle.engine.pyramid import fit
from duostyle.engine.runtime import (
    engine_errors,
    to_alpha,
    to_mask,
    to_picture,
    to_style,
    to_tensor,
    with_alpha,
)
from duostyle.params import StyleParams
from duostyle.picture import Picture


def inputs_of(instant: Instant, network: Network, request: Request) -> Inputs:
    """The pictures of a request at their own sizes."""
    content = to_tensor(request.content, network.device)
    styles = [[to_style(picture) for picture in pictures] for pictures in request.collages]
    return Inputs(network, content, styles, masks_of(request.masks), instant.people)


def masks_of(masks: tuple[Picture | None, ...]) -> list[Tensor | None]:
    """Grey masks [1, 1, h, w] of pictures."""
    return [None if mask is None else to_mask(mask) for mask in masks]


class InstantPainter:
    """See `duostyle.engine.api.Painter`. `clock` counts seconds. Its costs are unknown: nothing is optimised."""

    def __init__(
        self, instant: Instant, network: Network, request: Request, control: Control, clock: Callable[[], float]
    ) -> None:
        self.instant, self.control, self.clock = instant, control, clock
        self.inputs = inputs_of(instant, network, request)
        self.alpha = to_alpha(request.content)
        self.params = self.began_with = request.params
        self.size = fit(request.content.width, request.content.height, request.params.size)
        self.changes: list[Change] = []
        self.painted: Tensor | None = None
        self.share: tuple[float, ...] | None = None
        self.elapsed_s = 0.0

    @property
    def step(self) -> int:
        """See `Painter.step`."""
        return 0 if self.painted is None else 1

    @property
    def plan(self) -> Plan:
        """See `Painter.plan`."""
        return Plan(*self.size, levels=1, total_steps=1, step=self.step)

    def run(self, on_step: Callable[[Step], None]) -> bool:
        """See `Painter.run`."""
        with engine_errors(), torch.inference_mode():
            self.control.check()
            self._take_update()
            if self.control.paused:
                return False
            if self.painted is None:
                begin = self.clock()
                painted = self.instant.paint(self.inputs, self.size, self.params, self.control.check)
                self.painted, self.elapsed_s = painted, self.clock() - begin
                if len(self.inputs.styles) > 1:
                    self.share = self.inputs.shares(painted)
                unknown = Costs(math.nan, math.nan, (math.nan,) * len(self.inputs.styles), math.nan)
                times_s = (self.elapsed_s, self.elapsed_s, 0.0)
                on_step(Step(1, 1, 1, 1, *self.size, unknown, *times_s, lambda: self._shown(painted)))
            return True

    def checkpoint(self) -> Checkpoint:
        """See `Painter.checkpoint`; there is nothing to go on from, so it is begun anew."""
        return Checkpoint({"step": 0}, {})

    def picture(self, *, deep: bool = False) -> Picture:
        """See `Painter.picture`."""
        with engine_errors(), torch.inference_mode():
            return self._shown(self.inputs.content if self.painted is None else self.painted, deep=deep)

    def report(self) -> dict[str, Any]:
        """See `Painter.report`."""
        share = None if self.share is None else list(self.share)
        return {"costs": None, "elapsed_s": self.elapsed_s, "evaluations": 0, "share": share}

    def _shown(self, x: Tensor, *, deep: bool = False) -> Picture:
        return with_alpha(to_picture(x, deep=deep), self.alpha)

    def _take_update(self) -> None:
        params, masks = self.control.take_update()
        while params is not None:
            self._change(params)
            if masks is not None:
                self.inputs.masks = masks_of(masks)
            params, masks = self.control.take_update()

    def _change(self, params: StyleParams) -> None:
        changed = changed_params(self.params, params)
        if changed:
            self.changes.append(Change(self.step, changed))
            self.params = params
