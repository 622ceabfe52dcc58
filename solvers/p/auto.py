"""The strongest clairvoyant solver of P for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mecbench.problems.p import Instance, Solution
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p.branch_and_cut import BranchAndCut, close
from mecbench.solvers.p.lagrangian import Lagrangian

__all__ = ["Auto", "algorithms"]

SMALL = 100  # requests up to which branch and cut follows
FIRST = 0.1, 0.15  # time of the decomposition before: seconds per request, part of the time limit at most


@dataclass(frozen=True)
class Auto:
    """Lagrangian decomposition; on small instances branch and cut goes on from its solution.

    The bound is certified unless branch and cut has a better one, which is a solver's word.

    Attributes
    ----------
    gap
        Relative gap at which branch and cut stops.
    """

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "highspy")

    gap: float = 1e-6

    def prepare(self) -> None:
        """Compile all kernels."""
        Lagrangian().prepare()
        BranchAndCut().prepare()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        if instance.requests > SMALL:
            return Lagrangian().solve(instance, budget, seed)
        per_request, part = FIRST
        seconds = min(per_request * instance.requests, part * budget.remaining)
        first = Budget(seconds, budget.threads, budget.memory_limit, budget.report)
        found = Lagrangian().solve(instance, first, seed)
        known = found.solution if isinstance(found.solution, Solution) else None
        closed = close(instance, budget, seed, self.gap, known)
        solution = closed.solution or found.solution
        if closed.bound is None or (found.bound is not None and closed.bound <= found.bound):
            return replace(found, solution=solution, status=closed.status if closed.status == "optimal" else found.status)
        return replace(closed, solution=solution)


algorithms = (Auto,)
