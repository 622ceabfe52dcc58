"""Shares of the blocks on one node in one slot, compiled: who gives a share at the least loss, who gains most by one more.

Given nodes and blocks of all plans, the shares on a node in a slot are a separable convex allocation, so that single shares,
given and taken one at a time, keep it optimal; what joins it to others are the deadlines, which limit what a block can give.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.programme import least_share
from mecbench.problems.p1.tables import Tables
from mecbench.solvers.p1.state import State

__all__ = ["give", "marginal", "place", "settle", "squeeze", "withdraw"]

LEAST_GAIN = 1e-12  # cost by which a share must gain to be moved, so that rounding makes no endless loops
MOST_USERS = 101  # of a node in a slot: each has a share of it


@njit(cache=True, error_model="numpy")
def marginal(energy: float, delay: float, cycles: float, x: int) -> float:
    """What a block of some cycles saves by share x + 1, beside x.

    Parameters
    ----------
    energy, delay
        Weighted energy of a cycle at one per cent, and delay of it.
    cycles, x
        Work and share, at least 1.
    """
    return cycles * (delay / (x * (x + 1.0)) - energy * (2.0 * x + 1.0))


@njit(cache=True, error_model="numpy")
def _account(tables: Tables, state: State, q: int) -> None:
    """Compute cost and seconds of a task's plan."""
    n, done = tables.source[q], 0
    cost = seconds = 0.0
    for k in range(tables.window):
        m, end, x = state.plan[q, 0, k], state.plan[q, 1, k], state.plan[q, 2, k]
        if m != n:
            hop = tables.hop_time[done, n, m]
            cost += tables.hop_weight * hop
            seconds += hop
        if end > done:
            cycles = tables.cycles[done, end]
            time = cycles / (tables.speed[m] * x)
            cost += tables.energy[m] * cycles * x * x + tables.delay_weight * time
            seconds += time
        n, done = m, end
    state.cost[q], state.seconds[q] = cost, seconds


@njit(cache=True, error_model="numpy")
def _changed(state: State, m: int, t: int) -> None:
    """Give a node and slot a new version."""
    state.clock[0] += 1
    state.version[m, t] = state.clock[0]


@njit(cache=True, error_model="numpy")
def place(tables: Tables, state: State, q: int) -> None:
    """Let a task that fails follow its `plan`, for which there is room."""
    n, done, window = tables.source[q], 0, tables.window
    for k in range(window):
        m, end, t = state.plan[q, 0, k], state.plan[q, 1, k], tables.release[q] + k
        if m != n:
            state.hops[t] -= 1
        state.work[q, k] = tables.cycles[done, end]
        if end > done:
            state.left[m, t] -= state.plan[q, 2, k]
            block, first = q * window + k, state.head[m, t]
            state.head[m, t], state.following[block], state.preceding[block] = block, first, -1
            if first >= 0:
                state.preceding[first] = block
            _changed(state, m, t)
        n, done = m, end
    state.fail[q] = 0
    _account(tables, state, q)


@njit(cache=True, error_model="numpy")
def withdraw(tables: Tables, state: State, q: int) -> None:
    """Let a task fail, and leave what it used to others."""
    if state.fail[q]:
        return
    n, window = tables.source[q], tables.window
    for k in range(window):
        m, t = state.plan[q, 0, k], tables.release[q] + k
        if m != n:
            state.hops[t] += 1
        if state.work[q, k] > 0.0:
            state.left[m, t] += state.plan[q, 2, k]
            block = q * window + k
            before, after = state.preceding[block], state.following[block]
            if before >= 0:
                state.following[before] = after
            else:
                state.head[m, t] = after
            if after >= 0:
                state.preceding[after] = before
            state.work[q, k] = 0.0
            _changed(state, m, t)
        n = m
    state.fail[q], state.cost[q], state.seconds[q] = 1, tables.penalty, 0.0


@njit(cache=True, error_model="numpy")
def _users(tables: Tables, state: State, m: int, t: int, block: np.ndarray, share: np.ndarray, least: np.ndarray, work: np.ndarray) -> int:
    """Write who uses a node in a slot: block, share, least share that keeps its deadline, and cycles; the number of them."""
    speed, window, count = tables.speed[m], tables.window, 0
    b = state.head[m, t]
    while b >= 0:
        q, k = b // window, b % window
        cycles, x = state.work[q, k], state.plan[q, 2, k]
        time = cycles / (speed * x)
        most = time + tables.deadline - state.seconds[q]
        if tables.slot_seconds != np.inf:
            n = state.plan[q, 0, k - 1] if k > 0 else tables.source[q]
            done = state.plan[q, 1, k - 1] if k > 0 else 0
            most = min(most, tables.slot_seconds - (tables.hop_time[done, n, m] if n != m else 0.0))
        block[count], share[count], work[count] = b, x, cycles
        least[count] = min(x, least_share(cycles, speed, most))
        count += 1
        b = state.following[b]
    return count


@njit(cache=True, error_model="numpy")
def give(tables: Tables, state: State, m: int, t: int, units: int, loss: np.ndarray) -> int:
    """What the users of a node in a slot would lose by giving shares one by one, each time where it costs least.

    Parameters
    ----------
    tables, state
        Instance and solution.
    m, t
        Node and slot.
    units
        Shares that are asked for, at most 100.
    loss
        Written: the loss by each; float64, shape [100].

    Returns
    -------
    int
        How many can be given.
    """
    block, share = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS, dtype=np.int64)
    least, work, each = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS), np.empty(MOST_USERS)
    count = _users(tables, state, m, t, block, share, least, work)
    return _give(tables.energy[m], tables.delay_weight / tables.speed[m], units, count, share, least, work, each, loss)


@njit(cache=True, error_model="numpy")
def _give(
    energy: float, delay: float, units: int, count: int, share: np.ndarray, least: np.ndarray, work: np.ndarray, each: np.ndarray,
    loss: np.ndarray
) -> int:  # fmt: skip
    """Take shares from users where it costs least; how many could be taken."""
    for i in range(count):
        each[i] = marginal(energy, delay, work[i], share[i] - 1) if share[i] > least[i] else np.inf
    for given in range(units):
        worst, best = np.inf, -1
        for i in range(count):
            if each[i] < worst:
                worst, best = each[i], i
        if best < 0:
            return given
        loss[given] = worst
        share[best] -= 1
        each[best] = marginal(energy, delay, work[best], share[best] - 1) if share[best] > least[best] else np.inf
    return units


@njit(cache=True, error_model="numpy")
def squeeze(tables: Tables, state: State, m: int, t: int, units: int) -> bool:
    """Take shares from the users of a node in a slot, where it costs least; whether there were as many to take."""
    block, share = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS, dtype=np.int64)
    least, work, each = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS), np.empty(MOST_USERS)
    loss = np.empty(100)
    count = _users(tables, state, m, t, block, share, least, work)
    taken = _give(tables.energy[m], tables.delay_weight / tables.speed[m], units, count, share, least, work, each, loss)
    _write(tables, state, m, t, count, block, share)
    return taken == units


@njit(cache=True, error_model="numpy")
def _write(tables: Tables, state: State, m: int, t: int, count: int, block: np.ndarray, share: np.ndarray) -> None:
    """Give the users of a node in a slot other shares."""
    window, changed = tables.window, False
    for i in range(count):
        q, k = block[i] // window, block[i] % window
        if state.plan[q, 2, k] != share[i]:
            state.left[m, t] += state.plan[q, 2, k] - share[i]
            state.plan[q, 2, k] = share[i]
            _account(tables, state, q)
            changed = True
    if changed:
        _changed(state, m, t)


@njit(cache=True, error_model="numpy")
def settle(tables: Tables, state: State, m: int, t: int) -> None:
    """Move single shares of a node in a slot, to users, from them and between them, until none can be moved with gain."""
    block, share = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS, dtype=np.int64)
    least, work = np.empty(MOST_USERS, dtype=np.int64), np.empty(MOST_USERS)
    loss, gain = np.empty(MOST_USERS), np.empty(MOST_USERS)
    count = _users(tables, state, m, t, block, share, least, work)
    energy, delay, left = tables.energy[m], tables.delay_weight / tables.speed[m], state.left[m, t]
    for i in range(count):
        gain[i] = marginal(energy, delay, work[i], share[i])
        loss[i] = marginal(energy, delay, work[i], share[i] - 1) if share[i] > least[i] else np.inf
    moved = False
    while count > 0:
        giver = taker = 0
        for i in range(1, count):
            if gain[i] > gain[taker]:
                taker = i
            if loss[i] < loss[giver]:
                giver = i
        gives = loss[giver] < -LEAST_GAIN or (left == 0 and gain[taker] > loss[giver] + LEAST_GAIN)
        takes = gain[taker] > LEAST_GAIN and (left > 0 or gives)
        if not gives and not takes:
            break
        moved = True
        if gives:
            share[giver] -= 1
            left += 1
            gain[giver] = marginal(energy, delay, work[giver], share[giver])
            loss[giver] = marginal(energy, delay, work[giver], share[giver] - 1) if share[giver] > least[giver] else np.inf
        if takes:
            share[taker] += 1
            left -= 1
            gain[taker] = marginal(energy, delay, work[taker], share[taker])
            loss[taker] = marginal(energy, delay, work[taker], share[taker] - 1)
    if moved:
        _write(tables, state, m, t, count, block, share)
