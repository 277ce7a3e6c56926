"""Part b: who is quicker at the same cost, and who is nearer to the style after the same seconds.

The plain runs go first. The lowest cost that each reaches in its evaluations is the mark that the engine has to reach.
Every picture, theirs and ours, is scored by the same plain function: whole, at full size, at all style layers, as the
8-bit picture that would be saved. Scoring is not counted as time. Both sides count what they need to know of content
and style before they begin, neither counts the loading of the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.common.stopwatch import Stopwatch
from bench.quality import gatys
from bench.quality.judge import Judge
from bench.quality.plain import PlainCosts, PlainNetwork
from bench.quality.variants import LARGEST_PX
from duostyle.engine.api import Cancelled, Control, Costs, Request, Step
from duostyle.engine.objective.objective import layer_weights
from duostyle.engine.pyramid import fit, resize
from duostyle.engine.runtime import to_picture, to_tensor
from duostyle.params import StyleParams, apply_changes, parse_params
from duostyle.picture import Picture

# before it goes on at full size, a continued run does only so much: the coarse levels minimise another function
FIRST_EVALUATIONS = 24
# from this ratio of its own cost to a mark on a picture is scored: the two differ by rounding
NEAR = 1.02


@dataclass
class Run:
    """`cost` (scored) came after `seconds` and `evaluations`: of a plain run the lowest, of ours the last.

    `picture_then` is the picture after the equal seconds, the last one that came within them, at `seconds_then`.
    `reached_s` has the seconds to each mark that was reached.
    """

    seconds: float = 0.0
    cost: float = math.inf
    evaluations: int = 0
    picture_then: Picture | None = None
    seconds_then: float = 0.0
    reached_s: dict[str, float] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """All but the picture, for a journal; the cost where there is one."""
        names = ("seconds", "evaluations", "seconds_then", "reached_s")
        found = {name: getattr(self, name) for name in names}
        return found | ({"cost": self.cost} if math.isfinite(self.cost) else {})


class Race:
    """One content and one style at `size` px. `params` holds what both sides paint by."""

    def __init__(self, judge: Judge, content: Path, style: Path, params: Mapping[str, Any], *, equal_s: float) -> None:
        self.judge = judge
        self.network = PlainNetwork.like(judge.network)
        self.content, self.style = judge.read(content), judge.read(style)
        self.params = parse_params(params, styles=1, max_size_px=LARGEST_PX)
        self.equal_s = equal_s
        self._scorer = self._costs()

    def score(self, picture: Picture) -> float:
        """The cost of a picture of the race's size."""
        with torch.no_grad():
            return float(self._scorer(to_tensor(picture)))

    def plain(self, method: gatys.Method, evaluations: int) -> Run:
        """A plain run of so many evaluations, or more until the equal seconds are over."""
        run, watch = Run(), Stopwatch()
        lowest, best = math.inf, None

        def tell(number: int, cost: float, x: torch.Tensor) -> bool:
            nonlocal lowest, best
            with watch.paused() as seconds:
                if number <= evaluations and cost < lowest:
                    lowest, best = cost, x.clone()
                    run.seconds, run.evaluations = seconds, number
                if seconds <= self.equal_s or run.picture_then is None:
                    run.picture_then, run.seconds_then = to_picture(x), seconds
                return number >= evaluations and seconds >= self.equal_s

        gatys.run(method, self._costs(), self._content_tensor(), tell)
        if best is not None:
            run.cost = self.score(to_picture(best))
        return run

    def ours(self, marks: Mapping[str, float]) -> Run:
        """The engine's run as the preset has it; each step of its finest level is held against the `marks`."""
        run = Run()

        def see(step: Step, seconds: float, control: Control) -> None:
            if seconds <= self.equal_s or run.picture_then is None:
                run.picture_then, run.seconds_then = step.picture(), seconds
            if marks and step.level == step.levels:
                self.hold_against(marks, run, step, seconds)

        self._paint(self.params, see)
        return run

    def ours_continued(self, marks: Mapping[str, float], most_evaluations: int) -> Run:
        """The engine on the plain runs' own function: no rim, all layers on every level, short coarse levels.

        It goes on at the finest until every mark is reached or so many evaluations are done in all.
        """
        run = Run()

        def see(step: Step, seconds: float, control: Control) -> None:
            left = [mark for name, mark in marks.items() if name not in run.reached_s]
            if step.step == step.total_steps or step.costs.total <= NEAR * max(left):
                self.hold_against(marks, run, step, seconds)
            if len(run.reached_s) == len(marks) or step.step >= most_evaluations:
                control.cancel()

        self._paint_bare(most_evaluations, see)
        return run

    def descent(self, evaluations: int) -> list[Costs]:
        """The engine's costs on the plain runs' own function, after each of so many evaluations at full size."""
        found: list[Costs] = []

        def see(step: Step, seconds: float, control: Control) -> None:
            found.append(step.costs)
            if len(found) >= evaluations:
                control.cancel()

        self._paint_bare(FIRST_EVALUATIONS + evaluations, see)
        return found

    def _paint_bare(self, most_evaluations: int, see: Callable[[Step, float, Control], None]) -> None:
        """`see` gets the steps at full size, of which there are enough for so many evaluations in all."""
        extended = False
        given = {"style_layer_weights": layer_weights(self.params), "iterations": FIRST_EVALUATIONS}
        params = self.params.model_copy(update=given)

        def extend(step: Step, seconds: float, control: Control) -> None:
            nonlocal extended
            if step.level < step.levels:
                return
            if not extended:
                more = {"iterations": max(most_evaluations, step.total_steps)}
                control.update(apply_changes(params, more, styles=1, max_size_px=LARGEST_PX))
                extended = True
            see(step, seconds, control)

        with self.judge.bare():
            self._paint(params, extend)

    def hold_against(self, marks: Mapping[str, float], run: Run, step: Step, seconds: float) -> None:
        """Score the picture of a step and note in `run` which marks it reaches."""
        run.cost, run.seconds, run.evaluations = self.score(step.picture()), seconds, step.step
        for name, mark in marks.items():
            if run.cost <= mark:
                run.reached_s.setdefault(name, seconds)

    def _paint(self, params: StyleParams, see: Callable[[Step, float, Control], None]) -> None:
        """`see` gets each step with the seconds so far; its own time is not counted."""
        control, watch = Control(), Stopwatch()
        painter = self.judge.engine.begin(Request(self.content, (self.style,), params), control)

        def on_step(step: Step) -> None:
            with watch.paused() as seconds:
                see(step, seconds, control)

        with suppress(Cancelled):
            painter.run(on_step)

    def measures(self, picture: Picture | None) -> dict[str, float]:
        """Patch distance and SSIM of a picture of the race; nothing of None."""
        if picture is None:
            return {}
        found = self.judge.measure(picture, self.content, self.style)
        return {name: found[name] for name in ("patch", "ssim")}

    def _content_tensor(self) -> torch.Tensor:
        size = fit(self.content.width, self.content.height, self.params.size)
        return resize(to_tensor(self.content), *size).clamp(0, 1)

    def _costs(self) -> PlainCosts:
        x = to_tensor(self.style)
        # never blown up: as the engine takes it too
        longest = min(self.params.size, max(self.style.width, self.style.height))
        style = resize(x, *fit(x.shape[3], x.shape[2], longest)).clamp(0, 1)
        return PlainCosts(self.network, self._content_tensor(), style, self.params)
