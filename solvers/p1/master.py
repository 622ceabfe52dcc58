"""The master problem: share the tasks of each group among known plans within all capacities, by HiGHS."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from mecbench.problems.p1.rows import Row, count
from mecbench.solvers.p1.pool import Pool

__all__ = ["Choice", "Duals", "Master", "Side", "choose", "choose_among", "take"]

EXCESS = 1.0  # cost of a unit by which a branch is not kept, in penalties
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

    It can be moved to other sides, and goes on from its last basis there: a count is a row from when it is first branched
    on, and a side a limit of it.

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

        self._pool, self._loaded = pool, 0
        self._sides: tuple[Side, ...] = ()
        self._highs = highs = highspy.Highs()
        highs.silent()
        highs.setOptionValue("threads", 1)
        self._infinity = infinity = highspy.kHighsInf
        groups = self._groups = pool.tables.size.size
        for size in pool.tables.size.tolist():
            highs.addRow(float(size), float(size), 0, [], [])
        for limit in pool.capacity.tolist():
            highs.addRow(-infinity, limit, 0, [], [])
        self._rows, self._columns = groups + pool.capacity.size, 0
        self._row_of: dict[Row, int] = {}
        self._row_of_key: dict[tuple[Any, ...], int] = {}
        self._limited: set[int] = set()
        self._column_of: list[int] = []
        for g in range(groups):
            self._add(pool.instance.penalty, {g: 1.0})
        self.value, self.weights, self.failures = np.inf, np.zeros(0), np.zeros(groups)
        self.move(sides)

    def move(self, sides: tuple[Side, ...]) -> None:
        """Go to other sides of branches."""
        limits: dict[int, list[float]] = {}
        for side in sides:
            row = self._row_of.get(side.row)
            if row is None:
                row = self._branch_on(side.row)
            least, most = limits.setdefault(row, [-self._infinity, self._infinity])
            limits[row] = [least, min(most, side.limit)] if side.sign > 0 else [max(least, side.limit + 1), most]
        for row in self._limited - limits.keys():
            self._highs.changeRowBounds(row, -self._infinity, self._infinity)
        for row, (least, most) in limits.items():
            self._highs.changeRowBounds(row, least, most)
        self._limited, self._sides = set(limits), sides
        self.duals = Duals(np.zeros(self._pool.capacity.size), np.zeros(len(sides)))

    def load(self) -> bool:
        """Take in what the pool has learnt; whether that was anything."""
        pool, before = self._pool, self._loaded
        for c in range(before, len(pool)):
            entries = {pool.group[c]: 1.0} | {self._groups + row: amount for row, amount in pool.uses[c].items()}
            for key in self._counted(pool.group[c], pool.plan[c]) if self._row_of else ():
                row = self._row_of_key.get(key)
                if row is not None:
                    entries[row] = entries.get(row, 0.0) + 1.0
            self._column_of.append(self._columns)
            self._add(pool.cost[c], entries)
        self._loaded = len(pool)
        return self._loaded > before

    def solve(self) -> None:
        """Solve to optimality."""
        highs: Any = self._highs
        highs.run()
        self.value = float(highs.getInfo().objective_function_value)
        solution = highs.getSolution()
        values = np.array(solution.col_value)
        self.failures, self.weights = values[: self._groups], values[self._column_of]
        duals = -np.array(solution.row_dual)
        multipliers = [max(side.sign * duals[self._row_of[side.row]], 0.0) for side in self._sides]
        # Of several sides on one count, only the tightest is one.
        for i, side in enumerate(self._sides):
            if multipliers[i] > 0.0 and any(later.row == side.row and later.sign == side.sign for later in self._sides[i + 1 :]):
                multipliers[i] = 0.0
        prices = np.maximum(duals[self._groups : self._groups + self._pool.capacity.size], 0.0)
        self.duals = Duals(prices, np.array(multipliers))

    def _add(self, cost: float, entries: dict[int, float]) -> None:
        self._highs.addCol(cost, 0.0, self._infinity, len(entries), list(entries), list(entries.values()))
        self._columns += 1

    def _branch_on(self, row: Row) -> int:
        """Add a row for a count, and columns for what it misses or exceeds a limit by."""
        pool, infinity = self._pool, self._infinity
        number = self._rows
        entries = {}
        if self._loaded:
            group, plan = np.array(pool.group[: self._loaded]), np.array(pool.plan[: self._loaded])
            counted = count(row, pool.tables, group, plan, np.zeros(group.size, dtype=bool))
            entries = {self._column_of[c]: float(counted[c]) for c in np.flatnonzero(counted).tolist()}
        if row.counts == "failures":
            entries |= dict.fromkeys(range(self._groups) if row.group is None else (row.group,), 1.0)
        self._highs.addRow(-infinity, infinity, len(entries), list(entries), list(entries.values()))
        self._rows += 1
        for sign in (1.0, -1.0):
            self._add(EXCESS * pool.instance.penalty, {number: sign})
        self._row_of[row] = self._row_of_key[row.counts, row.node, row.slot, row.group, row.layer] = number
        return number

    def _counted(self, group: int, plan: np.ndarray) -> list[tuple[Any, ...]]:
        """The fields of all rows that count something of a plan, as often as they do."""
        keys: list[tuple[Any, ...]] = []
        tables = self._pool.tables
        before, done, t = int(tables.source[group]), 0, int(tables.release[group])
        for node, end, share in plan.T.tolist():
            if node != before:
                keys += product(("hops",), (None,), (t, None), (group, None), (None,))
            if share > 0:
                keys += product(("blocks",), (node, None), (t, None), (group, None), (None, *range(done + 1, end + 1)))
            before, done, t = node, end, t + 1
        return keys


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
    group = np.array(pool.group, dtype=np.int64)
    charged = np.array(pool.cost) + [sum(duals.price[row] * amount for row, amount in uses.items()) for uses in pool.uses]
    least = np.full(pool.tables.size.size, pool.instance.penalty)
    np.minimum.at(least, group, charged)
    kept = np.argsort(charged - least[group], kind="stable")[:most_columns]
    return choose_among(pool, kept, (), seconds)[0]


def choose_among(
    pool: Pool, columns: np.ndarray, sides: tuple[Side, ...], seconds: float, gap: float = 1e-6
) -> tuple[Choice | None, float]:
    """Best integer choice among some columns, on the given sides of branches, and what HiGHS says that none of them goes below.

    Parameters
    ----------
    pool, columns
        The columns, and the numbers of those looked at.
    sides
        The sides.
    seconds
        Time limit [s].
    gap
        Relative gap to stop at.
    """
    times, lower = take(pool, columns, np.ones(pool.tables.size.size, dtype=bool), gap, seconds, sides=sides)
    if times is None:
        return None, lower
    taken = np.repeat(columns, times.astype(np.int64))
    total = sum(pool.cost[c] for c in taken.tolist()) + pool.instance.penalty * (pool.instance.tasks - taken.size)
    return Choice(*pool.assign(taken), float(total)), lower


def take(
    pool: Pool,
    columns: np.ndarray,
    whole: np.ndarray,
    gap: float,
    seconds: float = np.inf,
    most_nodes: int = MOST_NODES,
    sides: tuple[Side, ...] = (),
) -> tuple[np.ndarray | None, float]:
    """How often each of some columns is best taken, none if there is no answer yet, and what HiGHS says that no answer goes below.

    Parameters
    ----------
    pool, columns
        The columns, and the numbers of those that may be taken, int64, shape [C].
    whole
        Groups whose tasks take a plan each, bool, shape [G]; of the others any parts may.
    gap
        Relative gap to stop at.
    seconds, most_nodes
        Limits of the search; without one of time the result is the same everywhere.
    sides
        Sides of branches.

    Returns
    -------
    tuple[np.ndarray or None, float]
        Shape [C], rounded where a group is whole; infinite where there is no answer at all.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    instance, groups = pool.instance, pool.tables.size.size
    group, cost = np.array([pool.group[c] for c in columns.tolist()], dtype=np.int64), [pool.cost[c] for c in columns.tolist()]
    row, column, value = list(range(groups)), list(range(groups)), [1.0] * groups  # failing
    for j, c in enumerate(columns.tolist(), start=groups):
        entries = {pool.group[c]: 1.0} | {groups + at: amount for at, amount in pool.uses[c].items()}
        row += entries
        column += [j] * len(entries)
        value += entries.values()
    matrix = sparse.csc_array((value, (row, column)), shape=(groups + pool.capacity.size, groups + columns.size))
    lower = np.concatenate((pool.tables.size, np.full(pool.capacity.size, -np.inf)))
    upper = np.concatenate((pool.tables.size, pool.capacity))
    constraints = [LinearConstraint(matrix, lower, upper)]
    if sides:
        plan = np.array([pool.plan[c] for c in columns.tolist()], dtype=np.int64).reshape(-1, 3, instance.window)
        choices = np.arange(groups), np.zeros((groups, 3, instance.window), dtype=np.int64), np.arange(groups + columns.size) < groups
        everything = np.concatenate((choices[0], group)), np.concatenate((choices[1], plan)), choices[2]
        counted = np.array([side.sign * count(side.row, pool.tables, *everything) for side in sides])
        limits = np.array([side.right_hand_side for side in sides])
        constraints.append(LinearConstraint(counted, np.full(limits.size, -np.inf), limits))
    most = np.concatenate((pool.tables.size, pool.tables.size[group]))
    found = milp(
        np.concatenate((np.full(groups, instance.penalty), cost)),
        integrality=np.concatenate((whole, whole[group])).astype(np.int64),
        bounds=Bounds(0, most),
        constraints=constraints,
        options={"time_limit": seconds, "node_limit": most_nodes, "mip_rel_gap": gap},
    )
    if found.x is None:
        return None, np.inf if found.status == 2 else -np.inf
    times: np.ndarray = found.x[groups:]
    bound = found.mip_dual_bound
    return np.where(whole[group], np.round(times), times), -np.inf if bound is None else float(bound)
