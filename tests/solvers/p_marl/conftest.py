"""Small instances of P-MARL, and the optima of tiny episodes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from mecbench.problems.p_marl import Instance, Parameters, generate
from mecbench.problems.p_marl.physics import switches
from mecbench.problems.p_marl.programme import cells


def draw_small(seed: int, devices: int, edges: int, epochs: int = 1, **overrides: object) -> Instance:
    """An instance of the generator at the paper's density, of so few multiprocessors that they are scarce unless told otherwise."""
    scarce = {"edge_multiprocessors": 2 * devices, "edge_work": 180.0 * 2 * devices / 256}
    data = {"population": devices, "edges": edges, "epochs": epochs, "area": 2.5 * edges / 11} | scarce | overrides
    return generate(Parameters.model_validate(data), seed)


def best_of_all(instance: Instance) -> tuple[float, float]:
    """Least mean of the worst costs and least worst mean of an episode whose switch cost is not divided, by trying everything."""
    most, shape = instance.multiprocessors, (instance.devices, 2)
    moves = [(0, 0), *product(range(1, instance.edges + 1), range(1, most + 1))]
    joint = np.array(list(product(moves, repeat=instance.devices))).reshape(-1, *shape)
    edge, share = joint[..., 0], joint[..., 1]
    used = np.stack([np.where(edge == n, share, 0).sum(axis=1) for n in range(1, instance.edges + 1)])
    edge, share = (array[(used <= most).all(axis=0)] for array in (edge, share))
    every, weights = np.arange(instance.devices), instance.weights
    worst, means, last = np.zeros(1), np.zeros((1, instance.devices)), instance.previous_edge[None]
    for epoch in range(instance.epochs):
        table = cells(instance, epoch)
        own = np.where(edge > 0, table.cost[every, edge - 1, share - 1], table.local)
        own, now = own[np.isfinite(own).all(axis=1)], edge[np.isfinite(own).all(axis=1)]
        charge = instance.switch_cost * switches(now, last[:, None]) if epoch else np.zeros((1, *now.shape))
        cost = own + charge  # the first epoch's switches are in its cells
        worst = (worst[:, None] + weights[epoch] * cost.max(axis=2)).ravel()
        means = (means[:, None] + weights[epoch] * cost).reshape(-1, instance.devices)
        last = np.broadcast_to(now, cost.shape).reshape(-1, instance.devices)
    return float(worst.min()), float(means.max(axis=1).min())


@pytest.fixture(scope="session")
def small() -> Callable[..., Instance]:
    """The function that draws a small instance."""
    return draw_small


@pytest.fixture(scope="session")
def exhaust() -> Callable[[Instance], tuple[float, float]]:
    """The function that finds both optima of a tiny episode by trying everything."""
    return best_of_all


@pytest.fixture(scope="session")
def all_decisions() -> Callable[[Instance], np.ndarray]:
    """The function that prices all feasible decisions of a one-epoch instance, each with the best cuts: costs, shape [D, M]."""

    def price(instance: Instance) -> np.ndarray:
        table = cells(instance, 0)
        own = np.concatenate((table.local[:, None], table.cost.reshape(instance.devices, -1)), axis=1)
        shares = np.arange(1, instance.multiprocessors + 1)
        held = np.zeros((own.shape[1], instance.edges), dtype=int)
        held[1:] = np.kron(np.eye(instance.edges, dtype=int), shares[:, None])
        choice = np.indices((own.shape[1],) * instance.devices).reshape(instance.devices, -1).T
        costs = own[np.arange(instance.devices), choice]
        feasible = (held[choice].sum(axis=1) <= instance.multiprocessors).all(axis=1) & np.isfinite(costs).all(axis=1)
        return costs[feasible]

    return price
