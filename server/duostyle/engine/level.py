"""One level in progress: its targets, its optimiser, and the best picture so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from duostyle.engine.api import Control, Costs
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.engine.objective.phases import Phases
from duostyle.engine.objective.tiling import tile_side
from duostyle.engine.optim.adam import Adam
from duostyle.engine.optim.base import Frozen, Optimizer
from duostyle.engine.optim.lbfgs import Lbfgs, history_for
from duostyle.engine.pyramid import Level, climb_from
from duostyle.params import StyleParams

# standard deviation of the noise that a painting starts with, in units of 0..1
TRACE = 0.01

T = TypeVar("T")


class _Interrupted(Exception):
    """A live change came."""


class Interruption:
    """Ends an evaluation early for the sake of a live change, which would otherwise wait for its end.

    Evaluations of large pictures take many seconds, and the result of one that began before the change is useless.
    Never two in a row: changes that keep coming must not stop all progress.
    """

    def __init__(self, control: Control) -> None:
        self.interrupted = False
        self._control = control
        self._allowed = False

    def check(self) -> None:
        """Must be called often during an evaluation. Raises Cancelled when cancelled."""
        self._control.check()
        if self._allowed and self._control.update_waits:
            raise _Interrupted

    def attempt(self, evaluate: Callable[[], T]) -> T | None:
        """The result of `evaluate`, or None when a change came meanwhile, without any effect."""
        self._allowed = not self.interrupted
        try:
            found = evaluate()
        except _Interrupted:
            self.interrupted = True
            return None
        finally:
            self._allowed = False
        self.interrupted = False
        return found


@dataclass(frozen=True)
class Beginning:
    """Nothing is painted yet. `preview` [1, 3, h, w] is the instant picture at this size, where `init` asks for it."""

    preview: Tensor | None = None


class LevelPainter:
    """Paints one level, an evaluation a step. The constructor prepares: it looks at content and styles at this size.

    `start` is the painting of the level below, [1, 3, h, w] in 0..1; or a beginning, to start from what `params.init`
    says; or what an earlier painter of the same level froze, to go on from there. `check` is called before every
    convolution and may raise to stop in the middle. A picture that would need more than `budget_bytes` is evaluated in
    tiles.
    """

    def __init__(
        self,
        inputs: Inputs,
        level: Level,
        params: StyleParams,
        start: Tensor | Frozen | Beginning,
        check: Callable[[], None],
        budget_bytes: int | None = None,
    ) -> None:
        tile_px = None if budget_bytes is None else tile_side(level.height, level.width, budget_bytes)
        self.inputs = inputs
        self.level = level
        self.content = inputs.content_at(level)
        styles = inputs.styles_at(level, params)
        self.base = inputs.base(self.content, styles, params)
        self.extractor = Extractor(inputs.network, check, tile_px)
        layers = level.depth.style_layers(params)
        self.moments = [dict(self.extractor.collage_moments(style, layers)) for style in styles]
        self.params = params
        self.phases = Phases(self._objective, self.content, inputs.guides(level, params))
        self.costs: Costs | None = None
        self.best_costs: list[float] = []
        if isinstance(start, Frozen):
            self.optimizer = make_optimizer(params.optimizer, start.tensors["x"], params.style_weight)
            self._thaw(start)
            return
        if isinstance(start, Beginning):
            x = self._first_picture(params, start.preview)
        else:
            x = climb_from(start, self.base, params)
        self.optimizer = make_optimizer(params.optimizer, x, params.style_weight)

    @property
    def picture(self) -> Tensor:
        """The best picture evaluated so far, [1, 3, h, w] in 0..1; the start before the first step."""
        return self.optimizer.best

    def step(self) -> Costs:
        """One evaluation and one move; the costs of the best picture so far. Raises what `check` raises, and
        FloatingPointError when the first cost is not finite."""
        before = self.optimizer.best_cost
        evaluation = self.phases.evaluate(self.optimizer.x)
        self.optimizer.tell(evaluation.costs.total, evaluation.gradient)
        if self.costs is None or self.optimizer.best_cost < before:
            self.costs = evaluation.costs
        self.best_costs.append(self.optimizer.best_cost)
        return self.costs

    def freeze(self) -> Frozen:
        """What cannot be worked out again from the inputs and the parameters in force."""
        optimizer = self.optimizer.freeze()
        costs = None if self.costs is None else self.costs.as_dict()
        numbers = {"costs": costs, "best_costs": list(self.best_costs), "evaluations": self.phases.done}
        return Frozen(numbers | {"optimizer": dict(optimizer.numbers)}, optimizer.tensors)

    def tune(self, params: StyleParams) -> None:
        """Take up new live parameters: the targets stay, the optimiser starts anew from the current picture."""
        layers = [layer for layer in self.level.depth.style_layers(params) if layer not in self.moments[0]]
        if layers:
            # the styles at layers that only the new parameters ask for
            styles = self.inputs.styles_at(self.level, params)
            for known, style in zip(self.moments, styles, strict=True):
                known.update(self.extractor.collage_moments(style, layers))
        self.params = params
        self.phases.tune(params, self.inputs.guides(self.level, params))
        self.optimizer.restart()
        self.costs = None
        self.best_costs = []

    def _thaw(self, frozen: Frozen) -> None:
        numbers = frozen.numbers
        self.optimizer.thaw(Frozen(numbers["optimizer"], frozen.tensors))
        self.costs = None if numbers["costs"] is None else Costs.of(numbers["costs"])
        self.best_costs = list(numbers["best_costs"])
        # the first checkpoints did not count
        self.phases.done = int(numbers.get("evaluations", 0))

    def _objective(self, content: Tensor, guides: Sequence[Tensor]) -> Objective:
        return Objective(self.extractor, content, self.moments, self.params, guides, self.level.depth)

    def _first_picture(self, params: StyleParams, preview: Tensor | None) -> Tensor:
        if params.init == "noise":
            generator = torch.Generator().manual_seed(params.seed)
            return torch.rand(self.content.shape, generator=generator).to(self.content.device)
        if params.init == "content":
            return self.content
        if params.init == "preview" and preview is not None:
            return preview
        # in a picture of one colour the gradient is the same everywhere; a trace of noise breaks the symmetry
        generator = torch.Generator().manual_seed(params.seed)
        trace = TRACE * torch.randn(self.content.shape, generator=generator).to(self.content.device)
        candidates = [(picture + trace).clamp(0, 1) for picture in (self.base, self.content)]
        costs = [self.phases.objective.cost(x) for x in candidates]
        return candidates[costs.index(min(costs))]


def make_optimizer(name: str, x: Tensor, style_weight: float) -> Optimizer:
    """The optimiser `lbfgs` or `adam`, starting at x [1, 3, h, w] in 0..1."""
    if name == "adam":
        # with weak styles the content dominates, and large first steps disturb it
        return Adam(x, rate=0.01 if style_weight <= 3 else 0.02)
    return Lbfgs(x, history=history_for(x))
