"""Cheapest ways of the devices through the epochs at prices of multiprocessors, and what they take and cost; compiled.

What `problems.p_marl.pricing` values, with the decisions behind it: the supergradient of the Lagrangian bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import options

__all__ = ["Trace", "trace", "walk"]


class Trace(NamedTuple):
    """Options of all epochs that can be cheapest at some prices, device by device within each epoch.

    Attributes
    ----------
    first
        Where the options of each device begin, and in the last column where the epoch's end, int64, shape [T, M + 1].
    edge, fixed, shared
        n in 0..N-1 in rising order, a and b of each option, shape [O].
    local
        Cost of running locally, shape [T, M].
    """

    first: np.ndarray
    edge: np.ndarray
    fixed: np.ndarray
    shared: np.ndarray
    local: np.ndarray


def trace(instance: Instance) -> Trace:
    """Options of an instance without those that a local device or a deeper cut on the same edge beats at any prices."""
    first = np.zeros((instance.epochs, instance.devices + 1), dtype=np.int64)
    parts, local, count = [], [], 0
    for epoch in range(instance.epochs):
        choices = options(instance, epoch, None)
        shared = np.broadcast_to(choices.shared, choices.fixed.shape)
        # A deeper cut leaves less to the edge, so one that costs no more itself is better at any share.
        deeper = np.full(choices.fixed.shape, np.inf)
        deeper[..., :-1] = np.minimum.accumulate(choices.fixed[..., :0:-1], axis=2)[..., ::-1]
        useful = (choices.fixed < deeper) & (choices.fixed + shared / instance.multiprocessors < choices.local[:, None, None])
        device, edge, _ = np.nonzero(useful)
        parts.append((edge, choices.fixed[useful], shared[useful]))
        first[epoch] = count + np.searchsorted(device, np.arange(instance.devices + 1))
        local.append(choices.local)
        count += edge.size
    edges, fixed, shared = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Trace(first, edges, fixed, shared, np.stack(local))


@njit(cache=True, error_model="numpy", nogil=True)
def walk(
    trace: Trace,
    previous: np.ndarray,
    epoch_weight: np.ndarray,
    device_weight: np.ndarray,
    price: np.ndarray,
    switch_cost: float,
    divided: bool,
    capacity: int,
    usage: np.ndarray,
    cost: np.ndarray,
) -> float:
    """Walk every device along its cheapest way.

    Parameters
    ----------
    trace
        Options.
    previous
        u before the first epoch, -1 for none, shape [M].
    epoch_weight, device_weight
        Of the objective, shape [T], and of each device's mean cost, shape [M].
    price
        mu of each edge in each epoch, shape [T, N].
    switch_cost, divided
        C, and whether l divides it.
    capacity
        L, the largest l.
    usage, cost
        Set to the multiprocessors taken, shape [T, N], and to each device's mean cost, shape [M].

    Returns
    -------
    float
        What all ways cost together, multiprocessors priced.
    """
    epochs, edges = price.shape
    total = 0.0
    usage[:] = 0.0
    origin = np.empty((epochs, edges + 1), dtype=np.int64)  # state before: 0 local, n + 1 on edge n
    share, paid = np.empty((epochs, edges + 1, 2)), np.empty((epochs, edges + 1, 2))  # of who stays, of who switches
    now, before = np.empty(edges + 1), np.empty(edges + 1)
    best = np.empty((edges, 2))
    for m in range(device_weight.size):
        before[:] = 0.0
        for t in range(epochs):
            weight = epoch_weight[t] * device_weight[m]
            best[:] = np.inf
            for o in range(trace.first[t, m], trace.first[t, m + 1]):
                n, a = trace.edge[o], trace.fixed[o]
                for switched in range(2 if divided else 1):
                    b = trace.shared[o] + (switch_cost if switched else 0.0)
                    mu = price[t, n]
                    low = min(max(np.floor(np.sqrt(weight * b / mu)), 1.0), float(capacity)) if mu > 0.0 else float(capacity)
                    high = min(low + 1.0, float(capacity))
                    if weight * b / high + mu * high < weight * b / low + mu * low:
                        low = high
                    value = weight * (a + b / low) + mu * low
                    if value < best[n, switched]:
                        best[n, switched] = value
                        share[t, n + 1, switched], paid[t, n + 1, switched] = low, a + b / low
            least = 0
            for s in range(1, edges + 1):
                if before[s] < before[least]:
                    least = s
            now[0] = weight * trace.local[t, m] + before[least]
            origin[t, 0] = least
            for n in range(edges):
                stay, switch = best[n, 0], best[n, 1]
                if not divided:
                    switch = stay + weight * switch_cost
                    share[t, n + 1, 1], paid[t, n + 1, 1] = share[t, n + 1, 0], paid[t, n + 1, 0] + switch_cost
                if t == 0:
                    home = previous[m] < 0 or previous[m] == n + 1
                    now[n + 1], origin[t, n + 1] = (stay, n + 1) if home else (switch, 0)
                elif before[n + 1] + stay <= before[least] + switch:
                    now[n + 1], origin[t, n + 1] = before[n + 1] + stay, n + 1
                else:
                    now[n + 1], origin[t, n + 1] = before[least] + switch, least
            before[:] = now
        state = 0
        for s in range(1, edges + 1):
            if before[s] < before[state]:
                state = s
        total += before[state]
        cost[m] = 0.0
        for t in range(epochs - 1, -1, -1):
            if state == 0:
                cost[m] += epoch_weight[t] * trace.local[t, m]
            else:
                switched = 0 if origin[t, state] == state else 1
                usage[t, state - 1] += share[t, state, switched]
                cost[m] += epoch_weight[t] * paid[t, state, switched]
            state = origin[t, state]
    return total
