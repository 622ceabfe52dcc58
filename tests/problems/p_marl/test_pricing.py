"""Packings and ways against brute force."""

from __future__ import annotations

from itertools import chain, combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p_marl.evaluate import account
from mecbench.problems.p_marl.pricing import packing_values, path_values, stage
from mecbench.problems.p_marl.solution import Solution


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_packings_are_optimal(seed):
    """The dynamic programme finds what trying all subsets finds, with weights that fit, just fit and never fit."""
    random = np.random.default_rng(seed)
    devices, capacity = int(random.integers(1, 8)), int(random.integers(1, 12))
    value = random.choice([0.0, 1.0, 0.3, 2.5], devices) * random.random(devices)
    weight = random.integers(1, capacity + 2, (devices, 2))
    found = packing_values(value, weight, capacity)
    for n in range(2):
        subsets = chain.from_iterable(combinations(range(devices), size) for size in range(devices + 1))
        best = max(sum(value[m] for m in subset) for subset in subsets if sum(weight[m, n] for m in subset) <= capacity)
        assert found[n] == pytest.approx(best, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_stages_are_the_cheapest_options(draw, seed):
    """The closed form over l equals trying every cut and every l, whether devices stay or switch, and wherever C stands."""
    instance = draw(seed, epochs=(1, 1), drain="exogenous")
    random = np.random.default_rng(seed)
    weight, price = random.random(instance.devices), random.choice([0.0, 1e-4, 1e-2, 1.0], instance.edges)
    found = stage(instance, 0, weight, price)
    for n in range(instance.edges):
        for previous, values in ((n + 1, found.stay), (0, found.switch)):
            at = instance.model_copy(update={"previous_edge": np.full(instance.devices, previous)})
            best = np.full(instance.devices, np.inf)
            for k, share in product(range(instance.groups), range(1, instance.multiprocessors + 1)):
                cell = {"edge": n + 1, "cut": k, "allocation": share}
                cost = account(at, Solution(**{name: np.full((1, instance.devices), value) for name, value in cell.items()})).cost[0]
                best = np.minimum(best, weight * cost + price[n] * share)
            np.testing.assert_allclose(values[:, n], best, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_ways_are_the_cheapest(draw, seed):
    """The programme over epochs equals trying every sequence of edges, cuts and multiprocessors of one device."""
    instance = draw(seed, devices=(1, 1), epochs=(1, 3), groups=(1, 1), multiprocessors=(1, 3), drain="exogenous")
    random = np.random.default_rng(seed)
    price = random.choice([0.0, 1e-3, 0.1], (instance.epochs, instance.edges))
    cells = [
        (0, instance.groups, 0),
        *product(range(1, instance.edges + 1), range(instance.groups), range(1, instance.multiprocessors + 1)),
    ]
    best = np.inf
    for way in product(cells, repeat=instance.epochs):
        edge, cut, share = np.array(way).T[:, :, None]
        cost = float((instance.weights * account(instance, Solution(edge=edge, cut=cut, allocation=share)).cost[:, 0]).sum())
        paid = sum(price[t, u - 1] * held for t, (u, _, held) in enumerate(way) if u)
        best = min(best, 0.7 * cost + paid)
    assert path_values(instance, np.array([0.7]), price)[0] == pytest.approx(best, rel=1e-12)
