"""Secants of the convex costs, solved by a MILP solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_edge import Instance, Solution, evaluate
from mecbench.problems.p_edge.model import Programme, secant_milp
from mecbench.solvers.monolith import TOLERANCE, MilpSolver, packages, solve_model
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["MilpSecant", "algorithms", "read"]

MANY_DEVICES = 500  # from here on, secants within a window only
WINDOW = 10


@dataclass(frozen=True)
class MilpSecant:
    """The compact MILP, M integers.

    From 500 devices on it begins with the secants next to the continuous solution. They underestimate the costs, so
    the optimum is a bound; where the allocation truly costs more, the window is doubled until it does not.

    Attributes
    ----------
    solver
        MILP solver that Pyomo calls.
    """

    name: ClassVar[str] = "milp-secant"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1

    solver: MilpSolver = "highs"

    @property
    def requires(self) -> tuple[str, ...]:
        """Pyomo and the solver."""
        return packages(self.solver)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance."""
        window = WINDOW if instance.devices >= MANY_DEVICES else instance.multiprocessors
        incumbent: Solution | None = None
        cost, bound = float("inf"), None
        while True:
            programme = secant_milp(instance, window if window < instance.multiprocessors else None)
            verdict = solve_model(programme.model, self.solver, budget, seed)
            bound = max((value for value in (bound, verdict.bound) if value is not None), default=None)
            if verdict.found:
                solution = read(programme)
                objective = evaluate(instance, solution).objective
                if objective < cost:
                    incumbent, cost = solution, objective
            budget.report(incumbent, bound)
            # The bound was lowered by one tolerance; the other is the solver's own.
            proven = verdict.optimal and bound is not None and cost <= bound + 2 * TOLERANCE * max(1.0, abs(bound))
            if proven or not verdict.optimal or window >= instance.multiprocessors:
                break
            window *= 2
        return Outcome(incumbent, bound, status="optimal" if proven else "feasible" if incumbent else "unknown")


def read(programme: Programme) -> Solution:
    """Solution that a solved Pyomo programme holds."""
    import pyomo.environ as pyo

    return Solution(allocation=[round(pyo.value(share)) for share in programme.shares])


algorithms = (MilpSecant,)
