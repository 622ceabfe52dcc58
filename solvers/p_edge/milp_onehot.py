"""One binary per device and number of multiprocessors, solved by a MILP solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_edge import Instance
from mecbench.problems.p_edge.model import onehot_milp
from mecbench.solvers.monolith import MilpSolver, packages, solve_model
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_edge.milp_secant import read

__all__ = ["MilpOnehot", "algorithms"]


@dataclass(frozen=True)
class MilpOnehot:
    """The textbook MILP, M (L - M + 1) binaries.

    Attributes
    ----------
    solver
        MILP solver that Pyomo calls.
    """

    name: ClassVar[str] = "milp-onehot"
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
        programme = onehot_milp(instance)
        verdict = solve_model(programme.model, self.solver, budget, seed)
        solution = read(programme) if verdict.found else None
        budget.report(solution, verdict.bound)
        return Outcome(solution, verdict.bound, status="optimal" if verdict.optimal else "feasible" if solution else "unknown")


algorithms = (MilpOnehot,)
