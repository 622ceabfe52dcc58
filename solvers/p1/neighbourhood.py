"""Large-neighbourhood search: take some tasks out, plan them anew among the others, keep what is better.

The cheapest plan of a task among others is pricing again: what it takes of a node in a slot costs what those who use it lose by
giving it, or its price in column generation if that is more. The rounds are compiled; what is here starts them and keeps the time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.problems.p1 import SIZES, generate
from mecbench.problems.p1.instance import TIME_TOLERANCE
from mecbench.problems.p1.plans import account
from mecbench.problems.p1.tables import plain_prices
from mecbench.solvers.p1.master import Duals
from mecbench.solvers.p1.pool import Pool
from mecbench.solvers.p1.state import MULTIPLIERS, empty_offers, empty_state

__all__ = ["Search", "compile_search"]

LEVELS = np.array([1.0, 0.5, 0.8, 1.3, 2.0])  # of the prices; a round draws one for each slot
MOST_REMOVED = 8
HEAT = 1e-4  # temperature at the start of a search, in parts of the cost; it falls linearly to 0
REFINED = 0.08  # parts of a search between exact plans for all tasks
SLICE = 0.02  # seconds between looks at the clock
FEWEST, MOST = 10, 10_000  # rounds between them
LEAST_GAIN = 1e-12  # cost that counts as one
ROUNDING = 1e-12  # of deadlines [s], so that sums in another order are still in time


class Search:
    """The search, with its state.

    Attributes
    ----------
    fail, plan, cost
        Best solution so far: who is given up [Q], plans [Q, 3, K], objective.
    rounds
        Neighbourhoods looked at.
    """

    def __init__(self, pool: Pool, duals: Duals, seed: int) -> None:
        self._pool = pool
        instance = self._instance = pool.instance
        self._tables = pool.tables._replace(
            hop_time=np.where(pool.tables.hop_time <= instance.slot_seconds, pool.tables.hop_time, np.inf),
            source=instance.source.copy(),
            release=instance.release.copy(),
            size=np.ones(instance.tasks, dtype=np.int64),
            deadline=instance.deadline + TIME_TOLERANCE - ROUNDING,
            slot_seconds=instance.slot_seconds + TIME_TOLERANCE - ROUNDING,
        )
        hops = np.full(instance.slots, instance.subcarriers)
        self._now, self._before, self._best = (empty_state(self._tables, hops) for _ in range(3))
        self._offers = empty_offers(self._tables, duals, LEVELS)
        self._random = np.random.SeedSequence(seed).generate_state(1, dtype=np.uint64) | np.uint64(1)
        self._group = instance.groups.of_task
        self._refined = np.inf
        self.rounds = 0
        self._note()

    def _note(self) -> None:
        """Copy the best state; its cost is accounted for anew."""
        self.fail, self.plan = self._best.fail.astype(bool), self._best.plan.copy()
        done = np.flatnonzero(~self.fail)
        taken = account(self._instance, self._instance.source[done], *(self.plan[done, i] for i in range(3)))
        self.cost = float(taken.cost.sum() + self._instance.penalty * self.fail.sum())

    def accept(self, fail: np.ndarray, plan: np.ndarray, cost: float) -> None:
        """Go on from another solution, if that is better than the best."""
        from mecbench.solvers.p1.neighbourhood_compiled import take

        if cost < self.cost - LEAST_GAIN:
            take(self._tables, self._now, fail, plan)
            self._keep()

    def _keep(self) -> None:
        self._best.integers[:], self._best.reals[:] = self._now.integers, self._now.reals
        self._note()

    def run(self, left: Callable[[], float], report: Callable[[], None], target: float, most_rounds: int | None = None) -> None:
        """Search until no time is left, or a cost is reached.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called after improvements.
        target
            Cost that suffices.
        most_rounds
            Rounds after which to end whatever the time, for results that do not depend on it.
        """
        total, number, first, due = left(), FEWEST, self.rounds, 1.0 - REFINED
        if self.fail.all():
            self._go(1, self._instance.tasks, np.inf)
            report()
        while self.cost > target:
            now = left()
            if now <= 0:
                break
            part = now / total
            if most_rounds is not None:
                number = min(FEWEST, most_rounds - (self.rounds - first))
                part = 1.0 - (self.rounds - first) / most_rounds
                if number <= 0:
                    break
            if self._go(number, MOST_REMOVED, HEAT * self.cost * part):
                report()
            if part < due:
                due = part - REFINED
                self._refine(left, report)
            if most_rounds is None:
                number = int(np.clip(number * SLICE / max(now - left(), 1e-9), max(FEWEST, number / 2), min(MOST, 2 * number)))

    def _refine(self, left: Callable[[], float], report: Callable[[], None]) -> None:
        """Plan one task after another exactly, in what the others leave free, until that helps none of them.

        Plans of the rounds are not always the cheapest within the deadline: those of unequal shares, which meet it at less cost, are
        missed.
        """
        from mecbench.problems.p1.pricing import price
        from mecbench.solvers.p1.neighbourhood_compiled import take
        from mecbench.solvers.p1.shares_compiled import place, withdraw

        if self.cost == self._refined:
            return
        tables, now, penalty, tasks = self._tables, self._now, self._instance.penalty, self._instance.tasks
        now.integers[:], now.reals[:] = self._best.integers, self._best.reals
        q = idle = 0
        while idle < tasks and left() > 0:
            fail, plan, cost = int(now.fail[q]), now.plan[q].copy(), float(now.cost[q])
            withdraw(tables, now, q)
            asked = tables._replace(availability=now.left, source=tables.source[q : q + 1], release=tables.release[q : q + 1])
            # Where no subcarrier is free, a hop costs more than to give the task up.
            toll = np.where(now.hops > 0, 0.0, 2.0 * penalty)
            found = price(asked, plain_prices(asked, np.zeros(now.left.shape), toll))
            idle += 1
            if not found.fail[0] and found.exact[0] and found.value[0] < cost - LEAST_GAIN:
                plan, fail, idle = found.plan[0], 0, 0
            if not fail:
                now.plan[q] = plan
                place(tables, now, q)
            q = (q + 1) % tasks
        if float(now.cost.sum()) < self.cost - LEAST_GAIN:
            take(tables, now, now.fail.copy(), now.plan.copy())
            self._keep()
            report()
        self._refined = self.cost

    def _go(self, number: int, most: int, temperature: float) -> bool:
        """Look at some neighbourhoods; whether that found something better."""
        from mecbench.solvers.p1.neighbourhood_compiled import rounds

        before = self.cost
        fixed = self._tables, self._now, self._before, self._best, self._offers, MULTIPLIERS, self._random
        rounds(*fixed, number, most, temperature)
        self.rounds += number
        better = float(self._best.cost.sum()) < before
        if better:
            self._note()
        done = np.flatnonzero(self._now.fail == 0)
        self._pool.add(self._group[done], self._now.plan[done])
        return better


def compile_search() -> None:
    """Compile the search."""
    instance = generate(SIZES["tiny"], 0)
    pool = Pool(instance)
    search = Search(pool, Duals(np.zeros(pool.capacity.size), np.zeros(0)), 0)
    search.run(lambda: 1.0, lambda: None, -np.inf, FEWEST)
    search.accept(search.fail, search.plan, -np.inf)
