"""Enumeration: all plans that a better solution could use, and the best choice among them in integers.

At prices that prove a bound, every plan of a solution is dearer than the cheapest of its group by less than what the
solution costs above the bound. So a list of all plans within some gap, with those left out that another of the same group
beats in cost and in every use, holds every solution that costs less than the bound and that gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from mecbench.problems.p1 import Instance, bound
from mecbench.problems.p1.plans import account
from mecbench.problems.p1.rows import count
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.column_generation import Generation, compile_pricing, prices_of
from mecbench.solvers.p1.master import Choice, Duals, Side, choose_among
from mecbench.solvers.p1.neighbourhood import Search, compile_search
from mecbench.solvers.p1.pool import Pool, solution_of

__all__ = ["Enumeration", "Proof", "algorithms", "enumerate_plans", "prove"]

USED = 0.95  # part of the time limit that is planned with
SEARCH = 0.05, 0.2  # time of the local search before: seconds per task, part of the time at most
MOST_LISTED = 200_000  # plans of a group, before those that are dominated are left out
MOST_PLANS = 20_000  # of all groups, after
FIRST_GAP = 1e-4  # that is listed, relative to the bound; solutions met in it often leave less to list
GROWTH = 4.0  # of the gap
MARGIN = 1e-9  # of the bound, relative, by which limits are raised against rounding
PROVEN = 2e-7  # of the cost, relative: tolerance of the choice in integers


class Proof(NamedTuple):
    """What an enumeration proves, by the word of the MILP solver.

    Attributes
    ----------
    choice
        Best choice among the plans listed, if it beats the cutoff.
    bound
        No solution costs less.
    plans
        How many were listed last.
    """

    choice: Choice | None
    bound: float
    plans: int


def enumerate_plans(pool: Pool, sides: tuple[Side, ...], duals: Duals, gap: float) -> Pool | None:
    """List the plans that are dearer than the cheapest of their group by less than a gap, but those that are dominated.

    Parameters
    ----------
    pool
        Of the instance; its plans are not read.
    sides
        Where a tree is: what they count is kept distinct.
    duals
        Prices and multipliers.
    gap
        At these prices.

    Returns
    -------
    Pool | None
        The plans, or none if they are too many.
    """
    from mecbench.problems.p1.pricing import plans_below
    from mecbench.solvers.p1.dominance_compiled import undominated

    instance, known = pool.instance, pool.tables
    prices = prices_of(pool, sides, duals)
    least = pool.price(prices).value
    found, total = [], 0
    for g in range(known.source.size):
        listed = plans_below(known, prices, g, least[g] + gap, MOST_LISTED)
        if not listed.complete:
            return None
        plan, group = listed.plan, np.full(listed.cost.size, g)
        taken = account(instance, known.source[group], plan[:, 0], plan[:, 1], plan[:, 2])
        order = np.argsort(taken.cost, kind="stable")
        plan = plan[order]
        counted = np.array([count(side.row, known, group, plan, np.zeros(group.size, dtype=bool)) for side in sides])
        kind = np.unique(counted, axis=1, return_inverse=True)[1].ravel() if sides and group.size else np.zeros(group.size, dtype=np.int64)
        stays = undominated(plan[:, 0].copy(), plan[:, 2].copy(), taken.hop[order], kind)
        found.append(plan[stays])
        total += int(stays.sum())
        if total > MOST_PLANS:
            return None
    plans = Pool(instance)
    for g, plan in enumerate(found):
        plans.add(np.full(len(plan), g), plan)
    return plans


def prove(pool: Pool, sides: tuple[Side, ...], duals: Duals, known: float, cutoff: float, left: Callable[[], float]) -> Proof:
    """Prove a bound by enumeration in growing parts of the gap, until it is closed or there are too many plans.

    Parameters
    ----------
    pool, sides
        Of the instance, and where a tree is.
    duals, known
        Prices and multipliers, and the bound that they prove there.
    cutoff
        Cost that a solution must beat to be of interest.
    left
        Seconds left.
    """
    best, proven, listed = None, known, 0
    gap, margin = FIRST_GAP * abs(known), MARGIN * abs(known)
    while left() > 0:
        gap = min(gap, cutoff - known)
        plans = enumerate_plans(pool, sides, duals, gap + margin)
        if plans is None:
            break
        listed = len(plans)
        choice, lower = choose_among(plans, np.arange(listed), sides, left(), PROVEN)
        if choice is not None and choice.cost < cutoff:
            best, cutoff = choice, choice.cost
        proven = max(proven, min(lower, known + gap))
        if gap >= cutoff - known or proven >= cutoff * (1.0 - PROVEN):
            break
        gap *= GROWTH
    return Proof(best, proven, listed)


@dataclass(frozen=True)
class Enumeration:
    """Exact at tiny size: column generation, a local search, then a MILP over all plans in the gap between them.

    Its bound is a solver's word wherever that proves more than the prices, which are then not handed out as a certificate.
    """

    name: ClassVar[str] = "enumeration"
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

        pool = Pool(instance)
        generation = Generation(pool)
        generation.run(left, lambda value: budget.report(bound=value))
        certificate = generation.certificate()
        certified = bound(instance, certificate)
        search = Search(pool, generation.duals, seed)
        per_task, part = SEARCH
        end = left() - min(per_task * instance.tasks, part * max(left(), 0.0))
        search.run(lambda: left(end), lambda: budget.report(solution_of(instance, search.fail, search.plan)), generation.best)
        best = Choice(search.fail, search.plan, search.cost)
        proof = prove(pool, (), generation.duals, certified, best.cost, left)
        if proof.choice is not None and proof.choice.cost < best.cost:
            best = proof.choice
        proven = min(proof.bound, best.cost * (1.0 - PROVEN))
        optimal = proven >= best.cost * (1.0 - 2.0 * PROVEN)
        status: Literal["optimal", "feasible"] = "optimal" if optimal else "feasible"
        metrics = {"plans": float(proof.plans), "certified_bound": certified, "gap": (best.cost - max(proven, certified)) / best.cost}
        solution = solution_of(instance, best.fail, best.plan)
        if proven > certified:
            return Outcome(solution, proven, None, status, metrics)
        return Outcome(solution, certified, certificate, status, metrics)


algorithms = (Enumeration,)
