"""The native programme of P1, products of work, speed and time left as they are, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p1 import Instance, Solution
from mecbench.problems.p1.model import read_minlp, scip_minlp
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.monolith import Best, fits, optimise

__all__ = ["MinlpScip", "algorithms"]

MEMORY = 10_000.0  # bytes per row
PRECISION = 1e-7  # of a slot's cost, a product of quantities that are each as precise as SCIP's tolerance


@dataclass(frozen=True)
class MinlpScip:
    """SCIP's spatial branch and bound, on the smallest instances.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "minlp-scip"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        best = Best(instance, budget, self.gap, PRECISION)
        rows = int(instance.tasks * instance.window * instance.layers * instance.link.sum())  # that time hops outnumber all others
        if fits(budget, rows, MEMORY):
            model, variables = scip_minlp(instance)

            def solution() -> Solution:
                found = model.getBestSol()
                return read_minlp(instance, lambda name: model.getSolVal(found, variables[name]))

            optimise(model, solution, best, budget, seed, 0.5 * self.gap)
        return best.outcome({"rows": float(rows)})


algorithms = (MinlpScip,)
