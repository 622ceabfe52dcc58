"""Greedy: one multiprocessor at a time to the device that costs most. Exact, and the proof is three lines.

Call cell (m, j) the cost of device m on j multiprocessors; an allocation removes the cells (m, 1 .. l_m - 1) and costs
the largest cell left. Rows do not increase, so greedy removes the L - |M| largest cells of the table. Any other
allocation removes at most as many, so it leaves one that greedy removed, which is no smaller than any that greedy leaves.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mecbench.problems.p_edge import Certificate, Instance, Solution, evaluate
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Edge", "GreedyMarginal", "algorithms", "spend"]

BETWEEN_LOOKS = 4096  # steps between two looks at the clock


class Edge(Protocol):
    """What there is to know of an edge: an `Instance`, or its costs alone."""

    @property
    def multiprocessors(self) -> int:
        """L."""

    @property
    def fixed_cost(self) -> np.ndarray:
        """a = R_c of each device, shape [M]."""

    @property
    def shared_cost(self) -> np.ndarray:
        """b = R_f of each device, shape [M]."""


@dataclass(frozen=True)
class GreedyMarginal:
    """Greedy with a heap, O(L log |M|)."""

    name: ClassVar[str] = "greedy-marginal"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; the seed is not used."""
        allocation = np.ones(instance.devices, dtype=np.int64)
        finished = spend(instance, allocation, budget)
        solution = Solution(allocation=allocation)
        if not finished:
            return Outcome(solution, status="feasible")
        optimum = evaluate(instance, solution).objective
        return Outcome(solution, optimum, Certificate(threshold=optimum), "optimal")


def spend(edge: Edge, allocation: np.ndarray, budget: Budget) -> bool:
    """Give the unspent multiprocessors one by one to a device that costs most, ties to the lowest index, in place.

    Parameters
    ----------
    edge
        The edge.
    allocation
        l, int64, shape [M], at least one each and at most L in all.
    budget
        Ends it early.

    Returns
    -------
    bool
        Whether all were spent within the budget.
    """
    fixed, shared, share = edge.fixed_cost.tolist(), edge.shared_cost.tolist(), allocation.tolist()
    heap = [(-(fixed[m] + shared[m] / share[m]), m) for m in range(len(share))]
    heapq.heapify(heap)
    unspent = edge.multiprocessors - sum(share)
    finished = True
    for step in range(unspent):
        if step % BETWEEN_LOOKS == BETWEEN_LOOKS - 1 and budget.remaining == 0.0:
            finished = False
            break
        m = heap[0][1]
        share[m] += 1
        heapq.heapreplace(heap, (-(fixed[m] + shared[m] / share[m]), m))
    allocation[:] = share
    return finished


algorithms = (GreedyMarginal,)
