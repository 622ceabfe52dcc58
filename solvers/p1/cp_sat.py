"""The discretised programme of P1 in integers throughout, solved by CP-SAT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p1 import Instance
from mecbench.problems.p1.model import COST_SCALE, CP_SAT_SETTINGS, cp_sat_model
from mecbench.problems.p1.network import Network, network, read, size
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.monolith import Best, fits, usable

__all__ = ["CpSat", "algorithms"]

MEMORY = 6000.0  # bytes per binary, once it has begun to branch


@dataclass(frozen=True)
class CpSat:
    """OR-Tools' CP-SAT on the flow problem; its optimum is exact but for costs rounded down at the ninth digit.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "cp-sat"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("ortools",)

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        best, binaries = Best(instance, budget, self.gap), size(instance)
        if fits(budget, binaries, MEMORY):
            self._optimise(instance, network(instance), best, budget, seed)
        return best.outcome({"binaries": float(binaries)})

    def _optimise(self, instance: Instance, flows: Network, best: Best, budget: Budget, seed: int) -> None:
        from ortools.sat.python import cp_model

        model, chosen = cp_sat_model(flows)

        class Improvements(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
            """Passes better solutions on."""

            def on_solution_callback(self) -> None:
                best.offer(read(instance, flows.arcs, np.array([self.boolean_value(variable) for variable in chosen])))

        def proven(bound: float) -> None:
            best.prove(bound / COST_SCALE)

        solver: Any = cp_model.CpSolver()
        settings = {
            "max_time_in_seconds": usable(budget),
            "num_workers": budget.threads,
            "random_seed": seed % 2**31,
            "relative_gap_limit": 0.5 * self.gap,
        }
        if budget.memory_limit is not None:
            settings["max_memory_in_mb"] = budget.memory_limit
        for name, value in (settings | CP_SAT_SETTINGS).items():
            setattr(solver.parameters, name, value)
        solver.best_bound_callback = proven
        solver.solve(model, Improvements())
        proven(solver.best_objective_bound)


algorithms = (CpSat,)
