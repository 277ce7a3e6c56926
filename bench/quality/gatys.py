"""Plain Gatys runs, the rivals of a race: from the content, one level at full size, torch's own optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Method = Literal["adam", "lbfgs"]
METHODS: tuple[Method, ...] = ("adam", "lbfgs")
ADAM_RATE = 0.02
HISTORY = 10

# called after every evaluation: (number from 1, cost, picture [1, 3, h, w] in 0..1); True ends the run
Tell = Callable[[int, float, Tensor], bool]
Costs = Callable[[Tensor], Tensor]


class _Enough(Exception):
    """Ends a run from within an optimiser."""


def run(method: Method, costs: Costs, start: Tensor, tell: Tell) -> None:
    """Minimise `costs` from `start` [1, 3, h, w] until `tell` says that it is enough, or nothing moves any more."""
    x = start.clone().requires_grad_()
    try:
        (_adam if method == "adam" else _lbfgs)(costs, x, _Counter(tell))
    except _Enough:
        return


class _Counter:
    def __init__(self, tell: Tell) -> None:
        self._tell, self._count = tell, 0

    def __call__(self, cost: Tensor, x: Tensor) -> None:
        self._count += 1
        if self._tell(self._count, float(cost), x.detach().clamp(0, 1)):
            raise _Enough


def _adam(costs: Costs, x: Tensor, count: _Counter) -> None:
    optimizer = torch.optim.Adam([x], lr=ADAM_RATE)
    while True:
        optimizer.zero_grad()
        cost = costs(x)
        cost.backward()  # type: ignore[no-untyped-call]
        count(cost.detach(), x)
        optimizer.step()
        with torch.no_grad():
            x.clamp_(0, 1)


def _lbfgs(costs: Costs, x: Tensor, count: _Counter) -> None:
    optimizer = torch.optim.LBFGS(
        [x],
        lr=1,
        max_iter=10**6,
        history_size=HISTORY,
        # it would stop at gradients that are small only because the costs are relative
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        # clamped inside the cost: a line search needs costs that belong to its own points
        cost = costs(x.clamp(0, 1))
        cost.backward()  # type: ignore[no-untyped-call]
        count(cost.detach(), x)
        return cost

    optimizer.step(closure)  # type: ignore[no-untyped-call]
