"""The paper's Algorithm 1, min-risk searching, in the readings that its text admits.

The printed algorithm has four defects, kept as they are:

1. Line 2 takes R(L - |M|) for the lower bound, valid is R(L - |M| + 1).
2. Line 8 tests the sum of R_f / (p - R_c) although line 10 gives out max(., 1) and so may overspend.
3. Rounding up may still spend less than L; then line 17, ``while theta != 0``, removes for ever.
4. Line 20 removes where the device's own loss R(l - 1) - R(l) is least, although the text says that it minimises the
   drop of the worst device.

Source: Zhou and Zhang (FOCI), Appendix A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mecbench.problems.p_edge import Instance, Solution
from mecbench.problems.p_edge.physics import cost
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_edge.greedy_marginal import Edge, spend

__all__ = ["Algorithm1", "algorithms"]

Reading = Literal["literal", "minmax"]


@dataclass(frozen=True)
class Algorithm1:
    """Min-risk searching; with ``reading=minmax,fix=1`` it is exact for every `eps`, with ``literal`` it is not.

    Attributes
    ----------
    reading
        What line 20 minimises: the device's own loss (``literal``, as printed) or its resulting cost (``minmax``, as
        the text around it says).
    fix
        Spend greedily what rounding leaves over, where the printed loop would not end; without it, stop there.
    eps
        Relative step of the grid of thresholds, above 0.
    """

    name: ClassVar[str] = "algorithm-1"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    reading: Reading = "literal"
    fix: bool = True
    eps: Annotated[float, Field(gt=0)] = 1e-3

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; ties go to the lowest index, the seed is not used.

        The outcome's metrics hold ``would_not_end`` (1 where the printed loop has no end) and ``off_grid`` (1 where no
        threshold of the grid passes line 8, so that the printed algorithm has no solution; the upper bound, which
        always passes, is taken).
        """
        allocation, would_not_end, off_grid = self.allocate(instance, budget)
        metrics = {"would_not_end": float(would_not_end), "off_grid": float(off_grid)}
        return Outcome(Solution(allocation=allocation), status="feasible", metrics=metrics)

    def allocate(self, edge: Edge, budget: Budget) -> tuple[np.ndarray, bool, bool]:
        """Allocation l, int64, shape [M], whether the printed loop has no end, and whether no threshold of the grid passes line 8."""
        threshold, off_grid = self._search(edge)
        allocation = np.ceil(_continuous(edge, threshold)).astype(np.int64)
        surplus = int(allocation.sum()) - edge.multiprocessors
        if surplus > 0:
            self._remove(edge, allocation, surplus)
        elif self.fix:
            spend(edge, allocation, budget)
        return allocation, surplus < 0, off_grid

    def _search(self, edge: Edge) -> tuple[float, bool]:
        """Find the least threshold of the grid that passes line 8 (lines 1-14), by bisection."""
        fixed, shared = edge.fixed_cost, edge.shared_cost
        # L = |M| leaves line 2 without a value; there everybody gets one multiprocessor.
        lower = float(cost(fixed, shared, np.array(max(edge.multiprocessors - edge.fixed_cost.size, 1))).max())
        upper = float((fixed + shared).max())
        below, steps = -1, math.floor(math.log(upper / lower) / math.log1p(self.eps))
        above = steps + 1
        while above - below > 1:
            middle = (below + above) // 2
            if _passes(edge, lower * (1.0 + self.eps) ** middle):
                above = middle
            else:
                below = middle
        return (upper, True) if above > steps else (lower * (1.0 + self.eps) ** above, False)

    def _remove(self, edge: Edge, allocation: np.ndarray, surplus: int) -> None:
        """Take multiprocessors back one by one (lines 16-22), in place."""
        fixed, shared = edge.fixed_cost, edge.shared_cost
        for _ in range(surplus):
            risk = cost(fixed, shared, allocation - 1)  # infinite, hence excluded, for a device that has only one
            if self.reading == "literal":
                risk = risk - cost(fixed, shared, allocation)
            allocation[np.argmin(risk)] -= 1


def _continuous(edge: Edge, threshold: float) -> np.ndarray:
    """Shares max(R_f / (p - R_c), 1) of line 10, shape [M]."""
    return np.maximum(_quotient(edge, threshold), 1.0)


def _passes(edge: Edge, threshold: float) -> bool:
    """Test of line 8; a threshold below some R_c, where the printed quotient is negative, does not pass."""
    return bool((threshold >= edge.fixed_cost).all() and _quotient(edge, threshold).sum() <= edge.multiprocessors)


def _quotient(edge: Edge, threshold: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = edge.shared_cost / (threshold - edge.fixed_cost)
    return np.where(edge.shared_cost > 0, quotient, 0.0)


algorithms = (Algorithm1,)
