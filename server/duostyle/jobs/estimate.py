"""How long a job that waits will take, from what jobs of this process took. Pure.

Painting costs seconds per megapixel and step, so two numbers are learned: that rate (newer jobs count more), and how
many steps each preset came to. Nothing is guessed before something was measured.
"""

from __future__ import annotations

from duostyle.params import StyleParams

_NEW_SHARE = 0.5


class Estimate:
    def __init__(self) -> None:
        self._rate: float | None = None
        self._guess: float | None = None
        self._steps: dict[str, int] = {}

    def learn(self, params: StyleParams, *, megapixels: float, steps: int, seconds: float) -> None:
        """A job with a final picture of `megapixels` took `seconds` for `steps`."""
        if params.iterations is None:
            self._steps[params.preset] = steps
        if megapixels > 0 and steps > 0 and seconds > 0:
            rate = seconds / (megapixels * steps)
            self._rate = rate if self._rate is None else self._rate + _NEW_SHARE * (rate - self._rate)

    def preview(self, params: StyleParams, *, megapixels: float, steps: int, seconds: float) -> None:
        """The running job looks like taking `seconds` for `steps`: counts until a job has really ended."""
        if params.iterations is None:
            self._steps.setdefault(params.preset, steps)
        if megapixels > 0 and steps > 0 and seconds > 0:
            self._guess = seconds / (megapixels * steps)

    def seconds(self, params: StyleParams, *, megapixels: float) -> float | None:
        """For a whole job with a final picture of `megapixels`; None while unknown."""
        steps = params.iterations or self._steps.get(params.preset)
        rate = self._guess if self._rate is None else self._rate
        return None if rate is None or steps is None else rate * megapixels * steps


def final_megapixels(size_px: int, width: int, height: int) -> float:
    """Of a painting whose longest side is `size_px`, for content of `width` x `height` px."""
    return size_px * size_px * min(width, height) / max(width, height) / 1e6
