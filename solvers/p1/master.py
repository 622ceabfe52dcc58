"""The master problem: share the tasks of each group among known plans within all capacities, by HiGHS."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mecbench.problems.p1.rows import Row, count
from mecbench.solvers.p1.pool import Pool

__all__ = ["Choice", "Duals", "Master", "Side", "choose", "take"]

EXCESS = 1000.0  # cost of a unit by which a branch is not kept, in penalties
MOST_NODES = 2**31 - 1  # that HiGHS can count


class Side(NamedTuple):
    """One side of a branch: a count is at most `limit`, or where `sign` is -1 at least ``limit + 1``."""

    row: Row
    limit: int
    sign: int

    @property
    def right_hand_side(self) -> float:
        """Of ``sign * count <= right_hand_side``."""
        return float(self.limit if self.sign > 0 else -self.limit - 1)


class Duals(NamedTuple):
    """Prices of capacities, in the order of `Pool`, and multipliers of sides; at least 0."""

    price: np.ndarray
    multiplier: np.ndarray

    def blend(self, other: Duals, weight: float) -> Duals:
        """Between these, of the given weight, and others."""
        mixed = (weight * mine + (1.0 - weight) * its for mine, its in zip(self, other, strict=True))
        return Duals(*mixed)


class Master:
    """The linear programme over the columns of a pool, on the given sides of branches.

    Attributes
    ----------
    value
        Of the last solution, no bound.
    weights, failures
        How many tasks of a group take each column, and how many fail; shapes [C] and [G].
    duals
        Of capacities and sides.
    """

    def __init__(self, pool: Pool, sides: tuple[Side, ...] = ()) -> None:
        import highspy

        self._pool, self._sides, self._loaded = pool, sides, 0
        self._highs = highs = highspy.Highs()
        highs.silent()
        highs.setOptionValue("threads", 1)
        self._infinity = infinity = highspy.kHighsInf
        groups = self._groups = pool.tables.size.size
        for size in pool.tables.size.tolist():
            highs.addRow(float(size), float(size), 0, [], [])
        for limit in (*pool.capacity.tolist(), *(side.right_hand_side for side in sides)):
            highs.addRow(-infinity, limit, 0, [], [])
        self._first_side = groups + pool.capacity.size
        for i in range(len(sides)):
            highs.addCol(EXCESS * pool.instance.penalty, 0.0, infinity, 1, [self._first_side + i], [-1.0])
        for g in range(groups):
            self._add(g, pool.instance.penalty, {}, np.zeros((3, pool.instance.window), dtype=np.int64), fail=True)
        self.value, self.weights, self.failures = np.inf, np.zeros(0), np.zeros(groups)
        self.duals = Duals(np.zeros(pool.capacity.size), np.zeros(len(sides)))

    def _add(self, group: int, cost: float, uses: dict[int, float], plan: np.ndarray, fail: bool) -> None:
        entries = {group: 1.0} | {self._groups + row: amount for row, amount in uses.items()}
        for i, side in enumerate(self._sides):
            counted = int(count(side.row, self._pool.tables, np.array([group]), plan[None], np.array([fail]))[0])
            if counted:
                entries[self._first_side + i] = float(side.sign * counted)
        self._highs.addCol(cost, 0.0, self._infinity, len(entries), list(entries), list(entries.values()))

    def load(self) -> bool:
        """Take in what the pool has learnt; whether that was anything."""
        pool, before = self._pool, self._loaded
        for c in range(before, len(pool)):
            self._add(pool.group[c], pool.cost[c], pool.uses[c], pool.plan[c], fail=False)
        self._loaded = len(pool)
        return self._loaded > before

    def solve(self) -> None:
        """Solve to optimality."""
        highs: Any = self._highs
        highs.run()
        self.value = float(highs.getInfo().objective_function_value)
        solution = highs.getSolution()
        values = np.array(solution.col_value)[len(self._sides) :]
        self.failures, self.weights = values[: self._groups], values[self._groups :]
        prices = np.maximum(-np.array(solution.row_dual)[self._groups :], 0.0)
        self.duals = Duals(prices[: self._pool.capacity.size], prices[self._pool.capacity.size :])


class Choice(NamedTuple):
    """Integer solution of a master problem.

    Attributes
    ----------
    fail, plan
        Of every task, shapes [Q] and [Q, 3, K].
    cost
        Its objective.
    """

    fail: np.ndarray
    plan: np.ndarray
    cost: float


def choose(pool: Pool, most_columns: int, duals: Duals, seconds: float) -> Choice | None:
    """Best integer choice among the columns of least reduced cost; none if the time is too short to find one.

    Parameters
    ----------
    pool
        The columns.
    most_columns
        How many are looked at.
    duals
        Prices at which columns are compared.
    seconds
        Time limit [s].
    """
    instance, groups = pool.instance, pool.tables.size.size
    group, cost = np.array(pool.group, dtype=np.int64), np.array(pool.cost)
    charged = cost + [sum(duals.price[row] * amount for row, amount in uses.items()) for uses in pool.uses]
    least = np.full(groups, instance.penalty)
    np.minimum.at(least, group, charged)
    kept = np.argsort(charged - least[group], kind="stable")[:most_columns]
    times = take(pool, kept, np.ones(groups, dtype=bool), 1e-6, seconds)
    if times is None:
        return None
    fail = np.ones(instance.tasks, dtype=bool)
    plan = np.zeros((instance.tasks, 3, instance.window), dtype=np.int64)
    waiting = [np.flatnonzero(instance.groups.of_task == g).tolist() for g in range(groups)]
    for c in np.repeat(kept, times.astype(np.int64)).tolist():
        q = waiting[pool.group[c]].pop(0)
        fail[q], plan[q] = False, pool.plan[c]
    return Choice(fail, plan, float(cost[kept] @ times + instance.penalty * fail.sum()))


def take(
    pool: Pool, kept: np.ndarray, whole: np.ndarray, gap: float, seconds: float = np.inf, most_nodes: int = MOST_NODES
) -> np.ndarray | None:
    """How often each of some columns is best taken; none if the limits are too tight to find out.

    Parameters
    ----------
    pool, kept
        The columns, and the numbers of those that may be taken, int64, shape [C].
    whole
        Groups whose tasks take a plan each, bool, shape [G]; of the others any parts may.
    gap
        Relative gap that suffices.
    seconds, most_nodes
        Limits of the search; without one of time the result is the same everywhere.

    Returns
    -------
    np.ndarray or None
        Shape [C], rounded where a group is whole.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    instance, groups = pool.instance, pool.tables.size.size
    group, cost = np.array(pool.group, dtype=np.int64)[kept], np.array(pool.cost)[kept]
    row, column, value = list(range(groups)), list(range(groups)), [1.0] * groups  # failing
    for j, c in enumerate(kept.tolist(), start=groups):
        entries = {pool.group[c]: 1.0} | {groups + at: amount for at, amount in pool.uses[c].items()}
        row += entries
        column += [j] * len(entries)
        value += entries.values()
    matrix = sparse.csc_array((value, (row, column)), shape=(groups + pool.capacity.size, groups + kept.size))
    lower = np.concatenate((pool.tables.size, np.full(pool.capacity.size, -np.inf)))
    upper = np.concatenate((pool.tables.size, pool.capacity))
    most = np.concatenate((pool.tables.size, pool.tables.size[group]))
    found = milp(
        np.concatenate((np.full(groups, instance.penalty), cost)),
        integrality=np.concatenate((whole, whole[group])).astype(np.int64),
        bounds=Bounds(0, most),
        constraints=LinearConstraint(matrix, lower, upper),
        options={"time_limit": seconds, "node_limit": most_nodes, "mip_rel_gap": gap},
    )
    if found.x is None:
        return None
    times: np.ndarray = found.x[groups:]
    return np.where(whole[group], np.round(times), times)
