"""Large-neighbourhood search: take some tasks out, plan them anew at prices and in what the others leave, keep what is better.

The cheapest plan of a task in the capacities left over is exact pricing again. Prices keep it from taking what others
need more; their level is drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.problems.p1.plans import account
from mecbench.problems.p1.tables import plain_prices
from mecbench.solvers.p1.master import Duals
from mecbench.solvers.p1.pool import Pool

__all__ = ["Search"]

LEVELS = (0.2, 1.3)  # of the prices, in parts of the duals, uniform
MOST_REMOVED = 14
TEMPERATURE = 0.002  # of the cost, at the start of a search; it falls linearly to 0
CHANGE = 1e-12  # cost that counts as a gain


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
        self._pool, self._random = pool, np.random.default_rng(seed)
        instance = self._instance = pool.instance
        slots = instance.slots
        self._share_price = duals.price[:-slots].reshape(instance.availability.shape)
        self._hop_price = duals.price[-slots:]
        self._group = instance.groups.of_task
        self._slot = instance.release[:, None] + np.arange(instance.window)
        self.rounds = 0
        self.fail = np.ones(instance.tasks, dtype=bool)
        self.plan = np.zeros((instance.tasks, 3, instance.window), dtype=np.int64)
        self.cost = instance.penalty * instance.tasks
        self._start(self.fail, self.plan)

    def _start(self, fail: np.ndarray, plan: np.ndarray) -> None:
        """Take a solution as the present one."""
        instance = self._instance
        self._fail, self._plan = fail.copy(), plan.copy()
        self._left, self._hops = instance.availability.copy(), np.full(instance.slots, instance.subcarriers)
        done = np.flatnonzero(~fail)
        taken = account(instance, instance.source[done], plan[done, 0], plan[done, 1], plan[done, 2])
        self._costs = np.full(instance.tasks, instance.penalty)
        self._costs[done] = taken.cost
        for q in done.tolist():
            self._use(q, 1)

    def _use(self, q: int, sign: int) -> None:
        """Take what a plan uses, or with a sign of -1 give it back."""
        node, _, share = self._plan[q]
        self._left[node, self._slot[q]] -= sign * share
        before = np.concatenate(([self._instance.source[q]], node[:-1]))
        self._hops[self._slot[q]] -= sign * (node != before)

    def accept(self, fail: np.ndarray, plan: np.ndarray, cost: float) -> None:
        """Go on from another solution, if that is better than the best."""
        if cost < self.cost - CHANGE:
            self.fail, self.plan, self.cost = fail.copy(), plan.copy(), cost
            self._start(fail, plan)

    def run(self, left: Callable[[], float], report: Callable[[], None], target: float) -> None:
        """Search until no time is left, or a cost is reached.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called after each improvement.
        target
            Cost that suffices.
        """
        total = left()
        if self.fail.all():
            self._plan_anew(np.arange(self._instance.tasks), 1.0)
            self._keep(report)
        while self.cost > target and (now := left()) > 0:
            self.rounds += 1
            before = self._fail.copy(), self._plan.copy(), self._costs.copy(), self._left.copy(), self._hops.copy()
            cost = self._costs.sum()
            self._plan_anew(self._some(), float(self._random.uniform(*LEVELS)))
            rise = self._costs.sum() - cost
            temperature = TEMPERATURE * self.cost * now / total
            if rise > 0 and self._random.random() >= np.exp(-rise / max(temperature, 1e-300)):
                self._fail, self._plan, self._costs, self._left, self._hops = before
            else:
                self._keep(report)

    def _keep(self, report: Callable[[], None]) -> None:
        """Note the present solution if it is the best."""
        cost = float(self._costs.sum())
        if cost < self.cost - CHANGE:
            self.fail, self.plan, self.cost = self._fail.copy(), self._plan.copy(), cost
            report()

    def _some(self) -> np.ndarray:
        """Tasks to plan anew: any, or those that compute on one node in one slot, and at times one that fails."""
        random, tasks = self._random, self._instance.tasks
        most = int(random.integers(1, min(MOST_REMOVED, tasks) + 1))
        chosen = random.permutation(tasks)[:most]
        if random.random() < 0.5:
            q = int(random.integers(tasks))
            used = np.flatnonzero(self._plan[q, 2] * ~self._fail[q])
            if used.size:
                k = int(random.choice(used))
                there = (self._plan[:, 2] > 0) & (self._plan[:, 0] == self._plan[q, 0, k]) & (self._slot == self._slot[q, k])
                chosen = random.permutation(np.flatnonzero(there.any(axis=1) & ~self._fail))[:most]
        failed = np.flatnonzero(self._fail)
        if failed.size and random.random() < 0.5:
            chosen = np.union1d(chosen, failed[int(random.integers(failed.size))])
        return random.permutation(chosen)

    def _plan_anew(self, chosen: np.ndarray, level: float) -> None:
        """Take tasks out and give each in turn the cheapest plan at a level of the prices."""
        from mecbench.problems.p1.pricing import price

        pool, penalty = self._pool, self._instance.penalty
        for q in chosen.tolist():
            if not self._fail[q]:
                self._use(q, -1)
                self._fail[q], self._costs[q] = True, penalty
        for q in chosen.tolist():
            g = self._group[q]
            asked = pool.tables._replace(
                availability=self._left,
                source=pool.tables.source[g : g + 1],
                release=pool.tables.release[g : g + 1],
                size=np.ones(1, np.int64),
            )
            # Where no subcarrier is free, a hop costs more than to give the task up.
            toll = np.where(self._hops > 0, level * self._hop_price, 2.0 * penalty)
            found = price(asked, plain_prices(asked, level * self._share_price, toll))
            if not found.fail[0] and found.exact[0]:
                self._fail[q], self._plan[q] = False, found.plan[0]
                self._use(q, 1)
                self._costs[q] = pool.cost[pool.add(self._group[q : q + 1], found.plan)[0]]
