"""The exact allocation of `allocation.py`, compiled: for training loops that solve millions of edges.

Numba compiles it on first use and keeps the result on disk; the answers are those of `allocate_batch`, bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p_edge.allocation import DEMAND_STEPS, ENOUGH, NEWTON_STEPS, TINY, check_capacity

__all__ = ["allocate_batch"]

# Sums may be reordered where only the search is steered; the final comparison with a threshold may not.
_ANY_ORDER = {"reassoc", "nsz", "contract"}


def allocate_batch(fixed: np.ndarray, shared: np.ndarray, multiprocessors: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Optimal allocations of many edges side by side; arguments and result as of `allocation.allocate_batch`."""
    mask = np.ones(fixed.shape, dtype=bool) if mask is None else mask
    capacity = np.asarray(multiprocessors, dtype=np.int64)
    check_capacity(capacity, mask.sum(axis=1))
    return _allocate_rows(np.ascontiguousarray(fixed), np.ascontiguousarray(shared), capacity, np.ascontiguousarray(mask))


@njit(cache=True, fastmath=_ANY_ORDER, error_model="numpy")
def _relaxed_demand(fixed: np.ndarray, shared: np.ndarray, threshold: float) -> tuple[float, float, float]:
    """Continuous demand at a threshold, its negative slope and the number of devices that want more than one."""
    demand = 0.0
    slope = 0.0
    active = 0.0
    for m in range(fixed.size):
        inverse = 1.0 / max(threshold - fixed[m], TINY)
        quotient = shared[m] * inverse
        wants = 1.0 if quotient > 1.0 else 0.0
        demand += max(quotient, 1.0)
        slope += wants * quotient * inverse
        active += wants
    return demand, slope, active


@njit(cache=True, fastmath=_ANY_ORDER, error_model="numpy")
def _demand(fixed: np.ndarray, shared: np.ndarray, threshold: float) -> tuple[float, float]:
    """Integer demand at a threshold, up to rounding, and the negative slope of the continuous one."""
    demand = 0.0
    slope = 0.0
    for m in range(fixed.size):
        inverse = 1.0 / max(threshold - fixed[m], TINY)
        quotient = shared[m] * inverse
        demand += max(np.ceil(quotient), 1.0)
        slope += quotient * inverse if quotient > 1.0 else 0.0
    return demand, slope


@njit(cache=True, error_model="numpy")
def _feasible_threshold(fixed: np.ndarray, shared: np.ndarray, capacity: int) -> float:
    spare = capacity - fixed.size
    low = -np.inf
    high = -np.inf
    for m in range(fixed.size):
        low = max(low, fixed[m] + shared[m] / (spare + 1))
        high = max(high, fixed[m] + shared[m])
    threshold = low
    for _ in range(NEWTON_STEPS):
        demand, slope, active = _relaxed_demand(fixed, shared, threshold)
        excess = demand - (capacity - 0.5 * active)
        if excess <= 0.0:
            break
        threshold = min(threshold + excess / max(slope, TINY), high)
    for _ in range(DEMAND_STEPS):
        demand, slope = _demand(fixed, shared, threshold)
        if demand <= capacity:
            high = min(high, threshold)
            if capacity - demand <= ENOUGH:
                break
        else:
            low = threshold
        threshold += (demand - capacity + 1.0) / max(slope, TINY)
        if not low < threshold < high:
            threshold = 0.5 * (low + high)
    return high


@njit(cache=True, error_model="numpy")
def _required(fixed: float, shared: float, threshold: float, most: int) -> int:
    slack = threshold - fixed
    need = most
    if slack >= 0.0:
        estimate = np.ceil(shared / slack)
        need = 1 if not estimate > 1.0 else (most if estimate >= most else int(estimate))
    if (need == 1 or fixed + shared / (need - 1) > threshold) and (need == most or fixed + shared / need <= threshold):
        return need
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if fixed + shared / middle <= threshold:
            high = middle
        else:
            low = middle
    return high


@njit(cache=True, error_model="numpy")
def _allocate_rows(fixed: np.ndarray, shared: np.ndarray, capacity: np.ndarray, mask: np.ndarray) -> np.ndarray:
    rows, width = fixed.shape
    allocation = np.zeros((rows, width), dtype=np.int64)
    index = np.empty(width, dtype=np.int64)
    own_fixed = np.empty(width)
    own_shared = np.empty(width)
    costs = np.empty(width)
    share = np.empty(width, dtype=np.int64)
    for row in range(rows):
        count = 0
        for m in range(width):
            if mask[row, m]:
                index[count] = m
                own_fixed[count] = fixed[row, m]
                own_shared[count] = shared[row, m]
                count += 1
        if count == 0:
            continue
        threshold = _feasible_threshold(own_fixed[:count], own_shared[:count], capacity[row])
        unspent = capacity[row]
        for m in range(count):
            share[m] = _required(own_fixed[m], own_shared[m], threshold, capacity[row] + 1)
            unspent -= share[m]
        if unspent < 0:  # the search rounds; one multiprocessor each is always feasible
            share[:count] = 1
            unspent = capacity[row] - count
        if unspent > 0:
            for m in range(count):
                costs[m] = own_fixed[m] + own_shared[m] / share[m]
        for _ in range(unspent):
            worst = 0
            for m in range(1, count):
                if costs[m] > costs[worst]:
                    worst = m
            share[worst] += 1
            costs[worst] = own_fixed[worst] + own_shared[worst] / share[worst]
        for m in range(count):
            allocation[row, index[m]] = share[m]
    return allocation
