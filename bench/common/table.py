"""What every benchmark prints: medians, ratios of pairs and aligned tables. Pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours / theirs, pair by pair: a load that both of a pair met cancels out. Raises ValueError."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The least-squares slope of log seconds over log size: 1 when time is proportional to size."""
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    ).slope


def relative_errors(guesses: Sequence[float], truths: Sequence[float]) -> list[float]:
    """|guess - truth| / truth of each pair; all truths must be positive."""
    return [abs(guess - truth) / truth for guess, truth in zip(guesses, truths, strict=True)]


def medians(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    """The median of each named number over the rows that have it; names that no row has are left out."""
    found = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: statistics.median(values) for name, values in found.items() if values}


@dataclass(frozen=True)
class Column:
    """`digits` after the point for numbers; texts go to the left, numbers to the right."""

    name: str
    digits: int = 2
    width: int = 0


class Table:
    """Lines of a table whose columns are as wide as their heads ask for."""

    def __init__(self, *columns: Column) -> None:
        self.columns = columns

    def head(self) -> str:
        return self._join([column.name for column in self.columns], numbers=[False] * len(self.columns))

    def row(self, *cells: object) -> str:
        """One line; None prints as a dash. Raises ValueError when there are more or fewer cells than columns."""
        texts, numbers = [], []
        for column, cell in zip(self.columns, cells, strict=True):
            number = cell is None or isinstance(cell, int | float)
            numbers.append(number)
            texts.append("-" if cell is None else f"{cell:.{column.digits}f}" if isinstance(cell, float) else str(cell))
        return self._join(texts, numbers)

    def _join(self, texts: Sequence[str], numbers: Sequence[bool]) -> str:
        cells = []
        for column, text, number in zip(self.columns, texts, numbers, strict=True):
            width = max(column.width, len(column.name))
            cells.append(text.rjust(width) if number else text.ljust(width))
        return "  ".join(cells).rstrip()
