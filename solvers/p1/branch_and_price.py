"""Branch-and-price: column generation at every node of a tree over counts of what plans do, certified leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p1 import Instance, bound
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.column_generation import Generation, compile_pricing
from mecbench.solvers.p1.master import Choice, choose
from mecbench.solvers.p1.neighbourhood import Search
from mecbench.solvers.p1.pool import Pool, solution_of
from mecbench.solvers.p1.tree import Tree

__all__ = ["BranchAndPrice", "algorithms", "divide"]

USED = 0.95  # part of the time limit that is planned with
GENERATION = 0.3  # part of the time that the root may take
SEARCH = 0.05, 0.2  # time of the local search before: seconds per task, part of the time at most
FIRST_CHOICE = 0.1, 2.0  # part of the time before the first choice in integers among the columns, and what each wait is of the one before
CHOICE = 0.1  # part of the time that such a choice may take
MOST_COLUMNS = 2500  # of a choice
MOST_LEAVES = 400  # of a certificate: tens of milliseconds to recompute at ten devices


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
    wait, factor = FIRST_CHOICE
    while not tree.closed and left() > 0:
        end = (1.0 - wait) * total
        tree.search(lambda end=end: left() - end if end > 0 else left(), report)  # type: ignore[misc]
        if not tree.closed and left() > 0 and wait < 1.0:
            choice = choose(pool, MOST_COLUMNS, tree.root.duals, min(CHOICE * total, left()))
            if choice is not None and tree.offer(choice):
                report()
        wait *= factor


@dataclass(frozen=True)
class BranchAndPrice:
    """Exact: best-bound search after a short local search, until the gap is closed.

    The bound is certified by the tree; where that has more leaves than `most_leaves`, by its upper part.

    Attributes
    ----------
    most_leaves
        Of the certificate.
    """

    name: ClassVar[str] = "branch-and-price"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    most_leaves: int = MOST_LEAVES

    def prepare(self) -> None:
        """Compile the pricing."""
        compile_pricing()

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
        assert tree.best is not None
        certificate = tree.certificate(self.most_leaves)
        proven = bound(instance, certificate)
        metrics = {
            "nodes": float(tree.nodes),
            "leaves": float(certificate.share_price.shape[0]),
            "columns": float(len(pool)),
            "tree_bound": tree.bound,
            "gap": (tree.best.cost - proven) / tree.best.cost,
        }
        solution = solution_of(instance, tree.best.fail, tree.best.plan)
        return Outcome(solution, proven, certificate, "optimal" if tree.closed else "feasible", metrics)


algorithms = (BranchAndPrice,)
