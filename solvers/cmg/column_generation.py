"""Column generation: the bound of the relaxation over paths of frame rates, certified by its prices alone, and plans near it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.cmg import SIZES, Instance, bound, generate
from mecbench.problems.cmg.tables import tables
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.descent import descend
from mecbench.solvers.cmg.duals import Duals, relaxed_value
from mecbench.solvers.cmg.local_search import PATIENCE, LocalSearch
from mecbench.solvers.cmg.master import Master
from mecbench.solvers.cmg.packing import Packing
from mecbench.solvers.cmg.plans import Plans, planning_tables
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["ColumnGeneration", "Generation", "algorithms"]

USED = 0.95  # part of the time limit that is planned with
TURNS = 30  # of plans and prices
STABILITY = 0.7  # weight of the best duals so far in those that are priced first
TOLERANCE = 1e-6  # of the gap between master and relaxation, relative
ALTERNATION, DESCENT, GENERATION, PACKING = 0.25, 0.4, 0.5, 0.9  # parts of the time at whose ends they stop
MOST_CHUNKS = 2000  # chunks of all slots for which a master problem is worth its time
NOTEWORTHY = 1e-6  # improvement of a relaxation, relative, that is worth a recomputed bound
SOLVED = 1e-7  # gap of plans and bound, relative, that counts as none


class Generation:
    """The run of column generation, which takes prices from elsewhere too.

    Where there are too many chunks for a master problem, prices from elsewhere are all there is.

    Attributes
    ----------
    duals, value
        Best prices, and the value of the relaxation at them.
    proven
        Duals of the best bound, and that bound.
    iterations
        Solutions of the master.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance, self._tables = instance, tables(instance, 0.0)
        self._master = Master(instance, self._tables) if instance.gain.size <= MOST_CHUNKS else None
        self.duals: Duals | None = None
        self.value = self._checked = np.inf
        self.proven: tuple[Duals, float] | None = None
        self.iterations = 0

    def price(self, duals: Duals) -> int:
        """Add the columns that are best at some prices, and say how many are new."""
        from mecbench.problems.cmg.pricing import price

        found = price(self._tables, duals.energy, duals.channel)
        self.note(duals, relaxed_value(self._instance, self._tables, duals, found))
        if self._master is None:
            return 0
        spent = (duals.energy[..., None] * found.energy).sum(axis=1)
        return self._master.add(found.value + spent + (duals.channel * found.offload).sum(axis=1), found.energy, found.offload)

    def note(self, duals: Duals, value: float) -> None:
        """Take note of prices and the value of the relaxation at them."""
        if value < self.value:
            self.duals, self.value = duals, value

    def prove(self, report: Callable[[float], None]) -> None:
        """Recompute the bound at the best prices if these have improved."""
        if self.duals is None or self.value >= self._checked - NOTEWORTHY * abs(self.value):
            return
        self._checked = self.value
        value = bound(self._instance, self.duals.certificate())
        if self.proven is None or value < self.proven[1]:
            self.proven = self.duals, value
            report(value)

    def run(self, left: Callable[[], float], report: Callable[[float], None]) -> None:
        """Generate columns until master and relaxation meet or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Takes better bounds.
        """
        if self._master is None:
            return
        devices, slots, chunks = self._instance.gain.shape
        for eta in (0.0, 1.0, 10.0, 100.0, 1e6):  # so that the master has plans within all limits
            zero = np.zeros((devices, slots))
            self.price(Duals(zero + eta, zero, zero, np.full((slots, chunks), 1e6)))
        while left() > 0:
            self._master.solve()
            self.iterations += 1
            current, new = self._master.duals, 0
            for weight in (STABILITY, 0.0):
                new = self.price(current if self.duals is None else self.duals.blend(current, weight))
                if new:
                    break
            self.prove(report)
            if not new or self.value - self._master.value <= TOLERANCE * abs(self.value):
                break


@dataclass(frozen=True)
class ColumnGeneration:
    """Plans and prices in turn, column generation from there, over paths of chunks for the bound and over plans of devices for plans."""

    name: ClassVar[str] = "column-generation"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile all kernels, and load what solves master problems."""
        instance = generate(SIZES["tiny-scarce"], 0)
        self.solve(instance, Budget(600.0), 0)  # ends at once, but for compiling, which must not use up its parts of the time
        plans, soon = Plans(instance, planning_tables(instance)), Budget(0.1)
        LocalSearch(plans, 0).run(lambda: soon.remaining, lambda: None)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""

        def left(part: float = 1.0) -> float:
            return budget.remaining - (1.0 - USED * part) * budget.time_limit

        def report(value: float) -> None:
            budget.report(bound=value)

        generation = Generation(instance)
        alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
        told = -np.inf

        def turn(duals: Duals) -> None:
            nonlocal told
            generation.price(duals)
            if alternation.plans.value > told:
                told = alternation.plans.value
                budget.report(alternation.plans.solution())
                generation.prove(report)

        alternation.run(TURNS, lambda: left(ALTERNATION), turn)
        generation.prove(report)
        assert generation.duals is not None
        descend(instance, tables(instance, 0.0), generation.duals, lambda: left(DESCENT), generation.note)
        generation.prove(report)
        generation.run(lambda: left(GENERATION), report)
        generation.prove(report)
        assert generation.proven is not None
        duals, proven = generation.proven
        packing = Packing(alternation.plans, duals.energy, duals.channel)
        packing.run(lambda: left(PACKING), lambda: budget.report(packing.plans.solution()))
        search = LocalSearch(packing.plans, seed)
        target = proven - SOLVED * abs(proven)
        search.run(left, lambda: budget.report(search.plans.solution()), target, 0.0 if packing.closed else PATIENCE)
        gap = (proven - search.plans.value) / abs(proven)
        metrics = {"iterations": float(generation.iterations), "plans": float(packing.iterations), "gap": gap}
        optimal = search.plans.value >= target
        return Outcome(search.plans.solution(), proven, duals.certificate(), "optimal" if optimal else "feasible", metrics)


algorithms = (ColumnGeneration,)
