"""The native programme of P-MARL, a mixed-integer conic one over edges, cuts and shares, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.model import read_misocp, scip_misocp
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.monolith import Best, fits, usable
from mecbench.solvers.scip import watch

__all__ = ["MonolithScip", "algorithms"]

FEASIBILITY = 1e-8  # of constraints and reduced costs; the LP solver allows no less
TOLERANCE = 1e-6  # by which the bound is lowered, relative to max(1, |bound|)
MEMORY = 20_000.0  # bytes a variable of an option, with Pyomo's and SCIP's copies
SCIP_PART = 0.8  # of the memory limit: SCIP does not count what calls it


@dataclass(frozen=True)
class MonolithScip:
    """SCIP on the cones.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "monolith-scip"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; SCIP itself is sequential, whatever the budget's threads."""
        best = Best(instance, budget, self.gap, TOLERANCE)
        choices = instance.epochs * instance.devices * instance.edges * instance.groups
        if fits(budget, choices, MEMORY):
            self._optimise(instance, best, budget, seed)
        return best.outcome({"choices": float(choices)})

    def _optimise(self, instance: Instance, best: Best, budget: Budget, seed: int) -> None:
        model, variables = scip_misocp(instance)

        def proven() -> None:
            bound = float(model.getDualbound())
            if not model.isInfinity(abs(bound)):
                best.prove(bound)

        def told(solution: bool) -> None:
            proven()
            if solution:
                found = model.getBestSol()
                best.offer(read_misocp(instance, lambda name: model.getSolVal(found, variables[name])))

        watch(model, told)
        model.setParam("limits/time", usable(budget))
        model.setParam("limits/gap", 0.5 * self.gap)
        model.setParam("numerics/feastol", FEASIBILITY)
        model.setParam("numerics/dualfeastol", FEASIBILITY)
        model.setParam("randomization/randomseedshift", seed % 2**31)
        if budget.memory_limit is not None:
            model.setParam("limits/memory", SCIP_PART * budget.memory_limit)
        model.optimize()
        proven()


algorithms = (MonolithScip,)
