"""Constraint programming: each device looks its cost up in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p_edge import Instance, Solution
from mecbench.problems.p_edge.model import ElementProgramme, element_programme
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["CpSat", "algorithms"]


@dataclass(frozen=True)
class CpSat:
    """OR-Tools' CP-SAT on the element model; integer throughout, so optimum and bound are exact."""

    name: ClassVar[str] = "cp-sat"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("ortools",)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance."""
        from ortools.sat.python import cp_model

        programme = element_programme(instance)

        class Incumbents(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
            """Passes every improvement on."""

            def on_solution_callback(self) -> None:
                solution = Solution(allocation=[self.value(share) for share in programme.shares])
                budget.report(solution, _cost_of_level(programme, self.best_objective_bound))

        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = budget.remaining
        solver.parameters.num_workers = budget.threads
        solver.parameters.random_seed = seed % 2**31
        status = solver.solve(programme.model, Incumbents())
        if status == cp_model.UNKNOWN:
            return Outcome(bound=_cost_of_level(programme, solver.best_objective_bound))
        solution = Solution(allocation=[solver.value(share) for share in programme.shares])
        bound = _cost_of_level(programme, solver.best_objective_bound)
        return Outcome(solution, bound, status="optimal" if status == cp_model.OPTIMAL else "feasible")


def _cost_of_level(programme: ElementProgramme, level: float) -> float:
    """Least cost whose level is not below a bound on levels."""
    # Levels stay below 2**53: as floats they are exact, and a bound between two of them rises to the upper one.
    position = int(np.searchsorted(programme.levels, math.ceil(level)))
    return float(programme.values[min(position, programme.values.size - 1)])


algorithms = (CpSat,)
