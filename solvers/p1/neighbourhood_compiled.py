"""Rounds of large-neighbourhood search, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.tables import Tables
from mecbench.solvers.p1.insertion_compiled import insert
from mecbench.solvers.p1.shares_compiled import place, settle, withdraw
from mecbench.solvers.p1.state import Offers, State

__all__ = ["rounds", "take"]

CHANGE = 1e-12  # cost that counts as a gain
WILD = 0.7  # part of the rounds in which prices differ by slot
MOST_TOLL = 1.2  # of hops, on average over the slots, in parts of their price in column generation
NOISE = 0.02  # cost of a hop, at most and rarely, on top of that


@njit(cache=True, error_model="numpy")
def _uniform(random: np.ndarray) -> float:
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return (x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, error_model="numpy")
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.size):
        target[i] = source[i]


@njit(cache=True, error_model="numpy")
def _choose(tables: Tables, state: State, random: np.ndarray, most: int, chosen: np.ndarray, pool: np.ndarray) -> int:
    tasks, window = state.fail.size, tables.window
    count = 1 + int(_uniform(random) * min(most, tasks))
    number = 0
    kind = _uniform(random)
    q = int(_uniform(random) * tasks)
    if kind < 0.65 and not state.fail[q]:
        k = int(_uniform(random) * window)
        for _ in range(window):
            n = state.plan[q, 0, k - 1] if k > 0 else tables.source[q]
            if (kind < 0.4 and state.work[q, k] > 0.0) or (kind >= 0.4 and state.plan[q, 0, k] != n):
                break
            k = (k + 1) % window
        m, t = state.plan[q, 0, k], tables.release[q] + k
        if kind < 0.4:
            b = state.head[m, t]
            while b >= 0:
                pool[number] = b // window
                number += 1
                b = state.following[b]
        else:
            for p in range(tasks):
                j = t - tables.release[p]
                if not state.fail[p] and 0 <= j < window:
                    n = state.plan[p, 0, j - 1] if j > 0 else tables.source[p]
                    if state.plan[p, 0, j] != n:
                        pool[number] = p
                        number += 1
    if number == 0:
        for p in range(tasks):
            pool[p] = p
        number = tasks
    count = min(count, number)
    for i in range(count):
        j = i + int(_uniform(random) * (number - i))
        pool[i], pool[j] = pool[j], pool[i]
        chosen[i] = pool[i]
    # one that fails
    failed = 0
    for p in range(tasks):
        failed += state.fail[p]
    if failed and _uniform(random) < 0.5:
        at = int(_uniform(random) * failed)
        for p in range(tasks):
            if state.fail[p]:
                if at == 0:
                    known = False
                    for i in range(count):
                        known = known or chosen[i] == p
                    if not known:
                        j = int(_uniform(random) * (count + 1))
                        chosen[count] = chosen[j] if j < count else p
                        chosen[j] = p
                        count += 1
                at -= 1
    return count


@njit(cache=True, error_model="numpy", nogil=True)
def rounds(
    tables: Tables,
    state: State,
    before: State,
    best: State,
    offers: Offers,
    multipliers: np.ndarray,
    random: np.ndarray,
    number: int,
    most: int,
    temperature: float,
) -> None:
    """Look at neighbourhoods: take some tasks out, insert each anew, and keep what is better or, by chance, a little worse.

    Parameters
    ----------
    tables
        The instance.
    state, before, best
        The present solution, space for another, and the best one.
    offers, multipliers
        What blocks cost, and its multipliers.
    random
        State of the random numbers, uint64, shape [1].
    number, most
        Neighbourhoods to look at, and tasks to take out at most.
    temperature
        Of the annealed acceptance, in units of the cost.
    """
    tasks, window = state.fail.size, tables.window
    chosen, pool = np.empty(tasks + 1, dtype=np.int64), np.empty(tasks + 1, dtype=np.int64)
    attempt, plan = np.empty((3, window), dtype=np.int64), np.empty((3, window), dtype=np.int64)
    levels, tolls = np.empty(state.hops.size, dtype=np.int64), np.empty(state.hops.size)
    least = best.cost.sum()
    cost = state.cost.sum()
    for _ in range(number):
        _copy(state.integers, before.integers)
        _copy(state.reals, before.reals)
        wild, theta = _uniform(random) < WILD, MOST_TOLL * _uniform(random)
        for t in range(tolls.size):
            levels[t] = int(_uniform(random) * offers.level.size) if wild else 0
            tolls[t] = theta * (0.5 + _uniform(random)) * offers.hop_price[t] + (NOISE * _uniform(random) ** 3 if wild else 0.0)
        count = _choose(tables, state, random, most, chosen, pool)
        for i in range(count):
            withdraw(tables, state, chosen[i])
        for i in range(count):
            q = chosen[i]
            if not before.fail[q]:
                for k in range(window):
                    if before.work[q, k] > 0.0:
                        settle(tables, state, before.plan[q, 0, k], tables.release[q] + k)
        for i in range(count):
            insert(tables, state, offers, multipliers, levels, tolls, chosen[i], attempt, plan)
        for i in range(count):
            q = chosen[i]
            for k in range(window):
                if state.work[q, k] > 0.0:
                    settle(tables, state, state.plan[q, 0, k], tables.release[q] + k)
        new = state.cost.sum()
        if new > cost and new - cost > -temperature * np.log(1.0 - _uniform(random)):
            _copy(before.integers, state.integers)
            _copy(before.reals, state.reals)
        else:
            cost = new
            if new < least - CHANGE:
                least = new
                _copy(state.integers, best.integers)
                _copy(state.reals, best.reals)


@njit(cache=True, error_model="numpy")
def take(tables: Tables, state: State, fail: np.ndarray, plan: np.ndarray) -> None:
    """Make a state that of a solution, its shares settled.

    Parameters
    ----------
    tables, state
        Instance and state.
    fail, plan
        Who fails [Q], and feasible plans [Q, 3, K].
    """
    for q in range(fail.size):
        withdraw(tables, state, q)
    for q in range(fail.size):
        if not fail[q]:
            state.plan[q] = plan[q]
            place(tables, state, q)
    for m in range(tables.speed.size):
        for t in range(state.hops.size):
            settle(tables, state, m, t)
