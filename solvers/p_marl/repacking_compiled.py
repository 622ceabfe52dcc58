"""Simulated annealing over pairs of edges, whose devices are packed anew by dynamic programming; compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["repack"]

ROOM = 32  # multiprocessors by which an edge may be overloaded on the way
UNLIKELY = 10.0  # temperatures by which a worse packing is out of the question


@njit(cache=True, error_model="numpy", nogil=True)
def repack(
    weight: np.ndarray,
    cost: np.ndarray,
    capacity: int,
    edge: np.ndarray,
    moves: int,
    heat: tuple[float, float],
    penalty: float,
    goal: float,
    random: np.ndarray,
) -> tuple[int, float]:
    """Anneal a packing: a move packs the devices of two edges anew.

    The dynamic programme knows, for every load of the one edge, the best packings of both at a random price of the other's load;
    one of these is drawn by its cost and overload. So a move looks at all ways to exchange any number of devices, and one that is
    best at some price is found at once.

    Parameters
    ----------
    weight
        w_mn, int64, shape [R, N].
    cost
        Of each pair, in multiprocessors; infinite where a device may not go; shape [R, N].
    capacity
        L.
    edge
        Edges to begin with, 0..N-1, int64, shape [R], of finite cost; set to the best ones found.
    moves
        How many to make at most.
    heat
        Temperature at first and at last, in multiprocessors; it falls geometrically.
    penalty
        Of a multiprocessor that is missing.
    goal
        Cost at which to stop once nothing is missing.
    random
        State of the generator, uint64, shape [1].

    Returns
    -------
    tuple
        Total overload of the best edges, and their cost. Less overload is better, then less cost.
    """
    devices, edges = weight.shape
    now, load = edge.copy(), np.zeros(edges, dtype=np.int64)
    flexible, choices = np.empty(devices, dtype=np.int64), 0
    for m in range(devices):
        load[now[m]] += weight[m, now[m]]
        options = 0
        for n in range(edges):
            options += cost[m, n] < np.inf
        if options > 1:
            flexible[choices] = m
            choices += 1
    overload, total = _value(cost, capacity, now, load)
    least, cheapest = overload, total
    top = capacity + ROOM
    rows = np.empty(top + 1), np.empty(top + 1, dtype=np.int64), np.empty((devices, top + 1), dtype=np.bool_)
    shared = np.empty(devices, dtype=np.int64)
    for move in range(moves):
        if choices == 0 or (least == 0 and cheapest <= goal):
            break
        m = flexible[int(_uniform(random) * choices)]
        first, second = now[m], int(_uniform(random) * edges)
        if second == first or cost[m, second] == np.inf:
            continue
        temperature = heat[0] * (heat[1] / heat[0]) ** (move / moves)
        _exchange(weight, cost, capacity, now, load, first, second, temperature, penalty, rows, shared, random)
        overload, total = _value(cost, capacity, now, load)
        if overload < least or (overload == least and total < cheapest):
            least, cheapest = overload, total
            edge[:] = now
    return least, cheapest


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _uniform(state: np.ndarray) -> float:
    """Next number in [0, 1) of a xorshift generator, state uint64, shape [1]."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return float(x >> np.uint64(11)) / 2.0**53


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _value(cost: np.ndarray, capacity: int, edge: np.ndarray, load: np.ndarray) -> tuple[int, float]:
    """Total overload and cost."""
    overload, total = 0, 0.0
    for n in range(load.size):
        overload += max(0, load[n] - capacity)
    for m in range(edge.size):
        total += cost[m, edge[m]]
    return overload, total


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _exchange(
    weight: np.ndarray,
    cost: np.ndarray,
    capacity: int,
    edge: np.ndarray,
    load: np.ndarray,
    first: int,
    second: int,
    temperature: float,
    penalty: float,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    shared: np.ndarray,
    random: np.ndarray,
) -> None:
    """Draw a packing of two edges' devices, at a random price of what the second carries."""
    best, beside, taken = rows  # by load of the first edge: cost, load of the second, and whether a device is on the first
    top = best.size - 1
    count, low, fixed = 0, 0, 0
    for m in range(edge.size):
        if edge[m] == first or edge[m] == second:
            if cost[m, first] < np.inf and cost[m, second] < np.inf:
                shared[count] = m
                count += 1
            elif edge[m] == first:
                low += weight[m, first]
            else:
                fixed += weight[m, second]
    if low > top:
        return
    price = _uniform(random)
    best[low:] = np.inf
    best[low], beside[low], high = 0.0, fixed, low
    for i in range(count):
        m = shared[i]
        w, v, paid, other = weight[m, first], weight[m, second], cost[m, first], cost[m, second] + price * weight[m, second]
        high = min(top, high + w)
        for c in range(high, low - 1, -1):
            stays = c - w >= low and best[c - w] + paid < best[c] + other
            taken[i, c] = stays
            if stays:
                best[c], beside[c] = best[c - w] + paid, beside[c - w]
            else:
                best[c] += other
                beside[c] += v
    chosen, value = -1, np.inf
    for c in range(low, high + 1):
        if best[c] == np.inf:
            continue
        worth = best[c] - price * beside[c] + penalty * (max(0, c - capacity) + max(0, beside[c] - capacity))
        if worth < value + UNLIKELY * temperature:
            # Gumbel noise: the least of the sums is drawn by Boltzmann's probabilities.
            worth += temperature * np.log(-np.log(_uniform(random) + 1e-300) + 1e-300)
            if worth < value:
                chosen, value = c, worth
    load[first], load[second], c = chosen, beside[chosen], chosen
    for i in range(count - 1, -1, -1):
        m = shared[i]
        if taken[i, c]:
            edge[m] = first
            c -= weight[m, first]
        else:
            edge[m] = second
