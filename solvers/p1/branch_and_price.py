"""Branch-and-price: column generation at every node of a tree over counts of what plans do, certified leaf by leaf."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p1 import Instance, bound
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.column_generation import Generation, compile_pricing
from mecbench.solvers.p1.master import Choice, choose
from mecbench.solvers.p1.neighbourhood import Search, compile_search
from mecbench.solvers.p1.pool import Pool, solution_of
from mecbench.solvers.p1.tree import Tree

__all__ = ["BranchAndPrice", "algorithms", "certified", "divide"]

USED = 0.95  # part of the time limit that is planned with
GENERATION = 0.3  # part of the time that the root may take
SEARCH = 0.05, 0.2  # time of the local search before: seconds per task, part of the time at most
FIRST_CHOICE = 0.1  # part of the time before the first choice in integers among the columns; each later one comes after twice the time
CHOICE = 0.1  # part of the time that such a choice may take
MOST_COLUMNS = 2500  # of a choice
SAMPLE = 10  # leaves whose recomputation is timed, to know how many a certificate may have
RECOMPUTED = 0.08  # seconds in which a certificate is to be recomputed


def divide(tree: Tree, pool: Pool, left: Callable[[], float], report: Callable[[], None]) -> None:
    """Search a tree to its end or that of the time, at times with a choice in integers among its columns.

    Parameters
    ----------
    tree, pool
        The tree, and where its columns are.
    left
        Seconds left.
    report
        Called when the bound or the solution has improved.
    """
    total = left()
    spent = FIRST_CHOICE
    while not tree.closed and left() > 0:
        end = max(1.0 - spent, 0.0) * total
        tree.search(lambda end=end: left() - end, report)  # type: ignore[misc]
        if not tree.closed and spent < 1.0 and left() > 0:
            choice = choose(pool, MOST_COLUMNS, tree.root.duals, min(CHOICE * total, left()))
            if choice is not None and tree.offer(choice):
                report()
        spent *= 2.0


def certified(instance: Instance, tree: Tree, most_leaves: int | None) -> Outcome:
    """Outcome of a tree: its bound is that of its certificate.

    Parameters
    ----------
    instance, tree
        The instance and a tree with a solution.
    most_leaves
        Of the certificate; by default as many as are recomputed in a moment.
    """
    assert tree.best is not None
    if most_leaves is None:
        sample = tree.certificate(SAMPLE)
        bound(instance, sample)  # the first time also loads and sets up
        start = time.process_time()
        bound(instance, sample)
        per_leaf = (time.process_time() - start) / sample.share_price.shape[0]
        most_leaves = max(1, int(RECOMPUTED / per_leaf))
    certificate = tree.certificate(most_leaves)
    proven, cost = bound(instance, certificate), tree.best.cost
    metrics = {
        "nodes": float(tree.nodes),
        "leaves": float(certificate.share_price.shape[0]),
        "tree_bound": tree.bound,
        "gap": (cost - proven) / cost,
    }
    solution = solution_of(instance, tree.best.fail, tree.best.plan)
    return Outcome(solution, proven, certificate, "optimal" if tree.closed else "feasible", metrics)


@dataclass(frozen=True)
class BranchAndPrice:
    """Exact: best-bound search after a short local search, until the gap is closed.

    The bound is certified by the tree; where that has more leaves than `most_leaves`, by its upper part. The bound of the
    whole tree is the metric ``tree_bound``.

    Attributes
    ----------
    most_leaves
        Of the certificate; by default as many as are recomputed in less than a tenth of a second.
    """

    name: ClassVar[str] = "branch-and-price"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    most_leaves: int | None = None

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
        search = Search(Pool(instance), generation.duals, seed)
        per_task, part = SEARCH
        end = left() - min(per_task * instance.tasks, part * total)
        search.run(lambda: left(end), lambda: budget.report(solution_of(instance, search.fail, search.plan)), generation.best)
        tree = Tree(generation)
        tree.offer(Choice(search.fail, search.plan, search.cost))

        def report() -> None:
            assert tree.best is not None
            budget.report(solution_of(instance, tree.best.fail, tree.best.plan), tree.bound)

        divide(tree, pool, left, report)
        return certified(instance, tree, self.most_leaves)


algorithms = (BranchAndPrice,)
