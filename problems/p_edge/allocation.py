"""Exact allocation of P-EDGE in polynomial time, batched.

The optimum of min max_m a_m + b_m / l_m over integers l >= 1 with sum l <= L is reached by giving one
multiprocessor at a time to the device that costs most: each row of costs is non-increasing in l, so the L - M
largest cells of the table are exactly those that greedy removes, and no allocation can remove larger ones. (The
paper calls the problem NP-hard "due to the fractional form"; only monotonicity matters.) Searching the threshold
T = max cost instead skips almost all of greedy's steps and carries its own proof: sum l(T) > L just below the
optimum.
"""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_edge.physics import cost

__all__ = ["allocate", "allocate_batch", "apportion", "check_capacity", "required"]

BLOCK_CELLS = 16384  # devices whose arrays stay in cache together
NEWTON_STEPS = 5
DEMAND_STEPS = 12
ENOUGH = 8  # unspent multiprocessors at which greedy is quicker than another step
TINY = 1e-300


def required(fixed: np.ndarray, shared: np.ndarray, threshold: float | np.ndarray, most: int | np.ndarray) -> np.ndarray:
    """Fewest multiprocessors with which each device costs at most a threshold, `most` where none suffices.

    Parameters
    ----------
    fixed, shared
        a and b, shape [..., M].
    threshold
        T, broadcast against [..., M].
    most
        Cap of the answer, usually L + 1, broadcast against [..., M].

    Returns
    -------
    np.ndarray
        int64, shape [..., M]; exact under the float expression of `physics.cost`.
    """
    slack = np.subtract(threshold, fixed)
    most = np.broadcast_to(np.asarray(most, dtype=np.int64), slack.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        estimate = np.clip(np.ceil(shared / slack), 1, most)
    # A device without slack, or without a cost to share (0 / 0), is left to the comparison below.
    need = np.where(slack >= 0, np.nan_to_num(estimate, nan=1.0), most).astype(np.int64)
    off = _off(fixed, shared, threshold, most, need)
    if off.any():
        need[off] = _required_by_bisection(*(np.broadcast_to(array, slack.shape)[off] for array in (fixed, shared, threshold, most)))
    return need


def _off(fixed: np.ndarray, shared: np.ndarray, threshold: float | np.ndarray, most: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Where the rounded quotient is not what the evaluator's own comparison says."""
    wasteful = (need > 1) & (cost(fixed, shared, need - 1) <= threshold)
    return wasteful | ((need < most) & (cost(fixed, shared, need) > threshold))


def _required_by_bisection(fixed: np.ndarray, shared: np.ndarray, threshold: np.ndarray, most: np.ndarray) -> np.ndarray:
    low, high = np.zeros_like(most), most.copy()
    while (high - low > 1).any():
        middle = np.maximum((low + high) // 2, 1)
        enough = cost(fixed, shared, middle) <= threshold
        high = np.where(enough, np.minimum(high, middle), high)
        low = np.where(enough, low, middle)
    return high


def allocate(fixed: np.ndarray, shared: np.ndarray, multiprocessors: int) -> np.ndarray:
    """Optimal allocation of one edge.

    Parameters
    ----------
    fixed, shared
        a = R_c and b = R_f of each device, shape [M].
    multiprocessors
        L >= M.

    Returns
    -------
    np.ndarray
        l, int64, shape [M]: what greedy reaches with ties to the lowest index; optimal, and leximin-optimal without ties.
    """
    return allocate_batch(fixed[None], shared[None], np.array([multiprocessors]))[0]


def allocate_batch(fixed: np.ndarray, shared: np.ndarray, multiprocessors: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Optimal allocations of many edges side by side.

    Newton's method on the continuous relaxation, which approaches its root from below, gives a threshold near the
    optimum; bisection on the integer demand brings it to the feasible side with few multiprocessors to spare;
    greedy spends these. Exact for any number of steps: at a threshold T >= optimum no device has more than in the
    optimum.

    Parameters
    ----------
    fixed, shared
        a = R_c and b = R_f, shape [B, M].
    multiprocessors
        L of each edge, at least its number of devices, shape [B].
    mask
        True where there is a device, shape [B, M]; all by default.

    Returns
    -------
    np.ndarray
        l, int64, shape [B, M], 0 outside the mask; the allocation that greedy reaches, ties to the lowest index.

    Raises
    ------
    ValueError
        If an edge has more devices than multiprocessors.
    """
    rows, width = fixed.shape
    capacity = np.asarray(multiprocessors, dtype=np.int64)
    if mask is not None:
        # A padded device is never the worst and holds the one multiprocessor that is added for it.
        devices = mask.sum(axis=1)
        check_capacity(capacity, devices)
        capacity = capacity + width - devices
        fixed = np.where(mask, fixed, np.where(mask, fixed, np.inf).min(axis=1, keepdims=True))
        fixed[~mask.any(axis=1)] = 0.0
        shared = np.where(mask, shared, 0.0)
    else:
        check_capacity(capacity, np.full(rows, width))
    result = np.empty((rows, width), dtype=np.int64)
    height = max(1, BLOCK_CELLS // width)
    for start in range(0, rows, height):
        block = slice(start, start + height)
        result[block] = _allocate_block(fixed[block], shared[block], capacity[block])
    if mask is not None:
        result[~mask] = 0
    return result


def apportion(shares: np.ndarray, multiprocessors: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Integer allocations in proportion to shares: at least one each, the rest by largest remainder.

    A device whose proportional part is below one gets exactly one and leaves the division; equal remainders go to
    the lowest index. Shares that are an allocation of all L multiprocessors come back unchanged. Without any
    positive share all are equal.

    Parameters
    ----------
    shares
        Non-negative and finite, in any scale, shape [B, M].
    multiprocessors
        L of each edge, shape [B].
    mask
        True where there is a device, shape [B, M].

    Returns
    -------
    np.ndarray
        l, int64, shape [B, M], 0 outside the mask; each row sums to L.
    """
    shares = np.where(mask, shares, 0.0)
    # A power of two changes the scale of a row and no ratio in it.
    shares = np.ldexp(shares, -np.frexp(shares.max(axis=1, keepdims=True, initial=0.0))[1])
    pool = np.asarray(multiprocessors, dtype=np.int64).copy()
    check_capacity(pool, mask.sum(axis=1))
    divided = mask.copy()
    while True:
        weights = np.where(divided, shares, 0.0)
        total = weights.sum(axis=1)
        weights = np.where((total > 0)[:, None], weights, divided)
        quota = pool[:, None] * weights / np.maximum(weights.sum(axis=1, keepdims=True), TINY)
        single = divided & (quota < 1.0)
        if not single.any():
            break
        divided &= ~single
        pool -= single.sum(axis=1)
    whole = np.where(divided, np.floor(quota), 0.0)
    left = pool - whole.sum(axis=1).astype(np.int64)
    remainder = np.where(divided, quota - whole, -1.0)
    order = np.argsort(-remainder, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None], axis=1)
    allocation = np.where(divided, whole.astype(np.int64) + (rank < left[:, None]), 1)
    return np.where(mask, allocation, 0)


def check_capacity(multiprocessors: np.ndarray, devices: np.ndarray) -> None:
    """Raise ValueError if an edge has more devices than multiprocessors; both of shape [B]."""
    short = multiprocessors < devices
    if short.any():
        row = int(np.argmax(short))
        raise ValueError(f"edge {row} has {devices[row]} devices but only {multiprocessors[row]} multiprocessors")


def _allocate_block(fixed: np.ndarray, shared: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    threshold = _feasible_threshold(fixed, shared, capacity)
    allocation = required(fixed, shared, threshold[:, None], capacity[:, None] + 1)
    over = allocation.sum(axis=1) > capacity  # the search rounds; one multiprocessor each is always feasible
    allocation[over] = 1
    costs = cost(fixed, shared, allocation)
    unspent = capacity - allocation.sum(axis=1)
    rows = np.arange(len(capacity))
    while (unspent > 0).any():
        rows = rows[unspent[rows] > 0]
        worst = costs[rows].argmax(axis=1) if len(rows) < len(capacity) else costs.argmax(axis=1)
        allocation[rows, worst] += 1
        costs[rows, worst] = fixed[rows, worst] + shared[rows, worst] / allocation[rows, worst]
        unspent[rows] -= 1
    return allocation


def _feasible_threshold(fixed: np.ndarray, shared: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Threshold that the edge can hold with few multiprocessors to spare, shape [B]."""
    width = fixed.shape[1]
    low = (fixed + shared / (capacity[:, None] - width + 1)).max(axis=1)
    high = (fixed + shared).max(axis=1)
    unspent = capacity - width
    threshold = low.copy()
    quotient, slack, scratch = (np.empty_like(fixed) for _ in range(3))
    target = capacity - 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for step in range(NEWTON_STEPS + DEMAND_STEPS):
            np.subtract(threshold[:, None], fixed, out=slack)
            np.maximum(slack, TINY, out=slack)
            np.divide(shared, slack, out=quotient)
            np.greater(quotient, 1.0, out=scratch, casting="unsafe")
            active = scratch.sum(axis=1)
            scratch *= quotient
            scratch /= slack
            slope = np.maximum(scratch.sum(axis=1), TINY)
            if step < NEWTON_STEPS:
                demand = np.maximum(quotient, 1.0, out=quotient).sum(axis=1)
                target = capacity - 0.5 * active
                threshold = np.clip(threshold + np.maximum(demand - target, 0.0) / slope, low, high)
                continue
            demand = np.maximum(np.ceil(quotient, out=quotient), 1.0, out=quotient).sum(axis=1)
            fits = demand <= capacity
            high = np.where(fits, np.minimum(high, threshold), high)
            unspent = np.where(fits & (high == threshold), capacity - demand, unspent)
            low = np.where(fits, low, threshold)
            if (unspent <= ENOUGH).all():
                break
            threshold = threshold + (demand - capacity + 1.0) / slope
            outside = (threshold <= low) | (threshold >= high)
            threshold = np.where(outside, 0.5 * (low + high), threshold)
    return high
