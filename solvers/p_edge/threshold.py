"""Threshold search: the exact polynomial algorithm, with a certificate anybody can count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_edge import Certificate, Instance, Solution, evaluate
from mecbench.problems.p_edge.allocation import allocate
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Threshold", "algorithms"]


@dataclass(frozen=True)
class Threshold:
    """Exact search of the smallest threshold that L multiprocessors can hold."""

    name: ClassVar[str] = "threshold"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; the seed is not used."""
        solution = Solution(allocation=allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors))
        optimum = evaluate(instance, solution).objective
        return Outcome(solution, optimum, Certificate(threshold=optimum), "optimal")


algorithms = (Threshold,)
