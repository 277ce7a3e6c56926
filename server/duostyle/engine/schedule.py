"""Which level is painted, how many steps are left, and how long that takes. Pure arithmetic, no tensors.

`Pace` learns the seconds of an evaluation, `Schedule` counts the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from duostyle.engine.pyramid import PRESETS, Depth, Level, split_steps

# an evaluation of no pixels at all still costs what this many megapixels cost: kernels to transform, calls to make
OVERHEAD_MEGAPIXELS = 0.008
# how much one measurement counts: for the speed of the moment, and for what is usual here
QUICK = 0.3
SLOW = 0.05

Kind = tuple[str, int]


def work(level: Level) -> float:
    """What one evaluation costs, in evaluations of the whole network at one megapixel."""
    return level.depth.effort * (level.megapixels + OVERHEAD_MEGAPIXELS)


def kind(level: Level) -> Kind:
    """Levels of one depth and about one size (within a factor of two in pixels) run at one speed."""
    return level.depth.deepest, round(level.megapixels * 1e6).bit_length()


@dataclass
class Usual:
    """The mean of what was measured for one kind of level; old measurements fade."""

    seconds: float = 0.0
    count: int = 0

    def learn(self, seconds: float) -> None:
        """One more measurement."""
        self.count += 1
        self.seconds += max(1 / self.count, SLOW) * (seconds - self.seconds)


@dataclass
class Pace:
    """`seconds` per unit of `work` now; kept over paintings for a first guess.

    What is usual for each kind of level is kept apart, so that a level to come is judged by its own kind and by how
    fast the machine is now: its usual seconds times the ratio of now to usual at the current level.
    """

    seconds: float = 6.0
    measured: bool = False
    usual: dict[Kind, Usual] = field(default_factory=dict)
    _at: Kind | None = None

    def learn(self, level: Level, seconds: float) -> None:
        """One evaluation at that level took that long."""
        rate = seconds / work(level)
        here = kind(level)
        # another kind of level: it starts from the expected value
        self.seconds = self._expected(here)
        self._at = here
        self.seconds = self.seconds + QUICK * (rate - self.seconds) if self.measured else rate
        self.usual.setdefault(here, Usual()).learn(rate)
        self.measured = True

    def adopt(self, seconds: float) -> None:
        """What an earlier process has learnt, unless this one knows better."""
        if not self.measured:
            self.seconds = seconds

    def step_s(self, level: Level) -> float:
        """Seconds that one evaluation at that level will take."""
        return self._expected(kind(level)) * work(level)

    def _expected(self, there: Kind) -> float:
        if self._at is None or there not in self.usual or self._at not in self.usual:
            return self.seconds
        return self.seconds * self.usual[there].seconds / max(self.usual[self._at].seconds, 1e-12)


# a forward pass over a style or the content costs about this much of an evaluation of the same size
FORWARD_SHARE = 0.45
# the content is looked at twice, see `duostyle.engine.objective.phases`
CONTENTS = 2
# the stopping rule looks back this many steps, and never stops a level before MIN_STEPS
LOOK_BACK = 5
MIN_STEPS = 8


class Schedule:
    """The levels with their steps: done, left, and changed on the way.

    `at` counts from 0 and is `len(levels)` at the end. `styles` is the number of styles (1..4): each needs one
    forward pass per level. `fixed` means that the client gave the number of steps, so no level ends early.
    """

    def __init__(self, levels: Sequence[Level], *, preset: str, styles: int, fixed: bool) -> None:
        self.levels = list(levels)
        self.steps = [level.steps for level in levels]
        self.preset = PRESETS[preset]
        self.styles = styles
        self.fixed = fixed
        self.at = 0
        self.done_here = 0
        self.done = 0

    @property
    def ended(self) -> bool:
        """Whether all levels are done."""
        return self.at >= len(self.levels)

    @property
    def level(self) -> Level:
        """The current level (the finest once all are done)."""
        return self.levels[min(self.at, len(self.levels) - 1)]

    @property
    def left_here(self) -> int:
        """Steps left on the current level."""
        return 0 if self.ended else max(0, self.steps[self.at] - self.done_here)

    @property
    def total(self) -> int:
        """Steps in all: those done and those still planned."""
        return self.done + self.left_here + sum(self.steps[self.at + 1 :])

    def count(self, best_costs: Sequence[float]) -> bool:
        """One step is done; `best_costs` are the best total costs after each step of this level. True: level done."""
        self.done_here += 1
        self.done += 1
        if self.left_here > 0 and self._stalled(best_costs):
            self.steps[self.at] = self.done_here
        return self.left_here == 0

    def advance(self) -> None:
        """Go to the next level that has steps, or to the end."""
        self.at += 1
        self.done_here = 0
        while not self.ended and self.steps[self.at] == 0:
            self.at += 1

    def freeze(self) -> dict[str, Any]:
        """All of it, JSON-serialisable: what is done, what is left, and the levels as they were planned."""
        return {
            "sizes": [(level.width, level.height) for level in self.levels],
            "depths": [(level.depth.deepest, level.depth.content_factor) for level in self.levels],
            "steps": list(self.steps),
            "fixed": self.fixed,
            "at": self.at,
            "done_here": self.done_here,
            "done": self.done,
        }

    def thaw(self, frozen: Mapping[str, Any]) -> None:
        """Go on as the one that was frozen. Raises KeyError, TypeError or ValueError for what `freeze` never gave."""
        self.steps = [int(steps) for steps in frozen["steps"]]
        sizes = [(int(width), int(height)) for width, height in frozen["sizes"]]
        depths = [Depth(str(deepest), float(factor)) for deepest, factor in frozen["depths"]]
        parts = zip(sizes, self.steps, depths, strict=True)
        self.levels = [Level(*size, steps, depth) for size, steps, depth in parts]
        self.fixed = bool(frozen["fixed"])
        self.at, self.done_here, self.done = (int(frozen[name]) for name in ("at", "done_here", "done"))
        if not self.ended and self.left_here == 0:
            # frozen after a level's last step and before the next level
            self.advance()

    def replan(self, iterations: int) -> None:
        """A new total number of steps: what is left is split over the levels left, too few go to the finest ones."""
        self.fixed = True
        left = max(0, iterations - self.done)
        weights = [self.left_here, *self.steps[self.at + 1 :]]
        count = min(len(weights), left)
        shares = split_steps([max(1, weight) for weight in weights[len(weights) - count :]], left) if count else []
        shares = [0] * (len(weights) - count) + shares
        self.steps[self.at] = self.done_here + shares[0]
        self.steps[self.at + 1 :] = shares[1:]

    def eta_s(self, pace: Pace) -> float:
        """Seconds left: steps, and the passes over content and styles with which each later level begins."""
        left = self.left_here * pace.step_s(self.level)
        for level, steps in zip(self.levels[self.at + 1 :], self.steps[self.at + 1 :], strict=True):
            left += pace.step_s(level) * (steps + FORWARD_SHARE * (self.styles + CONTENTS)) if steps else 0.0
        return left

    def _stalled(self, best_costs: Sequence[float]) -> bool:
        if self.fixed or self.done_here < MIN_STEPS or len(best_costs) <= LOOK_BACK:
            return False
        least = self.preset.stop_finest if self.at == len(self.levels) - 1 else self.preset.stop
        before, now = best_costs[-1 - LOOK_BACK], best_costs[-1]
        return before - now < least * before
