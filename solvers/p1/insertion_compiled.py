"""The cheapest plan of one task among the others of a solution, compiled.

It is the dynamic programme of pricing (`mecbench.problems.p1.programme`), with two differences. A share that is not free costs
what those who use it lose by giving it, or its price if that is more: the first x shares of a node in a slot have a convex
charge. And what a block costs is kept until something changes on its node in its slot.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.programme import least_share
from mecbench.problems.p1.tables import Tables
from mecbench.solvers.p1.shares_compiled import give, place, squeeze
from mecbench.solvers.p1.state import Offers, State

__all__ = ["insert", "plan_one"]

FIRST, SQUEEZING = np.int64(0), np.bool_(True)  # typed, since numba compiles what is called with a literal once more
MOST_ATTEMPTS = 3  # to insert a task: two blocks may ask the same user for its last second


@njit(cache=True, error_model="numpy")
def _charge(tables: Tables, state: State, offers: Offers, level: int, m: int, t: int, squeezing: bool) -> None:
    """Charge the first x shares of a node in a slot, for all x."""
    version, left = state.version[m, t], state.left[m, t]
    if offers.given[m, t] != version:
        offers.given[m, t] = version
        loss = offers.give[m, t]
        given = give(tables, state, m, t, 100 - left, loss) if squeezing else 0
        for i in range(given, 100):
            loss[i] = np.inf
    if offers.charged[level, m, t] != version:
        offers.charged[level, m, t] = version
        factor, total = offers.level[level], 0.0
        least = factor * offers.share_price[m, t]
        charge, loss = offers.charge[level, m, t], offers.give[m, t]
        charge[0] = 0.0
        for x in range(1, 101):
            total += least if x <= left else max(least, factor * loss[x - left - 1])
            charge[x] = total


@njit(cache=True, error_model="numpy")
def _price(
    cycles: np.ndarray, speed: float, energy: float, delay: float, room: np.ndarray, charge: np.ndarray, price: np.ndarray,
    share: np.ndarray, m: int
) -> None:  # fmt: skip
    """Price the blocks of a node at their best shares, by bisection; `delay` is that of a cycle with the multiplier."""
    layers, most = cycles.shape[0] - 1, 100
    while most > 0 and charge[most] == np.inf:
        most -= 1
    for done in range(layers):
        low = 1  # more work, more share
        for j in range(done + 1, layers + 1):
            if most == 0:
                price[done, j, m] = np.inf
                continue
            work, high = cycles[done, j], most
            if room[done, m] < np.inf:
                low = max(low, least_share(work, speed, room[done, m]))
                if low > most:
                    price[done, j, m] = np.inf
                    continue
            while low < high:
                x = (low + high) >> 1
                if work * (delay / (x * (x + 1.0)) - energy * (2.0 * x + 1.0)) > charge[x + 1] - charge[x]:
                    low = x + 1
                else:
                    high = x
            price[done, j, m] = work * (energy * low * low + delay / low) + charge[low]
            share[done, j, m] = low


@njit(cache=True, error_model="numpy")
def _refresh(
    tables: Tables, state: State, offers: Offers, levels: np.ndarray, i: int, multiplier: float, release: int, squeezing: bool
) -> None:
    """Bring the prices of blocks in the slots of a window up to date."""
    for t in range(release, release + tables.window):
        level = levels[t]
        for m in range(tables.speed.size):
            if offers.priced[level, i, m, t] != state.version[m, t]:
                offers.priced[level, i, m, t] = state.version[m, t]
                _charge(tables, state, offers, level, m, t, squeezing)
                delay = (tables.delay_weight + multiplier) / tables.speed[m]
                price, share = offers.price[level, i, t], offers.share[level, i, t]
                _price(tables.cycles, tables.speed[m], tables.energy[m], delay, offers.room, offers.charge[level, m, t], price, share, m)


@njit(cache=True, error_model="numpy")
def _after(price: np.ndarray, following: np.ndarray, done: int, layers: int, last: bool, after: np.ndarray) -> None:
    """Least cost after the hop of a slot on each node: of a block and what follows, or of waiting."""
    nodes = after.size
    if last:
        for m in range(nodes):
            after[m] = price[layers, m]
        return
    for m in range(nodes):
        after[m] = min(following[done, m], price[layers, m])
    for j in range(done + 1, layers):
        block, later = price[j], following[j]
        for m in range(nodes):
            after[m] = min(after[m], block[m] + later[m])


@njit(cache=True, error_model="numpy")
def _value(hop: np.ndarray, after: np.ndarray, per_second: float, toll: float, most: float, value: np.ndarray) -> None:
    """Least cost before the hop of a slot on each node, where below `most`; `hop` is [to, from]."""
    nodes = after.size
    for n in range(nodes):
        value[n] = after[n]
    for m in range(nodes):
        base = after[m] + toll
        if base < most:
            to = hop[m]
            for n in range(nodes):
                value[n] = min(value[n], base + per_second * to[n])


@njit(cache=True, error_model="numpy")
def _programme(
    tables: Tables, state: State, offers: Offers, levels: np.ndarray, tolls: np.ndarray, i: int, multiplier: float, q: int, most: float
) -> float:
    """Values of all states of a task; that of its beginning."""
    layers, window, release = tables.cycles.shape[0] - 1, tables.window, tables.release[q]
    per_second = tables.hop_weight + multiplier
    for k in range(window - 1, -1, -1):
        t = release + k
        toll = tolls[t] if state.hops[t] > 0 else np.inf
        price, following = offers.price[levels[t], i, t], offers.value[k + 1]
        for done in range(layers if k else 1):
            after = offers.after[k, done]
            _after(price[done], following, done, layers, k == window - 1, after)
            if k:
                _value(tables.hop_time[done], after, per_second, toll, most, offers.value[k, done])
    n = tables.source[q]
    best, toll = offers.after[0, 0, n], tolls[release] if state.hops[release] > 0 else np.inf
    for e in range(tables.first[n], tables.first[n + 1]):
        m = tables.neighbour[e]
        best = min(best, per_second * tables.hop_time[0, n, m] + toll + offers.after[0, 0, m])
    return best


@njit(cache=True, error_model="numpy")
def _trace(
    tables: Tables, state: State, offers: Offers, levels: np.ndarray, tolls: np.ndarray, i: int, multiplier: float, q: int, plan: np.ndarray
) -> tuple[float, float]:
    """Write the plan [3, K] that attains the value; its cost without the multiplier and its seconds."""
    layers, window, release = tables.cycles.shape[0] - 1, tables.window, tables.release[q]
    per_second = tables.hop_weight + multiplier
    done, n = 0, tables.source[q]
    cost = seconds = 0.0
    for k in range(window):
        t, last = release + k, k == window - 1
        if done == layers:
            plan[0, k], plan[1, k], plan[2, k] = n, done, 0
            continue
        free, after = state.hops[t] > 0, offers.after[k, done]
        best, to = after[n], n
        if free:
            for e in range(tables.first[n], tables.first[n + 1]):
                m = tables.neighbour[e]
                total = per_second * tables.hop_time[done, n, m] + tolls[t] + after[m]
                if total < best:
                    best, to = total, m
        if to != n:
            hop = tables.hop_time[done, n, to]
            cost += tables.hop_weight * hop + tolls[t]
            seconds += hop
        level = levels[t]
        price, following = offers.price[level, i, t], offers.value[k + 1]
        end, best = done, np.inf if last else following[done, to]
        if price[done, layers, to] < best:
            end, best = layers, price[done, layers, to]
        if not last:
            for j in range(done + 1, layers):
                if price[done, j, to] + following[j, to] < best:
                    end, best = j, price[done, j, to] + following[j, to]
        x = 0
        if end > done:
            x = offers.share[level, i, t, done, end, to]
            cycles = tables.cycles[done, end]
            time = cycles / (tables.speed[to] * x)
            cost += tables.energy[to] * cycles * x * x + tables.delay_weight * time + offers.charge[level, to, t, x]
            seconds += time
        plan[0, k], plan[1, k], plan[2, k] = to, end, x
        n, done = to, end
    return cost, seconds


@njit(cache=True, error_model="numpy")
def _hasten(
    tables: Tables, offers: Offers, levels: np.ndarray, q: int, cost: float, seconds: float, plan: np.ndarray
) -> tuple[float, float]:
    """Raise the shares of a late plan until it is in time, each time where a second costs least; its new cost, and what the last cost."""
    window, release = tables.window, tables.release[q]
    best = 0.0
    while seconds > tables.deadline:
        best, raised, dearer, faster = np.inf, -1, 0.0, 0.0
        done = 0
        for k in range(window):
            m, end, x, t = plan[0, k], plan[1, k], plan[2, k], release + k
            if end > done and x < 100:
                charge = offers.charge[levels[t], m, t]
                if charge[x + 1] < np.inf:
                    cycles = tables.cycles[done, end]
                    saved = cycles / (tables.speed[m] * x * (x + 1.0))
                    more = tables.energy[m] * cycles * (2.0 * x + 1.0) - tables.delay_weight * saved + charge[x + 1] - charge[x]
                    if more < best * saved:
                        best, raised, dearer, faster = more / saved, k, more, saved
            done = end
        if raised < 0:
            return np.inf, np.inf
        plan[2, raised] += 1
        cost += dearer
        seconds -= faster
    return cost, best


@njit(cache=True, error_model="numpy")
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.shape[0]):  # assigning slices takes numba seconds to compile
        for k in range(source.shape[1]):
            target[i, k] = source[i, k]


@njit(cache=True, error_model="numpy")
def plan_one(
    tables: Tables, state: State, offers: Offers, multipliers: np.ndarray, levels: np.ndarray, tolls: np.ndarray, q: int, squeezing: bool,
    attempt: np.ndarray, plan: np.ndarray
) -> float:  # fmt: skip
    """Write a cheap plan of a task within the deadline; its cost, prices and what others lose included.

    It is the cheapest where that of the dynamic programme is in time. A late one has its shares raised until it is not, which
    tells what a second is worth; the programme is asked once more at such a multiplier, and the cheaper of both plans taken. Where
    shares can not be raised that far, multipliers are tried upwards.

    Parameters
    ----------
    tables, state, offers, multipliers
        Instance, solution without the task, what blocks cost, and the multipliers of the offers.
    levels, tolls
        Level of the prices [H], and price of a hop [H], in each slot.
    q
        The task.
    squeezing
        Whether others may be asked for shares.
    attempt, plan
        Space and result, shape [3, K].
    """
    release = tables.release[q]
    most = tables.penalty
    i = FIRST
    _refresh(tables, state, offers, levels, i, 0.0, release, squeezing)
    if _programme(tables, state, offers, levels, tolls, i, 0.0, q, most) >= most:
        return np.inf
    best, seconds = _trace(tables, state, offers, levels, tolls, i, 0.0, q, plan)
    if seconds <= tables.deadline:
        return best
    best, worth = _hasten(tables, offers, levels, q, best, seconds, plan)
    i += 1
    while i < multipliers.size - 1 and best < np.inf and multipliers[i] < worth:
        i += 1
    while i < multipliers.size:
        _refresh(tables, state, offers, levels, i, multipliers[i], release, squeezing)
        if _programme(tables, state, offers, levels, tolls, i, multipliers[i], q, np.inf) == np.inf:
            break
        cost, seconds = _trace(tables, state, offers, levels, tolls, i, multipliers[i], q, attempt)
        if seconds > tables.deadline:
            cost, _ = _hasten(tables, offers, levels, q, cost, seconds, attempt)
        if cost < best:
            best = cost
            _copy(attempt, plan)
        if best < np.inf:
            break
        i += 1
    return best


@njit(cache=True, error_model="numpy")
def insert(
    tables: Tables, state: State, offers: Offers, multipliers: np.ndarray, levels: np.ndarray, tolls: np.ndarray, q: int,
    attempt: np.ndarray, plan: np.ndarray
) -> bool:  # fmt: skip
    """Let a task that fails follow a cheap plan, unless to fail is cheaper; whether it now follows one.

    Parameters
    ----------
    tables, state, offers, multipliers, levels, tolls, q, attempt, plan
        As in `plan_one`.
    """
    for _ in range(MOST_ATTEMPTS):
        if plan_one(tables, state, offers, multipliers, levels, tolls, q, SQUEEZING, attempt, plan) >= tables.penalty:
            return False
        fits, done = True, 0
        for k in range(tables.window):
            m, end, x, t = plan[0, k], plan[1, k], plan[2, k], tables.release[q] + k
            if end > done and x > state.left[m, t] and not squeeze(tables, state, m, t, x - state.left[m, t]):
                fits = False
                break
            done = end
        if fits:
            _copy(plan, state.plan[q])
            place(tables, state, q)
            return True
    return False
