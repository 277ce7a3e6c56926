"""How strongly the cost curves at each spatial frequency of a picture, learnt from the steps that were taken.

The cost curves very differently along fine detail and large forms: a long step for the one is a short one for the
other. L-BFGS (Nocedal and Wright 2006, section 7.2) begins each direction with one number for all of them. Departure:
here it is one number per third of an octave, a diagonal in Fourier space. That is symmetric and positive definite, as
it has to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

BANDS_PER_OCTAVE = 3
# how much of what was learnt before remains after another step
MEMORY = 0.8
# curvatures beyond these multiples of the median were seen too little to be believed
FLATTEST, STEEPEST = 0.3, 3.0
# steps until what was learnt counts in full: the first ones reflect mostly where the painting began
TRUSTED_AFTER = 3


class Spectrum:
    """The curvature per band of frequencies of pictures [1, c, height, width], whose channels share what is learnt."""

    def __init__(self, height: int, width: int, device: torch.device | None = None) -> None:
        # pictures with zeros beside and below: that changes little and leaves the division symmetric and positive
        self.padded = (fast_length(height), fast_length(width))
        down = torch.fft.fftfreq(self.padded[0], device=device).view(-1, 1)
        across = torch.fft.rfftfreq(self.padded[1], device=device).view(1, -1)
        # periods per longest side, 0 for the mean
        periods = max(height, width) * torch.sqrt(down.square() + across.square())
        bands = (BANDS_PER_OCTAVE * periods.clamp(min=1).log2()).int()
        self.size = (height, width)
        self.band = bands  # [padded height, padded width // 2 + 1]
        self.bands = int(bands.max()) + 1
        # real pictures have each column twice, but for the first and, of an even width, the last
        twice = torch.full((across.shape[1],), 2.0, device=device)
        twice[0] = 1
        if self.padded[1] % 2 == 0:
            twice[-1] = 1
        self._twice = twice
        self.forget()

    @property
    def known(self) -> bool:
        """Whether anything was learnt yet."""
        return self._learnt > 0

    def forget(self) -> None:
        """The costs have changed."""
        self._learnt = 0
        self._products: list[float] = []
        self._squares: list[float] = []
        self._changes: list[float] = []

    def learn(self, step: Tensor, change: Tensor) -> None:
        """After a `step` [1, c, h, w] of the picture the gradient has changed by `change` [1, c, h, w]."""
        planes = torch.zeros(3, *self.band.shape, device=step.device)
        # one colour after the other: for a very large picture three spectra of it at once are a lot of memory
        for one, other in zip(step[0], change[0], strict=True):
            a, b = self._transform(one), self._transform(other)
            planes[0] += a.real * b.real + a.imag * b.imag
            planes[1] += a.real.square() + a.imag.square()
            planes[2] += b.real.square() + b.imag.square()
        products, squares, self._changes = (self._sum(plane) for plane in planes)
        self._learnt += 1
        if self._learnt == 1:
            self._products, self._squares = products, squares
            return
        self._products = [MEMORY * old + new for old, new in zip(self._products, products, strict=True)]
        self._squares = [MEMORY * old + new for old, new in zip(self._squares, squares, strict=True)]

    def curvatures(self) -> list[float]:
        """One per band, relative to their median; ones before anything was learnt or when nothing curves upwards."""
        found = [
            product / square if square > 0 else 0.0
            for product, square in zip(self._products, self._squares, strict=True)
        ]
        upwards = sorted(value for value in found if value > 0 and math.isfinite(value))
        if not upwards:
            return [1.0] * self.bands
        median = upwards[len(upwards) // 2]
        trust = min(1.0, self._learnt / TRUSTED_AFTER)
        # NaN compares as false, so it counts as flat
        return [min(max(FLATTEST, value / median), STEEPEST) ** trust for value in found]

    def flatten(self, direction: Tensor, curvature: float | None = None) -> Tensor:
        """`direction` [1, c, h, w] divided by the curvature of each band.

        `curvature` is s.y of the last step s and the change y of the gradient on it. With it the result is also scaled
        by s.y / y.Dy, where D is this very division; equation 7.20 has the identity in its place.
        """
        bands = torch.tensor(self.curvatures(), device=direction.device)
        steepness = bands[self.band]
        flat = torch.empty_like(direction)
        for plane, found in zip(direction[0], flat[0], strict=True):
            whole = torch.fft.irfft2(self._transform(plane).div_(steepness), s=self.padded)
            found.copy_(whole[: self.size[0], : self.size[1]])
        changes = sum(change / band for change, band in zip(self._changes, bands.tolist(), strict=False))
        if curvature is None or changes <= 0:
            return flat
        return flat.mul_(curvature * self.padded[0] * self.padded[1] / changes)

    def freeze(self) -> dict[str, Any]:
        """What was learnt, JSON-serialisable."""
        sums = {"products": self._products, "squares": self._squares, "changes": self._changes}
        return {"learnt": self._learnt, **sums}

    def thaw(self, frozen: Mapping[str, Any]) -> None:
        """Go on with what was learnt. Raises KeyError, TypeError or ValueError for what `freeze` never gave."""
        self._learnt = int(frozen["learnt"])
        self._products, self._squares, self._changes = (
            self._numbers(frozen[name]) for name in ("products", "squares", "changes")
        )

    def _numbers(self, given: Sequence[Any]) -> list[float]:
        numbers = [float(value) for value in given]
        if len(numbers) != (self.bands if self._learnt > 0 else 0):
            raise ValueError("the spectrum has a different size")
        return numbers

    def _transform(self, plane: Tensor) -> Tensor:
        """A plane [h, w] -> its spectrum, of the same shape as `band`."""
        spectrum: Tensor = torch.fft.rfft2(plane, s=self.padded)
        return spectrum

    def _sum(self, plane: Tensor) -> list[float]:
        """Sums over each band of a plane of the same shape as `band`."""
        sums = torch.zeros(self.bands, device=plane.device, dtype=torch.float64)
        found: list[float] = sums.index_add_(0, self.band.flatten(), (plane * self._twice).flatten().double()).tolist()
        return found


def fast_length(length: int) -> int:
    """The least number from `length` (>= 1) on that has no prime factor above 7: other transforms take three times as
    long."""
    while _rough(length):
        length += 1
    return length


def _rough(number: int) -> bool:
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number > 1
