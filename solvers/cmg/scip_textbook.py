"""The whole of CMG as a textbook writes it, rates as differences of logarithms, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.model import textbook
from mecbench.solvers.cmg.monolith import solve_monolith
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["ScipTextbook", "algorithms"]


@dataclass(frozen=True)
class ScipTextbook:
    """SCIP's spatial branch and bound on the equations as they come.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "scip-textbook"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")

    gap: float = 1e-4

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        return solve_monolith(textbook(instance), instance, budget, seed, self.gap)


algorithms = (ScipTextbook,)
