"""The strongest clairvoyant solver of P1 for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p1 import Instance
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.branch_and_price import certified
from mecbench.solvers.p1.column_generation import Generation, compile_pricing
from mecbench.solvers.p1.master import Choice, choose
from mecbench.solvers.p1.neighbourhood import Search, compile_search
from mecbench.solvers.p1.pool import Pool, solution_of
from mecbench.solvers.p1.tree import Tree

__all__ = ["Auto", "algorithms"]

USED = 0.92  # part of the time limit that is planned with
GENERATION = 0.3  # part of the time that the root may take
FIRST = 0.01  # seconds per task of the first search, and of the tree after it; each later turn takes twice the time
LAST = 0.3  # part of the time that one turn may take
CHOICE = 0.3  # of the time of a turn, for the choice in integers at its end
MOST_COLUMNS = 2500  # of a choice


@dataclass(frozen=True)
class Auto:
    """Column generation, then large-neighbourhood search and branch-and-price in turns of growing length.

    Small instances are closed in the first turns; on large ones the search finds the solution and the tree lifts the bound.
    At the end of each turn the best plans of both meet in a choice in integers. The bound is certified.
    """

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile pricing and search."""
        compile_pricing()
        compile_search()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""

        def left(end: float = 0.0) -> float:
            return budget.remaining - (1.0 - USED) * budget.time_limit - end

        pool, total = Pool(instance), left()
        generation = Generation(pool)
        generation.run(lambda: left((1.0 - GENERATION) * total), lambda value: budget.report(bound=value))
        # The search meets thousands of plans, of which the tree's linear programmes want few.
        met = Pool(instance)
        search, tree = Search(met, generation.duals, seed), Tree(generation)

        def report() -> None:
            assert tree.best is not None
            budget.report(solution_of(instance, tree.best.fail, tree.best.plan), tree.bound)

        def offer() -> None:
            if tree.offer(Choice(search.fail, search.plan, search.cost)):
                report()

        turn = FIRST * instance.tasks
        while not tree.closed and left() > 0:
            turn = min(turn, LAST * total, left())
            end = max(0.0, left() - turn)
            search.run(lambda end=end: left(end), offer, tree.bound)  # type: ignore[misc]
            offer()
            end = max(0.0, left() - turn)
            tree.search(lambda end=end: left(end), report, left)  # type: ignore[misc]
            if not tree.closed and left() > 0:
                met.add(np.array(pool.group), np.array(pool.plan))
                choice = choose(met, MOST_COLUMNS, generation.duals, min(CHOICE * turn, left()))
                if choice is not None and tree.offer(choice):
                    report()
            assert tree.best is not None
            search.accept(*tree.best)
            turn *= 2.0
        return certified(instance, tree, None)


algorithms = (Auto,)
