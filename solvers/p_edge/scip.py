"""Global MINLP: the bilinear constraint itself, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_edge import Instance, Solution
from mecbench.problems.p_edge.model import Programme, scip_minlp
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.scip import watch

__all__ = ["Scip", "algorithms"]

FEASIBILITY = 1e-8  # of constraints, reduced costs and integrality; the LP solver allows no less
TOLERANCE = 1e-6  # by which the bound is lowered, relative to max(1, |bound|)


@dataclass(frozen=True)
class Scip:
    """SCIP on (theta - a_m) l_m >= b_m."""

    name: ClassVar[str] = "scip"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyscipopt",)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; SCIP itself is sequential, whatever the budget's threads."""
        programme = scip_minlp(instance)
        model = programme.model

        def told(solution: bool) -> None:
            if solution:
                budget.report(_read(programme), _claim(model.getDualbound()))

        watch(model, told)
        model.hideOutput()
        model.setParam("limits/time", budget.remaining)
        model.setParam("limits/gap", 0.0)
        model.setParam("numerics/feastol", FEASIBILITY)
        model.setParam("numerics/dualfeastol", FEASIBILITY)
        model.setParam("randomization/randomseedshift", seed % 2**31)
        if budget.memory_limit is not None:
            model.setParam("limits/memory", float(budget.memory_limit))
        model.optimize()
        solution = _read(programme) if model.getNSols() else None
        optimal = model.getStatus() == "optimal"
        return Outcome(solution, _claim(model.getDualbound()), status="optimal" if optimal else "feasible" if solution else "unknown")


def _read(programme: Programme) -> Solution:
    best = programme.model.getBestSol()
    return Solution(allocation=[round(programme.model.getSolVal(best, share)) for share in programme.shares])


def _claim(dual_bound: float) -> float:
    return dual_bound - TOLERANCE * max(1.0, abs(dual_bound))


algorithms = (Scip,)
