"""Large-neighbourhood search at the prices of column generation, and the best choice among all plans that were met."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from mecbench.problems.p1 import Instance, Solution, bound
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.column_generation import Generation, compile_pricing
from mecbench.solvers.p1.master import choose
from mecbench.solvers.p1.neighbourhood import Search, compile_search
from mecbench.solvers.p1.pool import Pool, solution_of

__all__ = ["Lns", "algorithms"]

USED = 0.95  # part of the time limit that is planned with
GENERATION = 0.3  # part of the time that the bound may take
SPANS = ((0.45, 0.2), (0.15, 0.1), (0.1, 0.0))  # parts of the time for the search and the choice after it, in turn
MOST_COLUMNS = 2500  # of a choice
TOLERANCE = 1e-7  # of the gap, relative, at which the solution is the optimum


@dataclass(frozen=True)
class Lns:
    """Column generation, then searches, each but the last followed by a restricted master problem in integers."""

    name: ClassVar[str] = "lns"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 2
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
        generation.run(partial(left, (1.0 - GENERATION) * total), lambda value: budget.report(bound=value))
        certificate = generation.certificate()
        proven = bound(instance, certificate)
        search = Search(pool, generation.duals, seed)

        def solution() -> Solution:
            return solution_of(instance, search.fail, search.plan)

        target = proven + TOLERANCE * abs(proven)
        rest, parts = left(), sum(map(sum, SPANS))
        end = rest
        for searching, choosing in SPANS:
            end -= searching / parts * rest
            search.run(partial(left, end), lambda: budget.report(solution()), target)
            end -= choosing / parts * rest
            if choosing and search.cost > target and left(end) > 0:
                choice = choose(pool, MOST_COLUMNS, generation.duals, left(end))
                if choice is not None and choice.cost < search.cost:
                    search.accept(*choice)
                    budget.report(solution())
        metrics = {"gap": (search.cost - proven) / search.cost, "rounds": float(search.rounds), "columns": float(len(pool))}
        return Outcome(solution(), proven, certificate, "feasible", metrics)


algorithms = (Lns,)
