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
    best = np.zeros(capacity.max() + 1, dtype=np.int64)  # by what is left over, so that it is updated in place and upwards
    for n in range(edges):
        most = capacity[n]
        best[: most + 1] = 0
        for m in range(devices):
            w, v = weight[m, n], value[m]
            for c in range(most + 1 - w):
                best[c] = max(best[c], best[c + w] + v)
        worth[n] = best[0]
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
    before = np.zeros((devices + 1, capacity.max() + 1), dtype=np.int64)  # best of the first devices that fit, by what they may take
    after = np.zeros(capacity.max() + 1, dtype=np.int64)  # best of those after one, by what they leave
    fits = np.zeros(devices, dtype=np.int64)
    for n in range(edges):
        most, count = capacity[n], 0
        for m in range(devices):
            w, v = weight[m, n], value[m]
            if w > most:
                continue
            fits[count] = m
            old, new = before[count], before[count + 1]
            count += 1
            for c in range(w):
                new[c] = old[c]
            for c in range(w, most + 1):
                new[c] = max(old[c], old[c - w] + v)
        worth = before[count, most]
        after[: most + 1] = 0
        for i in range(count - 1, -1, -1):
            m = fits[i]
            w, v, first = weight[m, n], value[m], before[i]
            best = 0
            for c in range(most + 1):
                best = max(best, first[c] + after[c])
            outside[m, n] = worth - best
            best = 0
            for c in range(most + 1 - w):
                best = max(best, first[c] + after[c + w])
            inside[m, n] = worth - best - v
            for c in range(most + 1 - w):
                after[c] = max(after[c], after[c + w] + v)
    return inside, outside


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
