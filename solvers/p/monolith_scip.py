"""The whole of P as one mixed-integer conic programme, solved by SCIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mecbench.problems.p import Instance, Solution, evaluate
from mecbench.problems.p.model import Programme, conic, lifted, read, scip
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.scip import watch

__all__ = ["MonolithScip", "algorithms"]

FEASIBILITY = 1e-8  # of constraints and integrality
TOLERANCE = 1e-6  # by which the bound is lowered, relative to max(1, |bound|)


@dataclass(frozen=True)
class MonolithScip:
    """SCIP on the cones; what it finds passes on with the exact split of its discrete choices.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    cones
        ``native`` leaves the cones to SCIP, ``lifted`` gives it polyhedra that are as good as the cones.
    """

    name: ClassVar[str] = "monolith-scip"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "pyscipopt")

    gap: float = 1e-6
    cones: Literal["native", "lifted"] = "native"

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; SCIP itself is sequential, whatever the budget's threads."""
        programme = conic(instance) if self.cones == "native" else lifted(instance)
        model = scip(programme)
        best = _Best(programme, model)

        def told(solution: bool) -> None:
            if solution:
                best.update()
            budget.report(best.solution if solution else None, _claim(model))

        watch(model, told)
        model.setParam("limits/time", budget.remaining)
        model.setParam("limits/gap", 0.5 * self.gap)
        model.setParam("numerics/feastol", FEASIBILITY)
        model.setParam("randomization/randomseedshift", seed % 2**31)
        if budget.memory_limit is not None:
            model.setParam("limits/memory", float(budget.memory_limit))
        model.optimize()
        bound = _claim(model)
        closed = best.solution is not None and model.getStatus() in ("optimal", "gaplimit")
        return Outcome(
            best.solution,
            bound,
            status="optimal" if closed else "feasible" if best.solution else "unknown" if bound is None else "bounded",
        )


class _Best:
    """Cheapest polished solution so far; SCIP's better one is not always better once both are polished."""

    def __init__(self, programme: Programme, model: Any) -> None:
        self.solution: Solution | None = None
        self._programme, self._model = programme, model
        self._cost = float("inf")
        names = {variable.name: variable for variable in model.getVars()}
        binaries = (programme.model.deployed, programme.model.chosen)
        self._pairs = [(variable, names[variable.name]) for block in binaries for variable in block.values()]

    def update(self) -> None:
        """Take SCIP's best solution."""
        found = self._model.getBestSol()
        for variable, theirs in self._pairs:
            variable.set_value(round(self._model.getSolVal(found, theirs)))
        solution = read(self._programme)
        evaluation = evaluate(self._programme.instance, solution)
        if evaluation.feasible and evaluation.objective < self._cost:
            self.solution, self._cost = solution, evaluation.objective


def _claim(model: Any) -> float | None:
    bound = float(model.getDualbound())
    return None if model.isInfinity(abs(bound)) else bound - TOLERANCE * max(1.0, abs(bound))


algorithms = (MonolithScip,)
