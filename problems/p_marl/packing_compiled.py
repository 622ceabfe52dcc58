"""Packings of the edges under whole values of the devices, compiled: what proofs by cases recompute and solvers look for.

Values are integers, so that what a packing loses is exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["NEVER", "losses", "pack_single", "worths"]

NEVER = 2**62  # loss by packing a device where it has no room; beyond every sum of values


@njit(cache=True, error_model="numpy", nogil=True)
def worths(value: np.ndarray, weight: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Largest total value that fits into each edge, by dynamic programming over integer capacities.

    Parameters
    ----------
    value
        Of each device, int64 of at least 0, shape [R].
    weight
        w_mn, int64 of at least 1, shape [R, N]; above the capacity for never.
    capacity
        Of each edge, int64, shape [N].

    Returns
    -------
    np.ndarray
        int64, shape [N].
    """
    devices, edges = weight.shape
    worth = np.zeros(edges, dtype=np.int64)
    old, new = np.zeros(capacity.max() + 1, dtype=np.int64), np.zeros(capacity.max() + 1, dtype=np.int64)
    for n in range(edges):
        most = capacity[n]
        old[:] = 0
        for m in range(devices):
            if weight[m, n] <= most:
                w = weight[m, n]
                new[:w] = old[:w]
                _add(old[w : most + 1], old[: most + 1 - w], value[m], new[w : most + 1])
                old, new = new, old
        worth[n] = old[most]
    return worth


@njit(cache=True, error_model="numpy", nogil=True)
def losses(value: np.ndarray, weight: np.ndarray, capacity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What an edge's best packing loses by packing a device, or by not packing it.

    Parameters
    ----------
    value
        Of each device, int64 of at least 0, shape [R].
    weight
        w_mn, int64 of at least 1, shape [R, N]; above the capacity for never.
    capacity
        Of each edge, int64, shape [N].

    Returns
    -------
    tuple
        Losses with a device and without it, int64, shape [R, N] each; `NEVER` with one that does not fit.
    """
    devices, edges = weight.shape
    inside, outside = np.full((devices, edges), NEVER), np.zeros((devices, edges), dtype=np.int64)
    before = np.zeros((devices + 1, capacity.max() + 1), dtype=np.int64)  # best of the first devices that fit
    after = np.zeros(capacity.max() + 1, dtype=np.int64)  # of those after one, by what they leave
    grown = after.copy()
    fits = np.zeros(devices, dtype=np.int64)
    for n in range(edges):
        most, count = capacity[n], 0
        for m in range(devices):
            if weight[m, n] <= most:
                w, now, then = weight[m, n], before[count], before[count + 1]
                then[:w] = now[:w]
                _add(now[w : most + 1], now[: most + 1 - w], value[m], then[w : most + 1])
                fits[count] = m
                count += 1
        worth = before[count, most]
        after[:] = 0
        for i in range(count - 1, -1, -1):
            m = fits[i]
            w, v = weight[m, n], value[m]
            outside[m, n] = worth - _both(before[i, : most + 1], after[: most + 1])
            inside[m, n] = worth - _both(before[i, : most + 1 - w], after[w : most + 1]) - v
            _add(after[: most + 1 - w], after[w : most + 1], v, grown[: most + 1 - w])
            grown[most + 1 - w : most + 1] = after[most + 1 - w : most + 1]
            after, grown = grown, after
    return inside, outside


@njit(cache=True, error_model="numpy", nogil=True)
def _add(without: np.ndarray, smaller: np.ndarray, value: int, grown: np.ndarray) -> None:
    """Best values with a device more: slices, which have no signs to look at, make the loop a vector's."""
    for c in range(grown.size):
        grown[c] = max(without[c], smaller[c] + value)


@njit(cache=True, error_model="numpy", nogil=True)
def _both(one: np.ndarray, other: np.ndarray) -> int:
    """Best value of two sets of devices that share a capacity, from those of the one by what it takes, of the other by what it leaves."""
    best = 0
    for c in range(one.size):
        best = max(best, one[c] + other[c])
    return best


@njit(cache=True, error_model="numpy", nogil=True)
def pack_single(weight: np.ndarray, left: np.ndarray, edge: np.ndarray) -> bool:
    """Pack devices that have one edge left until there are none.

    Parameters
    ----------
    weight
        w_mn, int64 of at least 1, shape [R, N]; above the capacity for never.
    left
        Capacity of each edge, int64, shape [N]; set to what is left of it.
    edge
        -1 for every device, int64, shape [R]; set to the edges 0..N-1 of those that are packed.

    Returns
    -------
    bool
        Whether everybody finds room.
    """
    devices, edges = weight.shape
    again = True
    while again:
        again = False
        for m in range(devices):
            if edge[m] >= 0:
                continue
            choices, last = 0, -1
            for n in range(edges):
                if weight[m, n] <= left[n]:
                    choices += 1
                    last = n
            if choices == 0:
                return False
            if choices == 1:
                edge[m] = last
                left[last] -= weight[m, last]
                again = True
    return True
