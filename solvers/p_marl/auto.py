"""The strongest solver of P-MARL for any size and budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from mecbench.problems.p_marl import Instance, Solution, evaluate
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.bisection import Bisection
from mecbench.solvers.p_marl.lagrangian import Lagrangian
from mecbench.solvers.p_marl.monolith_highs import MonolithHighs
from mecbench.solvers.p_marl.per_epoch import PerEpoch
from mecbench.solvers.p_marl.rolling import Rolling

__all__ = ["Auto", "algorithms"]

BOUNDED = 0.2  # part of the time limit that the bound of an episode may take
MOST_CELLS = 2000  # T M N L of an episode up to which its programme is solved as a whole
GAP = 1e-6  # at which a solution is optimal


@dataclass(frozen=True)
class Auto:
    """Bisection for one epoch; an episode is bounded, then played by rolling optimisation with what remains of the budget.

    The bound of an episode is certified and holds for whoever knows the future: epoch by epoch for the mean worst cost, by prices
    for the worst mean. The few episodes that are small enough are then solved as one programme, whose bound is HiGHS's word.
    """

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile the search, the walks and what rolling uses."""
        Bisection().prepare()
        Lagrangian().prepare()
        Rolling().prepare()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        if instance.epochs == 1:
            return Bisection().solve(instance, budget, seed)
        bounding: PerEpoch | Lagrangian = PerEpoch() if instance.objective == "mean-worst" else Lagrangian()
        proved = bounding.solve(instance, _part(budget, BOUNDED), seed)
        budget.report(bound=proved.bound)
        played = Rolling().solve(instance, _part(budget), seed)
        budget.report(played.solution)
        found = replace(proved, solution=played.solution, metrics=proved.metrics | played.metrics)
        cells = instance.epochs * instance.devices * instance.edges * instance.multiprocessors
        modelled = instance.drain == "exogenous" and not (instance.divided_switch_cost and instance.switch_cost > 0)
        if modelled and cells <= MOST_CELLS and not _closed(instance, found):
            found = _better(instance, found, MonolithHighs().solve(instance, _part(budget), seed))
        if found.solution is None:
            return found
        return replace(found, status="optimal" if _closed(instance, found) else "feasible")


def _part(budget: Budget, part: float = 1.0) -> Budget:
    """Budget that begins now and has part of the time limit, as far as that remains, and reports to the same."""
    return Budget(min(budget.remaining, part * budget.time_limit), budget.threads, budget.memory_limit, budget.report)


def _cost(instance: Instance, found: Outcome) -> float:
    """Objective of what was found; infinite if that is nothing."""
    return evaluate(instance, found.solution).objective if isinstance(found.solution, Solution) else math.inf


def _closed(instance: Instance, found: Outcome) -> bool:
    """Whether solution and bound have met."""
    return found.bound is not None and _cost(instance, found) <= found.bound * (1.0 + GAP)


def _better(instance: Instance, found: Outcome, exact: Outcome) -> Outcome:
    """The better solution and the better bound of two outcomes."""
    if _cost(instance, exact) < _cost(instance, found):
        found = replace(found, solution=exact.solution)
    if exact.bound is not None and found.bound is not None and exact.bound > found.bound:
        found = replace(found, bound=exact.bound, certificate=None)
    return found


algorithms = (Auto,)
