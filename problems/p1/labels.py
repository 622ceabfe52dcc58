"""Search over partial plans that finds the cheapest plan within the deadline, or all plans below a cost; compiled.

Depth first over (slot, layers done, node, share). A partial plan of cost c that took s seconds is dropped where
``c + max over mu of (value_mu - mu (T - s))`` reaches the cost to beat, the value being that of the dynamic programme; so
are the target of a hop, by the value after it, and the end of a block, by the block's price at its best share.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.programme import least_share
from mecbench.problems.p1.tables import Prices, Tables

__all__ = ["search"]

TIE = 1e-12  # by which a plan must beat another to be looked for


@njit(cache=True, error_model="numpy")
def _pruner(value: np.ndarray, multipliers: np.ndarray, left: float, k: int, done: int, n: int, budget: float, hint: int) -> int:
    """Index of a multiplier that proves that nothing below a budget completes with `left` seconds to go; -1 if none does.

    The multiplier that pruned last is asked first.
    """
    if not value[hint, k, done, n] - multipliers[hint] * left < budget:
        return hint
    for i in range(multipliers.size):
        if not value[i, k, done, n] - multipliers[i] * left < budget:
            return i
    return -1


@njit(cache=True, error_model="numpy")
def _grown(rows: np.ndarray) -> np.ndarray:
    """Array of twice as many rows that begins with the given ones."""
    larger = np.empty((2 * rows.shape[0], rows.shape[1]), dtype=rows.dtype)
    for i in range(rows.shape[0]):  # assigning slices takes numba seconds to compile
        for j in range(rows.shape[1]):
            larger[i, j] = rows[i, j]
    return larger


@njit(cache=True, error_model="numpy")
def search(
    tables: Tables,
    prices: Prices,
    row: int,
    release: int,
    source: int,
    multipliers: np.ndarray,
    price: np.ndarray,
    share: np.ndarray,
    value: np.ndarray,
    after: np.ndarray,
    limit: float,
    every: bool,
    most_labels: int,
    most_plans: int,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Search the plans of one task that complete within the deadline and cost less than a limit.

    Parameters
    ----------
    tables, prices, row
        The instance, the prices and the row of fees.
    release, source
        The task.
    multipliers
        The multipliers, 0 the first, shape [I].
    price, share
        Of `programme.fill_blocks` at each multiplier [I, M, H, L, L + 1], and at 0 [M, H, L, L + 1].
    value, after
        Of `programme.values` at each multiplier, shapes [I, K + 1, L + 1, M] and [I, K, L, M].
    limit
        Cost to stay below, prices included.
    every
        Whether to list all plans, or to keep only the best.
    most_labels, most_plans
        When to give up.

    Returns
    -------
    tuple[np.ndarray, np.ndarray, bool]
        Costs with their seconds, shape [C, 2], and plans (nodes, then layers done, then shares; int64 [C, 3 K]), of which the best
        alone unless `every`; none if none costs less than the limit. And whether the search was completed.
    """
    # Plain names for what the loops read: handing all tables on to a function would cost more than its work.
    cycles, speed, energy, availability = tables.cycles, tables.speed, tables.energy, tables.availability
    layers, window, slot_seconds = cycles.shape[0] - 1, tables.window, tables.slot_seconds
    state = np.empty((256, 3), dtype=np.int64)  # k, done, n
    spent = np.empty((256, 2))  # cost, seconds
    path = np.empty((256, 3 * window), dtype=np.int64)
    costs, plans = np.empty((1, 2)), np.empty((1, 3 * window), dtype=np.int64)
    found, labels, top, hint = 0, 0, 1, 0
    state[0, 0], state[0, 1], state[0, 2] = 0, 0, source
    spent[0, 0] = spent[0, 1] = 0.0
    current = np.empty(3 * window, dtype=np.int64)
    while top > 0:
        top -= 1
        k, done, n = state[top, 0], state[top, 1], state[top, 2]
        cost, seconds = spent[top, 0], spent[top, 1]
        if _pruner(value, multipliers, tables.deadline - seconds, k, done, n, limit - TIE - cost, 0) >= 0:
            continue
        labels += 1
        if labels > most_labels:
            return costs[:found], plans[:found], False
        for i in range(current.size):
            current[i] = path[top, i]
        t, last = release + k, k == window - 1
        for e in range(tables.first[n] - 1, tables.first[n + 1]):
            stays = e < tables.first[n]
            m = n if stays else tables.neighbour[e]
            hop = 0.0 if stays else tables.hop_time[done, n, m]
            reached = cost if stays else cost + tables.hop_weight * hop + prices.hop[row, t]
            left = tables.deadline - seconds - hop
            if left < 0.0 or hop > slot_seconds:
                continue
            pruner = _pruner(after, multipliers, left, k, done, m, limit - TIE - reached, hint)
            if pruner >= 0:
                hint = pruner
                continue
            per_share, most = prices.share[m, t], availability[m, t]
            # End j = done stands for no block, at share 0.
            for j in range(layers if last else done, layers + 1):
                least = start = highest = 0
                fee = 0.0
                if j > done:
                    fee = prices.block[row, m, t] + prices.layers[row, m, t, j] - prices.layers[row, m, t, done]
                    least = least_share(cycles[done, j], speed[m], min(left, slot_seconds - hop))
                    highest = most
                    if least > most:
                        continue
                    start = max(least, share[m, t, done, j])
                    pruned = False
                    for i in range(multipliers.size):
                        least_total = price[i, m, t, done, j] + value[i, k + 1, j, m] - multipliers[i] * left
                        if not reached + fee + least_total < limit - TIE:
                            pruned = True
                            break
                    if pruned:
                        continue
                # Away from the best share the cost rises on both sides: up first, then, if all are asked for, down.
                for direction in (1, -1):
                    if direction < 0 and not every:
                        continue
                    x = start if direction > 0 else start - 1
                    while least <= x <= highest:
                        total, remaining = reached, left
                        if j > done:
                            time = cycles[done, j] / (speed[m] * x)
                            total += energy[m] * cycles[done, j] * x * x + tables.delay_weight * time + per_share * x + fee
                            remaining -= time
                        pruner = _pruner(value, multipliers, remaining, k + 1, j, m, limit - TIE - total, hint)
                        if pruner == 0:  # whatever the time, and even more so at the shares beyond
                            break
                        if pruner > 0:
                            hint = pruner
                            x += direction
                            continue
                        current[k], current[window + k], current[2 * window + k] = m, j, x
                        if j < layers:
                            if top == state.shape[0]:
                                state, spent, path = _grown(state), _grown(spent), _grown(path)
                            state[top, 0], state[top, 1], state[top, 2] = k + 1, j, m
                            spent[top, 0], spent[top, 1] = total, tables.deadline - remaining
                            for i in range(current.size):
                                path[top, i] = current[i]
                            top += 1
                            x += direction
                            continue
                        if every:
                            if found == most_plans:
                                return costs[:found], plans[:found], False
                            if found == costs.shape[0]:
                                costs, plans = _grown(costs), _grown(plans)
                            found += 1
                        else:
                            limit, found = total, 1
                        costs[found - 1, 0], costs[found - 1, 1] = total, tables.deadline - remaining
                        for i in range(current.size):
                            plans[found - 1, i] = current[i]
                        for later in range(k + 1, window):
                            plans[found - 1, later], plans[found - 1, window + later], plans[found - 1, 2 * window + later] = m, layers, 0
                        if not every:
                            break
                        x += direction
    return costs[:found], plans[:found], True
