"""P-MARL as a whole in tables of integers, solved by CP-SAT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.model import COST_SCALE, element_programme
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.monolith import Best, fits, usable

__all__ = ["MonolithCpSat", "algorithms"]

MEMORY = 500.0  # bytes a cell of the tables


@dataclass(frozen=True)
class MonolithCpSat:
    """OR-Tools' CP-SAT on the element model; exact but for costs rounded down at the ninth digit.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "monolith-cp-sat"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("ortools",)

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        best = Best(instance, budget, self.gap, 0.0)  # whole numbers need no tolerance
        cells = instance.epochs * instance.devices * instance.edges * instance.multiprocessors
        if fits(budget, cells, MEMORY):
            self._optimise(instance, best, budget, seed)
        return best.outcome({"cells": float(cells)})

    def _optimise(self, instance: Instance, best: Best, budget: Budget, seed: int) -> None:
        from ortools.sat.python import cp_model

        programme = element_programme(instance)

        class Improvements(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
            """Passes better solutions on."""

            def on_solution_callback(self) -> None:
                best.offer(programme.solution(instance, self.value))

        def proven(bound: float) -> None:
            best.prove(bound / COST_SCALE)

        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = usable(budget)
        solver.parameters.num_workers = budget.threads
        solver.parameters.random_seed = seed % 2**31
        solver.parameters.relative_gap_limit = 0.5 * self.gap
        if budget.memory_limit is not None:
            solver.parameters.max_memory_in_mb = budget.memory_limit
        solver.best_bound_callback = proven
        if solver.solve(programme.model, Improvements()) != cp_model.INFEASIBLE:
            proven(solver.best_objective_bound)


algorithms = (MonolithCpSat,)
