"""The objective by turns at both parities of the first pooling, so that no pixel is treated differently for its place.

The network takes means of 2 x 2 values at even places. Its gradient therefore differs systematically between pixels at
even and at odd places, which a few steps of an optimiser leave in the picture as a faint weave. Departure from Gatys et
al. 2016: every other evaluation looks at the picture moved by one pixel to the right and below, so the differences
cancel. The cost is the same up to the border, which goes around and lies in the canvas's rim. Measured in
docs/tuning-log.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from duostyle.engine.objective.objective import Evaluation, Objective
from duostyle.params import StyleParams

# In a picture with a shorter side the moved border changes the cost by some percent, too much for L-BFGS's safeguard.
LEAST_PX = 200

# an objective for a content [1, 3, h, w] and guides [1, 1, h, w] each
MakeObjective = Callable[[Tensor, Sequence[Tensor]], Objective]


class AlternatingObjective:
    """Evaluates by turns as it is and moved; `done` counts the evaluations, so that it can go on where it was.

    `make` gives the objective of a content [1, 3, h, w] and its guides; a second one, of the moved content, is made
    when its turn comes. A picture with a side below `least_px` is always evaluated as it is.
    """

    def __init__(
        self, make: MakeObjective, content: Tensor, guides: Sequence[Tensor], *, least_px: int = LEAST_PX
    ) -> None:
        self.unmoved = make(content, guides)
        self.done = 0
        self._make, self._content, self._guides = make, content, guides
        self._moved: Objective | None = None
        self._by_turns = min(content.shape[2:]) >= least_px

    def evaluate(self, x: Tensor) -> Evaluation:
        """Costs and gradient at x [1, 3, h, w] in 0..1. Raises what the objective's `check` raises; the turn stays."""
        evaluation = self._evaluate_moved(x) if self._by_turns and self.done % 2 else self.unmoved.evaluate(x)
        self.done += 1
        return evaluation

    def tune(self, params: StyleParams, guides: Sequence[Tensor]) -> None:
        """Take up new live parameters and guides."""
        self._guides = guides
        self.unmoved.tune(params, guides)
        if self._moved is not None:
            self._moved.tune(params, [moved(guide) for guide in guides])

    def _evaluate_moved(self, x: Tensor) -> Evaluation:
        if self._moved is None:
            self._moved = self._make(moved(self._content), [moved(guide) for guide in self._guides])
        evaluation = self._moved.evaluate(moved(x))
        return replace(evaluation, gradient=moved(evaluation.gradient, -1))


def moved(x: Tensor, by_px: int = 1) -> Tensor:
    """x [1, c, h, w] moved to the right and below; what leaves on one side comes back on the other."""
    return torch.roll(x, (by_px, by_px), (2, 3))
