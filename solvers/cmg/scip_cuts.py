"""The whole of CMG with shares for rates and rows that no plan violates, solved by SCIP: the strongest monolith known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.model import strengthened
from mecbench.solvers.cmg.monolith import solve_monolith
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["ScipCuts", "algorithms"]


@dataclass(frozen=True)
class ScipCuts:
    """SCIP's spatial branch and bound on the strengthened model.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "scip-cuts"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")

    gap: float = 1e-4

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        return solve_monolith(strengthened(instance), instance, budget, seed, self.gap)


algorithms = (ScipCuts,)
