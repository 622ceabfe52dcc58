"""Exact pricing of P1: the cheapest plan of each group of tasks at given prices, deadline included, compiled.

The dynamic programme ignores the deadline. Where its plan misses it, the same programme with a multiplier mu on every
second, for each of a fixed list of mu, gives lower bounds value_mu - mu T and perhaps plans in time; where they do not meet, the
label search decides. All limits are fixed, so that a certificate's bound is the same whoever recomputes it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p1.labels import search
from mecbench.problems.p1.programme import fill_blocks, trace, values
from mecbench.problems.p1.tables import Prices, Tables

__all__ = ["MOST_LABELS", "MULTIPLIERS", "Listed", "Priced", "plans_below", "price"]

FEW_MULTIPLIERS = np.array([0.0, 0.06, 0.3, 1.5])  # mu [1/s] that are tried first
MULTIPLIERS = np.array([0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.5, 4.0])  # mu [1/s]
MOST_LABELS = 10_000  # of one task's search, after which the bound of the multipliers stands; hundreds are usual


class Priced(NamedTuple):
    """Cheapest choice of each of G groups; failing is a choice.

    Attributes
    ----------
    value
        Least cost with prices, fees and penalty; a lower bound of it where not exact; shape [G].
    fail
        Whether failing is cheapest, bool, shape [G].
    plan
        Node, layers done and share of the K slots, int64, shape [G, 3, K]; of a failing task it stays at its source.
    exact
        Whether the plan attains the value, bool, shape [G].
    """

    value: np.ndarray
    fail: np.ndarray
    plan: np.ndarray
    exact: np.ndarray


class Listed(NamedTuple):
    """Plans of one group below a limit.

    Attributes
    ----------
    cost
        With prices and fees, shape [C].
    plan
        Node, layers done and share of the K slots, int64, shape [C, 3, K].
    complete
        Whether there are no others.
    """

    cost: np.ndarray
    plan: np.ndarray
    complete: bool


def price(tables: Tables, prices: Prices, most_labels: int = MOST_LABELS) -> Priced:
    """Find the cheapest choice of every group.

    Parameters
    ----------
    tables, prices
        The instance and the prices.
    most_labels
        Labels after which a group's search gives up.
    """
    value, fail, plan, exact = _price(tables, prices, FEW_MULTIPLIERS, MULTIPLIERS, most_labels)
    return Priced(value, fail, plan.reshape(-1, 3, tables.window), exact)


def plans_below(tables: Tables, prices: Prices, group: int, limit: float, most_plans: int, most_labels: int = 2000 * MOST_LABELS) -> Listed:
    """List every plan of a group that completes and costs less than a limit, prices and fees included.

    Parameters
    ----------
    tables, prices, group
        The instance, the prices and the group.
    limit
        Cost to stay below.
    most_plans, most_labels
        When to give up.
    """
    row = int(prices.row[group])
    release, source = int(tables.release[group]), int(tables.source[group])
    known = _all_multipliers(tables, prices, MULTIPLIERS, row, release)
    found = search(tables, prices, row, release, source, MULTIPLIERS, *known, float(limit), True, most_labels, most_plans)
    return Listed(found[0][:, 0], found[1].reshape(-1, 3, tables.window), found[2])


@njit(cache=True, error_model="numpy")
def _fill(tables: Tables, prices: Prices, multiplier: float, needed: np.ndarray, price: np.ndarray, share: np.ndarray) -> None:
    """Price the blocks of all nodes in the slots that are needed."""
    for m in range(tables.speed.size):
        for t in range(needed.size):
            if needed[t]:
                fill_blocks(tables, prices, multiplier, m, t, price, share)


@njit(cache=True, error_model="numpy")
def _all_multipliers(
    tables: Tables, prices: Prices, multipliers: np.ndarray, row: int, release: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What the search of one release reads: prices of blocks, best shares at multiplier 0, values, and values after hops."""
    nodes, slots = tables.availability.shape
    layers, count = tables.cycles.shape[0] - 1, multipliers.size
    needed = np.zeros(slots, dtype=np.bool_)
    needed[release : release + tables.window] = True
    price = np.empty((count, nodes, slots, layers, layers + 1))
    share = np.zeros((2, nodes, slots, layers, layers + 1), dtype=np.int64)
    value = np.empty((count, tables.window + 1, layers + 1, nodes))
    after = np.empty((count, tables.window, layers, nodes))
    for i in range(count):
        at = share[min(i, 1)]
        _fill(tables, prices, multipliers[i], needed, price[i], at)
        values(tables, prices, row, multipliers[i], price[i], at, release, value[i], after[i])
    return price, share[0], value, after


@njit(cache=True, error_model="numpy")
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.size):
        target[i] = source[i]


@njit(cache=True, error_model="numpy")
def _price_late(
    tables: Tables,
    prices: Prices,
    multipliers: np.ndarray,
    most_labels: int,
    late: np.ndarray,
    number: np.ndarray,
    programmes: int,
    best: np.ndarray,
    value: np.ndarray,
    fail: np.ndarray,
    plan: np.ndarray,
    exact: np.ndarray,
) -> None:
    """Price the groups in `late` within the deadline: by multipliers, and where they do not close, by the search."""
    nodes, slots, layers, _ = best.shape
    window, groups, rows = tables.window, tables.source.size, prices.fail.size
    wanted, needed = np.zeros(programmes, dtype=np.bool_), np.zeros(slots, dtype=np.bool_)
    lower = np.full(groups, -np.inf)
    for g in range(groups):
        if late[g]:
            a, row = tables.release[g], prices.row[g]
            wanted[number[a, row]] = True
            needed[a : a + window] = True
            value[g], fail[g] = tables.penalty + prices.fail[row], True

    block = np.empty((multipliers.size, nodes, slots, layers, layers + 1))
    share = np.zeros((nodes, slots, layers, layers + 1), dtype=np.int64)
    cost_to_go = np.empty((programmes, multipliers.size, window + 1, layers + 1, nodes))
    after = np.empty((programmes, multipliers.size, window, layers, nodes))
    attempt = np.empty(3 * window, dtype=np.int64)
    for i in range(multipliers.size):
        _fill(tables, prices, multipliers[i], needed, block[i], share)
        for a in range(slots):
            for row in range(rows):
                pair = number[a, row]
                if pair >= 0 and wanted[pair]:
                    values(tables, prices, row, multipliers[i], block[i], share, a, cost_to_go[pair, i], after[pair, i])
        for g in range(groups):
            if late[g]:
                a, row, source = tables.release[g], prices.row[g], tables.source[g]
                found = cost_to_go[number[a, row], i]
                lower[g] = max(lower[g], found[0, 0, source] - multipliers[i] * tables.deadline)
                cost, seconds = trace(tables, prices, row, multipliers[i], block[i], share, a, source, found, attempt)
                if seconds <= tables.deadline and cost < value[g]:
                    value[g], fail[g] = cost, False
                    _copy(attempt, plan[g])

    for g in range(groups):
        if late[g] and lower[g] < value[g]:
            a, row, source = tables.release[g], prices.row[g], tables.source[g]
            pair, limit = number[a, row], value[g]
            known = (block, best, cost_to_go[pair], after[pair])
            costs, plans, complete = search(tables, prices, row, a, source, multipliers, *known, limit, False, most_labels, 1)
            if costs.size:
                value[g], fail[g] = costs[0, 0], False
                _copy(plans[0], plan[g])
            if not complete:
                exact[g] = lower[g] >= value[g]
                value[g] = min(value[g], lower[g])


@njit(cache=True, error_model="numpy")
def _price(
    tables: Tables, prices: Prices, few: np.ndarray, multipliers: np.ndarray, most_labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Price all groups without the deadline, then those again whose plans miss it."""
    nodes, slots = tables.availability.shape
    layers, window, groups, rows = tables.cycles.shape[0] - 1, tables.window, tables.source.size, prices.fail.size
    # Tasks of one release and row of fees share a programme.
    number = np.full((slots, rows), -1)
    programmes = 0
    needed = np.zeros(slots, dtype=np.bool_)
    for g in range(groups):
        a, row = tables.release[g], prices.row[g]
        needed[a : a + window] = True
        if number[a, row] < 0:
            number[a, row] = programmes
            programmes += 1

    block = np.empty((nodes, slots, layers, layers + 1))
    share = np.zeros((nodes, slots, layers, layers + 1), dtype=np.int64)
    free = np.empty((programmes, window + 1, layers + 1, nodes))
    after = np.empty((window, layers, nodes))
    _fill(tables, prices, 0.0, needed, block, share)
    for a in range(slots):
        for row in range(rows):
            if number[a, row] >= 0:
                values(tables, prices, row, 0.0, block, share, a, free[number[a, row]], after)

    value, exact = np.empty(groups), np.ones(groups, dtype=np.bool_)
    fail, late = np.zeros(groups, dtype=np.bool_), np.zeros(groups, dtype=np.bool_)
    plan = np.empty((groups, 3 * window), dtype=np.int64)
    any_late = False
    for g in range(groups):
        a, row, source = tables.release[g], prices.row[g], tables.source[g]
        found = free[number[a, row]]
        value[g] = tables.penalty + prices.fail[row]
        if found[0, 0, source] >= value[g]:
            fail[g] = True
            continue
        value[g], seconds = trace(tables, prices, row, 0.0, block, share, a, source, found, plan[g])
        if seconds > tables.deadline:
            late[g] = any_late = True
    if any_late:
        _price_late(tables, prices, few, most_labels, late, number, free.shape[0], share, value, fail, plan, exact)
        if not exact.all():
            for g in range(groups):
                late[g], exact[g] = not exact[g], True
            _price_late(tables, prices, multipliers, most_labels, late, number, free.shape[0], share, value, fail, plan, exact)
    for g in range(groups):
        if fail[g]:
            for k in range(window):
                plan[g, k], plan[g, window + k], plan[g, 2 * window + k] = tables.source[g], 0, 0
    return value, fail, plan, exact
