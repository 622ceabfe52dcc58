"""Tabu search for a packing and the dynamic programmes of its edges, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["pack", "repair"]

TIE = 0.02  # weight of a move's regret beside the overload that it removes
TENURE = 5, 11  # fewest iterations for which a device may not return to an edge, and the random ones beyond


@njit(cache=True, error_model="numpy", nogil=True)
def pack(value: np.ndarray, weight: np.ndarray, capacity: np.ndarray, best: np.ndarray, packed: np.ndarray) -> float:
    """Pack every edge with the devices that are worth most, each edge for itself.

    Parameters
    ----------
    value
        Of each device, at least 0, shape [R].
    weight
        w_mn, int64 of at least 1, shape [R, N]; above the capacity for never.
    capacity
        Of each edge, int64, shape [N].
    best
        Room for the recursion, whose first row is 0, float64 [R + 1, L + 1], L the largest capacity.
    packed
        Set to what each edge packs, bool, shape [R, N].

    Returns
    -------
    float
        Total value of what is packed.
    """
    devices, edges = weight.shape
    total = 0.0
    packed[:] = False
    fits = np.empty(devices, dtype=np.int64)
    for n in range(edges):
        most, count = capacity[n], 0
        for m in range(devices):
            w, v = weight[m, n], value[m]
            if w > most or v <= 0.0:
                continue
            old, new = best[count], best[count + 1]
            fits[count] = m
            count += 1
            new[:w] = old[:w]
            without, smaller, grown = old[w : most + 1], old[: most + 1 - w], new[w : most + 1]  # whose loop is vectorised
            for c in range(grown.size):
                other = smaller[c] + v
                grown[c] = other if other > without[c] else without[c]
        total += best[count, most]
        c = most
        for i in range(count - 1, -1, -1):
            if best[i + 1, c] > best[i, c]:
                packed[fits[i], n] = True
                c -= weight[fits[i], n]
    return total


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _random(state: np.ndarray, below: int) -> int:
    """Next integer in [0, below) of a xorshift generator, state uint64, shape [1]."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return int((x >> np.uint64(33)) % np.uint64(below))


@njit(cache=True, error_model="numpy", nogil=True)
def repair(
    weight: np.ndarray, regret: np.ndarray, capacity: int, edge: np.ndarray, iterations: int, random: np.ndarray
) -> int:  # fmt: skip
    """Tabu search over shifts and swaps out of overloaded edges, until no edge is.

    Parameters
    ----------
    weight
        w_mn, int64, shape [R, N].
    regret
        What each edge costs a device beyond its best one, in multiprocessors; infinite where it may not go; shape [R, N].
    capacity
        L.
    edge
        Edges to begin with, 0..N-1, int64, shape [R]; set to the best ones found.
    iterations
        Moves to make at most.
    random
        State of the generator, uint64, shape [1].

    Returns
    -------
    int
        Total overload of the best edges.
    """
    devices, edges = weight.shape
    now, load = edge.copy(), np.zeros(edges, dtype=np.int64)
    until = np.zeros((devices, edges), dtype=np.int64)
    for m in range(devices):
        load[now[m]] += weight[m, now[m]]
    overload = 0
    for n in range(edges):
        overload += max(0, load[n] - capacity)
    best = overload
    for iteration in range(iterations):
        if best == 0:
            break
        chosen, first, second, target = np.inf, -1, -1, -1
        ties = 0
        for m in range(devices):
            a = now[m]
            if load[a] <= capacity:
                continue
            over, own, paid = load[a] - capacity, weight[m, a], regret[m, a]
            for b in range(edges):  # shifts
                if b == a or regret[m, b] == np.inf:
                    continue
                gain = max(0, over - own) - over + max(0, load[b] + weight[m, b] - capacity) - max(0, load[b] - capacity)
                score = gain + TIE * (regret[m, b] - paid)
                if score <= chosen and (until[m, b] <= iteration or overload + gain < best):
                    ties = ties + 1 if score == chosen else 1
                    if ties == 1 or _random(random, ties) == 0:
                        chosen, first, second, target = score, m, -1, b
            for p in range(devices):  # swaps
                b = now[p]
                if b == a or regret[m, b] == np.inf or regret[p, a] == np.inf:
                    continue
                left = max(0, over - own + weight[p, a]) - over
                gain = left + max(0, load[b] + weight[m, b] - weight[p, b] - capacity) - max(0, load[b] - capacity)
                score = gain + TIE * (regret[m, b] - paid + regret[p, a] - regret[p, b])
                if score <= chosen and ((until[m, b] <= iteration and until[p, a] <= iteration) or overload + gain < best):
                    ties = ties + 1 if score == chosen else 1
                    if ties == 1 or _random(random, ties) == 0:
                        chosen, first, second, target = score, m, p, b
        if first < 0:
            continue  # all moves are tabu; some will not be soon
        a = now[first]
        load[a] -= weight[first, a]
        load[target] += weight[first, target]
        now[first] = target
        until[first, a] = iteration + TENURE[0] + _random(random, TENURE[1])
        if second >= 0:
            load[target] -= weight[second, target]
            load[a] += weight[second, a]
            now[second] = a
            until[second, target] = iteration + TENURE[0] + _random(random, TENURE[1])
        overload = 0
        for n in range(edges):
            overload += max(0, load[n] - capacity)
        if overload < best:
            best = overload
            edge[:] = now
    return best
