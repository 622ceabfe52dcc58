"""What the monoliths of P1 share: whether one fits, the best plan so far, and what a solver's bound is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mecbench.problems.p1 import Instance, Solution, evaluate
from mecbench.solvers.outcome import Budget, Outcome
from mecbench.solvers.scip import watch

__all__ = ["SCIP_TOLERANCE", "TOLERANCE", "Best", "fits", "optimise", "usable"]

TOLERANCE = 1e-9  # of feasibility, integrality and reduced costs
SCIP_TOLERANCE = 1e-8  # the same in SCIP, whose LP solver allows no less
KEPT_BACK = 0.05  # part of the time limit, up to a second, for reading the result: no solver's clock sees it
SCIP_PART = 0.8  # of the memory limit: SCIP does not count what calls it
MEBI = 2**20
BASE = 128.0  # of the process and its libraries [MiB]


def fits(budget: Budget, parts: int, bytes_per_part: float) -> bool:
    """Whether a model may fit into the memory limit.

    Parameters
    ----------
    budget
        The limits.
    parts
        Its variables, or whatever there is most of.
    bytes_per_part
        What building the model and beginning to solve it takes for each.
    """
    return budget.memory_limit is None or BASE + parts * bytes_per_part / MEBI <= budget.memory_limit


def usable(budget: Budget) -> float:
    """What a solver may take of a budget [s]."""
    return max(0.0, budget.remaining - min(1.0, KEPT_BACK * budget.time_limit))


class Best:
    """The cheapest feasible solution and the best bound of a run, passed on as they come.

    Attributes
    ----------
    solution, cost
        ``None`` and infinity before the first.
    bound
        As stated, minus infinity before the first.

    Parameters
    ----------
    instance, budget
        The instance, and where to report.
    gap
        Relative gap at which the solution is optimal.
    tolerance
        What a solver may be wrong by in each slot of each task; with two decisions in a slot, its bound is lowered by
        ``(2 K Q + |bound|) tolerance``.
    """

    def __init__(self, instance: Instance, budget: Budget, gap: float, tolerance: float = TOLERANCE) -> None:
        self.solution: Solution | None = None
        self.cost = float("inf")
        self.bound = float("-inf")
        self._instance, self._budget, self._gap, self._tolerance = instance, budget, gap, tolerance

    @property
    def closed(self) -> bool:
        """Whether solution and bound have met."""
        return self.solution is not None and self.cost - self.bound <= self._gap * self.cost

    def offer(self, solution: Solution) -> None:
        """Take a solution if it is cheaper and the evaluator accepts it, whose deadlines a solver may miss by its tolerance."""
        verdict = evaluate(self._instance, solution)
        if verdict.feasible and verdict.objective < self.cost:
            self.solution, self.cost = solution, verdict.objective
            self._budget.report(solution)

    def prove(self, bound: float) -> None:
        """Take a bound as the solver states it, if it is better and finite."""
        if self.bound < bound < float("inf"):
            self.bound = bound
            self._budget.report(bound=self._lowered())

    def outcome(self, metrics: dict[str, float]) -> Outcome:
        """What the run has come to."""
        bound = self._lowered()
        if self.solution is not None:
            return Outcome(self.solution, bound, status="optimal" if self.closed else "feasible", metrics=metrics)
        return Outcome(bound=bound, status="unknown" if bound is None else "bounded", metrics=metrics)

    def _lowered(self) -> float | None:
        if self.bound == float("-inf"):
            return None
        steps = 2 * self._instance.window * self._instance.tasks
        return self.bound - self._tolerance * (steps + abs(self.bound))


def optimise(model: Any, solution: Callable[[], Solution], best: Best, budget: Budget, seed: int, gap: float) -> None:
    """Let SCIP solve a model, taking over better solutions and bounds as they come.

    Parameters
    ----------
    model
        PySCIPOpt Model.
    solution
        What the model's best solution says.
    best
        Where solutions and bounds go.
    budget, seed
        As for any solver; SCIP is sequential, whatever the budget's threads.
    gap
        Relative gap to stop at.
    """

    def proven() -> None:
        bound = float(model.getDualbound())
        if not model.isInfinity(abs(bound)):
            best.prove(bound)

    def told(better: bool) -> None:
        proven()
        if better:
            best.offer(solution())

    watch(model, told)
    model.setParam("limits/time", usable(budget))
    model.setParam("limits/gap", gap)
    model.setParam("numerics/feastol", SCIP_TOLERANCE)
    model.setParam("numerics/dualfeastol", SCIP_TOLERANCE)
    model.setParam("randomization/randomseedshift", seed % 2**31)
    if budget.memory_limit is not None:
        model.setParam("limits/memory", SCIP_PART * budget.memory_limit)
    model.optimize()
    proven()
