"""What the two models have in common that SCIP solves as a whole: the best plan so far, and what SCIP's bound is worth."""

from __future__ import annotations

from typing import Any

from mecbench.problems.cmg import Instance, Solution, evaluate
from mecbench.problems.cmg.model import read, scip
from mecbench.solvers.outcome import Budget, Outcome
from mecbench.solvers.scip import watch

__all__ = ["solve_monolith"]

FEASIBILITY = 1e-8  # of rows and integrality
PRECISION = 2e-6  # of what a chunk adds to the objective: it has a few rows, and a joule may be worth a hundred
KEPT_BACK = 0.05  # part of the time limit, up to a second, for reading the result: SCIP's clock does not see it
MEMORY_PART = 0.8  # of the memory limit: SCIP does not count what calls it


def solve_monolith(programme: Any, instance: Instance, budget: Budget, seed: int, gap: float) -> Outcome:
    """Let SCIP solve a model, passing on better plans and bounds as they come.

    SCIP keeps rows to a tolerance, so a plan counts only if the evaluator accepts it, at the evaluator's objective, and the bound
    is raised by what tolerances may add up to. It remains a solver's word.

    Parameters
    ----------
    programme
        Pyomo model of the instance.
    instance
        The instance.
    budget, seed
        As for any solver; SCIP is sequential, whatever the budget's threads.
    gap
        Relative gap to stop at.
    """
    model = scip(programme)
    best = _Best(instance, model, budget)

    def told(solution: bool) -> None:
        if solution:
            best.take()
        best.prove()

    watch(model, told)
    model.setParam("limits/time", max(0.0, budget.remaining - min(1.0, KEPT_BACK * budget.time_limit)))
    model.setParam("limits/gap", 0.5 * gap)
    model.setParam("numerics/feastol", FEASIBILITY)
    model.setParam("randomization/randomseedshift", seed % 2**31)
    if budget.memory_limit is not None:
        model.setParam("limits/memory", MEMORY_PART * budget.memory_limit)
    model.optimize()
    best.prove()
    bound = best.bound
    closed = best.plan is not None and bound is not None and bound - best.value <= gap * abs(best.value)
    return Outcome(
        best.plan,
        bound,
        status="optimal" if closed else "feasible" if best.plan is not None else "unknown" if bound is None else "bounded",
        metrics={"nodes": float(model.getNTotalNodes())},
    )


class _Best:
    """Best plan and bound of a run, told as they come."""

    def __init__(self, instance: Instance, model: Any, budget: Budget) -> None:
        self.plan: Solution | None = None
        self.bound: float | None = None
        self.value = float("-inf")
        self._instance, self._model, self._budget = instance, model, budget
        self._variables = {variable.name: variable for variable in model.getVars()}

    def take(self) -> None:
        """Take SCIP's best solution if the evaluator accepts it and it is better."""
        found = self._model.getBestSol()
        plan = read(self._instance, lambda name: self._model.getSolVal(found, self._variables[name]))
        verdict = evaluate(self._instance, plan)
        if verdict.feasible and verdict.objective > self.value:
            self.plan, self.value = plan, verdict.objective
            self._budget.report(plan)

    def prove(self) -> None:
        """Take SCIP's bound if it is finite and better."""
        claim = float(self._model.getDualbound())
        if self._model.isInfinity(abs(claim)):
            return
        bound = claim + PRECISION * self._instance.gain.size
        if self.bound is None or bound < self.bound:
            self.bound = bound
            self._budget.report(bound=bound)
