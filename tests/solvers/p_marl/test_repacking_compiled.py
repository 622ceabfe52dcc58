"""Annealing tells what it found, keeps to what is allowed, and finds the best packing of small ones."""

from __future__ import annotations

from itertools import product

import numpy as np

from mecbench.solvers.p_marl.repacking import seeded
from mecbench.solvers.p_marl.repacking_compiled import repack

HEAT = 2.0, 0.2


def draw(seed: int, devices: int, edges: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights, costs with a fifth of the pairs forbidden but one of each device, and a capacity that is a little too small."""
    random = np.random.default_rng(seed)
    weight = random.integers(1, 9, (devices, edges))
    cost = np.where(random.random((devices, edges)) < 0.8, random.exponential(2.0, (devices, edges)), np.inf)
    cost[np.arange(devices), random.integers(0, edges, devices)] = 0.5
    return weight, cost, int(1.05 * weight.min(axis=1).sum() / edges) + 1


def value(weight: np.ndarray, cost: np.ndarray, capacity: int, edge: np.ndarray) -> tuple[int, float]:
    """Overload and cost, added up."""
    every = np.arange(edge.size)
    load = np.bincount(edge, weights=weight[every, edge], minlength=weight.shape[1])
    return int(np.maximum(load - capacity, 0).sum()), float(cost[every, edge].sum())


def test_nothing_is_better_than_what_is_found() -> None:
    """Of all assignments of seven devices none has less overload, and of those none costs less: a leaf that a search may rely on."""
    for seed in range(6):
        weight, cost, capacity = draw(seed, 7, 3)
        edge = cost.argmin(axis=1)
        found = repack(weight, cost, capacity, edge, 3000, HEAT, 2.0, -np.inf, seeded(seed))
        assert found == value(weight, cost, capacity, edge)
        best = min(
            value(weight, cost, capacity, np.array(tried))
            for tried in product(range(3), repeat=7)
            if np.isfinite(cost[np.arange(7), list(tried)]).all()
        )
        assert found[0] == best[0]
        assert found[1] <= best[1] + 1e-12


def test_it_is_repeatable_and_stops_at_its_goal() -> None:
    """The same seed ends alike; with a goal that the start meets nothing is moved, and no device goes where it may not."""
    weight, cost, capacity = draw(0, 40, 4)
    start = cost.argmin(axis=1)
    first, again = start.copy(), start.copy()
    for edge in (first, again):
        repack(weight, cost, capacity, edge, 500, HEAT, 2.0, np.inf, seeded(3))
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(cost[np.arange(40), first]).all()
    assert value(weight, cost, capacity, first) < value(weight, cost, capacity, start)
    roomy = start.copy()
    assert repack(weight, cost, 1000, roomy, 500, HEAT, 2.0, np.inf, seeded(3))[0] == 0
    np.testing.assert_array_equal(roomy, start)
