"""How long an evaluation takes here: a model of the work, and what was measured against it. No tensors."""

from __future__ import annotations

from dataclasses import dataclass, field

from duostyle.engine.pyramid import Level

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
        self.count += 1
        self.seconds += max(1 / self.count, SLOW) * (seconds - self.seconds)


@dataclass
class Pace:
    """`seconds` per unit of `work` now; kept over paintings for a first guess.

    What is usual for each kind of level is kept apart, so that a level to come is judged by its own kind and by how
    fast the machine is now: its usual seconds times now over usual at the level at hand.
    """

    seconds: float = 6.0
    measured: bool = False
    usual: dict[Kind, Usual] = field(default_factory=dict)
    _at: Kind | None = None

    def learn(self, level: Level, seconds: float) -> None:
        """One evaluation at that level took that long."""
        rate = seconds / work(level)
        here = kind(level)
        # another kind of level: where it starts from is what is expected of it
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
