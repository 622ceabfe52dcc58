"""The discretised programme of P1 as one MILP, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p1 import Instance, Solution
from mecbench.problems.p1.model import scip_milp
from mecbench.problems.p1.network import network, read, size
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.monolith import SCIP_TOLERANCE, Best, fits, optimise

__all__ = ["MilpScip", "algorithms"]

MEMORY = 6000.0  # bytes per binary, once it has begun to branch


@dataclass(frozen=True)
class MilpScip:
    """SCIP on the flow problem; sequential, whatever the budget's threads.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "milp-scip"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyscipopt",)

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        best, binaries = Best(instance, budget, self.gap, SCIP_TOLERANCE), size(instance)
        if fits(budget, binaries, MEMORY):
            flows = network(instance)
            model, chosen = scip_milp(flows)
            model.hideOutput()

            def solution() -> Solution:
                found = model.getBestSol()
                return read(instance, flows.arcs, np.array([model.getSolVal(found, variable) for variable in chosen]))

            optimise(model, solution, best, budget, seed, 0.5 * self.gap)
        return best.outcome({"binaries": float(binaries)})


algorithms = (MilpScip,)
