"""Branch and bound: each device in a tree of its own at prices of channels, devices together in a tree of cases, certified by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.cmg import SIZES, Instance, bound, generate
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.cases import Cases
from mecbench.solvers.cmg.column_generation import ColumnGeneration, Generation
from mecbench.solvers.cmg.duals import Duals
from mecbench.solvers.cmg.local_search import LocalSearch
from mecbench.solvers.cmg.plans import Plans, planning_tables
from mecbench.solvers.cmg.tree_certificate import certify
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["BranchAndBound", "algorithms", "certified", "divisible"]

USED = 0.93  # part of the time limit that is planned with
TURNS = 30  # of plans and prices
GENERATION = 0.3  # part of the time that the relaxation may take
SEARCH = 0.002, 0.1  # time of the local search: seconds per chunk of all slots, part of the time at most
FIRST = 1.0  # seconds of trees before their first certificate; each later one comes after twice the time
SOLVED = 1e-6  # gap of plans and certificate, relative, that counts as none: about what an evaluator's tolerances are worth


def divisible(instance: Instance) -> bool:
    """Whether plans are found among what the trees divide: integer frame rates, and security that does not hang on powers."""
    return instance.eavesdropper_power == "signal" and not instance.continuous_frames


def certified(instance: Instance, cases: Cases, duals: Duals, most_leaves: int | None = None) -> Outcome:
    """Outcome of a tree: its bound is that of its certificate.

    Parameters
    ----------
    instance, cases
        The instance and the tree.
    duals
        Prices of the bound without a tree.
    most_leaves
        Of the certificate; by default as many as are recomputed in a moment.
    """
    certificate = certify(instance, cases.root, duals, most_leaves)
    proven, value = bound(instance, certificate), cases.plans.value
    assert certificate.tree is not None
    gap = (proven - value) / abs(proven)
    metrics = {
        "nodes": float(cases.nodes),
        "cases": float(cases.cases),
        "leaves": float(certificate.tree.limit_price.shape[0]),
        "tree_bound": cases.bound,
        "gap": gap,
    }
    return Outcome(cases.plans.solution(), proven, certificate, "optimal" if gap <= SOLVED else "feasible", metrics)


@dataclass(frozen=True)
class BranchAndBound:
    """Exact: relaxation and a short local search, then trees until the gap is closed.

    The bound is certified; where the trees have more leaves than `most_leaves` by their upper part. What they prove in whole, of plans
    with at most one offload on each channel, is the metric ``tree_bound``.

    Attributes
    ----------
    most_leaves
        Of the certificate; by default as many as are recomputed in less than a tenth of a second.
    """

    name: ClassVar[str] = "branch-and-bound"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    most_leaves: int | None = None

    def prepare(self) -> None:
        """Compile all kernels."""
        ColumnGeneration().prepare()
        self.solve(generate(SIZES["tiny-scarce"], 1), Budget(600.0), 0)  # ends at once, but for compiling

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget; options of which the trees find no plans by column generation alone."""
        if not divisible(instance):
            return ColumnGeneration().solve(instance, budget, seed)

        def left(end: float = 0.0) -> float:
            return budget.remaining - (1.0 - USED) * budget.time_limit - end

        def until(part: float) -> Callable[[], float]:
            end = max(0.0, left() - part)
            return lambda: left(end)

        total = left()
        generation = Generation(instance)
        alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
        early = until(GENERATION * total)
        alternation.run(TURNS, early, generation.price)
        budget.report(alternation.plans.solution())
        generation.run(early, lambda value: budget.report(bound=value))
        generation.prove(lambda value: budget.report(bound=value))
        assert generation.proven is not None
        duals, proven = generation.proven
        search, (per_chunk, part) = LocalSearch(alternation.plans, seed), SEARCH
        target = proven - SOLVED * abs(proven)
        search.run(until(min(per_chunk * instance.gain.size, part * total)), lambda: budget.report(search.plans.solution()), target)
        cases = Cases(instance, search.plans, duals)
        due = left() - FIRST

        def report() -> None:
            nonlocal due
            budget.report(cases.plans.solution())
            if left() <= due:
                budget.report(bound=certified(instance, cases, duals, self.most_leaves).bound)
                due = left() - (total - left())

        cases.search(left, report)
        return certified(instance, cases, duals, self.most_leaves)


algorithms = (BranchAndBound,)
