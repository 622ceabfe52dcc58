"""The pricing programmes behind the bounds of P-MARL, which certificates recompute and solvers optimise over.

Given prices of the devices, an edge packs those that are worth most into its multiprocessors; given prices of the multiprocessors, a
device takes its cheapest way through the epochs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_edge.system import Options
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import options

__all__ = ["Stage", "packing_values", "path_values", "stage"]


class Stage(NamedTuple):
    """Cheapest priced options of every device in an epoch.

    Attributes
    ----------
    local
        Price of running locally, shape [M].
    stay, switch
        Price of each edge for a device that has it already, and for one that attaches to it, shape [M, N].
    """

    local: np.ndarray
    stay: np.ndarray
    switch: np.ndarray


def packing_values(value: np.ndarray, weight: np.ndarray, capacity: int) -> np.ndarray:
    """Largest total value that fits into each edge, by dynamic programming over integer capacities.

    Parameters
    ----------
    value
        Of each device, at least 0, shape [M].
    weight
        Multiprocessors that each device needs of each edge, int64 of at least 1, shape [M, N]; above the capacity for never.
    capacity
        L.

    Returns
    -------
    np.ndarray
        Shape [N].
    """
    values = np.empty(weight.shape[1])
    for n, column in enumerate(weight.T):
        fits = (column <= capacity) & (value > 0)
        items = list(zip(column[fits].tolist(), value[fits].tolist(), strict=True))
        best = np.zeros(min(capacity, sum(size for size, _ in items)) + 1)
        for size, worth in items:
            np.maximum(best[size:], best[: best.size - size] + worth, out=best[size:])
        values[n] = best[-1]
    return values


def stage(instance: Instance, epoch: int, weight: np.ndarray, price: np.ndarray) -> Stage:
    """Cheapest options of an epoch if cost is weighted and multiprocessors are priced; the latency limit is left out.

    Parameters
    ----------
    instance
        The instance.
    epoch
        t.
    weight
        Of each device's cost in this epoch, at least 0, shape [M].
    price
        mu of a multiprocessor of each edge, at least 0, shape [N].
    """
    choices = options(instance, epoch, None)
    stay = _cheapest(instance, choices, weight, price)
    if instance.divided_switch_cost:
        switch = _cheapest(instance, replace(choices, shared=choices.shared + instance.switch_cost), weight, price)
    else:
        switch = stay + (weight * instance.switch_cost)[:, None]
    return Stage(weight * choices.local, stay, switch)


def _cheapest(instance: Instance, choices: Options, weight: np.ndarray, price: np.ndarray) -> np.ndarray:
    """Minimum over cuts and l of weight (a + b / l) + mu l, shape [M, N]: convex in l, so the root's neighbours decide."""
    most = float(instance.multiprocessors)
    scaled, priced = weight[:, None, None] * choices.shared, price[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(scaled / priced)
    low = np.clip(np.floor(np.where(priced > 0, root, most)), 1.0, most)
    high = np.minimum(low + 1.0, most)
    shared = np.minimum(scaled / low + priced * low, scaled / high + priced * high)
    return (weight[:, None, None] * choices.fixed + shared).min(axis=-1)


def path_values(instance: Instance, device_weight: np.ndarray, edge_price: np.ndarray) -> np.ndarray:
    """Price of every device's cheapest way through the epochs, switches included, by dynamic programming over edges.

    Parameters
    ----------
    instance
        The instance; where its drain is endogenous, clocks stay as they are initially.
    device_weight
        Weight of each device's mean cost, at least 0, shape [M].
    edge_price
        mu of a multiprocessor of each edge in each epoch, at least 0, shape [T, N].

    Returns
    -------
    np.ndarray
        Shape [M].
    """
    edges = np.arange(1, instance.edges + 1)
    local: np.ndarray = np.zeros(instance.devices)
    attached: np.ndarray = np.zeros((instance.devices, instance.edges))
    for epoch in range(instance.epochs):
        now = stage(instance, epoch, instance.weights[epoch] * device_weight, edge_price[epoch])
        if epoch == 0:
            previous = instance.previous_edge[:, None]
            local, attached = now.local, np.where((previous < 0) | (previous == edges), now.stay, now.switch)
            continue
        before = np.minimum(local, attached.min(axis=1))
        # Who stays is charged no less by the second term, so it need not be left out of the minimum.
        attached = np.minimum(attached + now.stay, before[:, None] + now.switch)
        local = before + now.local
    return np.minimum(local, attached.min(axis=1))
