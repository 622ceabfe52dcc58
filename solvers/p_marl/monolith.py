"""What the monoliths of P-MARL share: the best solution so far, and what a solver's bound is worth."""

from __future__ import annotations

import math

from mecbench.problems.p_marl import Instance, Solution, evaluate
from mecbench.solvers.outcome import Budget, Outcome

__all__ = ["Best", "fits", "usable"]

KEPT_BACK = 0.05  # part of the time limit, up to a second, for reading the result: no solver's clock sees it
MEBI = 2**20
BASE = 128.0  # of the process and its libraries [MiB]


def fits(budget: Budget, parts: int, bytes_per_part: float) -> bool:
    """Whether a model may fit into the memory limit, by its cells and what building it takes for each."""
    return budget.memory_limit is None or BASE + parts * bytes_per_part / MEBI <= budget.memory_limit


def usable(budget: Budget) -> float:
    """What a solver may take of a budget [s]."""
    return max(0.0, budget.remaining - min(1.0, KEPT_BACK * budget.time_limit))


class Best:
    """The best feasible solution and bound of a run, passed on as they come.

    Parameters
    ----------
    instance, budget
        The instance, and where to report.
    gap
        Relative gap at which the solution is optimal.
    tolerance
        By which a stated bound is lowered, relative to max(1, |bound|).
    """

    def __init__(self, instance: Instance, budget: Budget, gap: float, tolerance: float) -> None:
        self.solution: Solution | None = None
        self.cost = math.inf
        self._instance, self._budget, self._gap, self._tolerance = instance, budget, gap, tolerance
        self._bound = -math.inf

    @property
    def closed(self) -> bool:
        """Whether solution and bound have met."""
        return self.solution is not None and self.cost - self._bound <= self._gap * abs(self.cost)

    def offer(self, solution: Solution) -> None:
        """Take a solution if the evaluator accepts it, whose limits a solver may miss by its tolerance, and it is better."""
        verdict = evaluate(self._instance, solution)
        if verdict.feasible and verdict.objective < self.cost:
            self.solution, self.cost = solution, verdict.objective
            self._budget.report(solution)

    def prove(self, bound: float) -> None:
        """Take a bound as the solver states it, if it is better and finite."""
        if self._bound < bound < math.inf:
            self._bound = bound
            self._budget.report(bound=self._claim())

    def outcome(self, metrics: dict[str, float]) -> Outcome:
        """What the run has come to."""
        bound = None if self._bound == -math.inf else self._claim()
        if self.solution is not None:
            return Outcome(self.solution, bound, status="optimal" if self.closed else "feasible", metrics=metrics)
        return Outcome(bound=bound, status="unknown" if bound is None else "bounded", metrics=metrics)

    def _claim(self) -> float:
        return self._bound - self._tolerance * max(1.0, abs(self._bound))
