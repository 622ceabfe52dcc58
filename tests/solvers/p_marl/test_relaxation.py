"""The linear relaxation: its bound is valid and certified, its prices rule out only what is in no packing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from mecbench.problems.p_marl import Certificate, bound
from mecbench.solvers.p_marl.epoch import Epoch, Packing
from mecbench.solvers.p_marl.relaxation import linear_bound, regrets, relax, supremum


def draw(seed, capacity=14):
    """A packing of six devices into two edges, some pairs of which are impossible."""
    weight = np.random.default_rng(seed).integers(2, capacity - 4, (6, 2))
    weight[seed % 6, 0] = capacity + 1
    return Packing(np.arange(6), weight, capacity)


@pytest.mark.parametrize("seed", range(3))
def test_prices_are_optimal(seed):
    """Overload and prices are those of another solver's linear programme, and strong duality holds between them."""
    packing = draw(seed)
    devices, edges = packing.weight.shape
    pairs = np.argwhere(packing.possible)
    columns = np.arange(len(pairs))
    served, held = np.zeros((devices, len(pairs) + 1)), np.zeros((edges, len(pairs) + 1))
    served[pairs[:, 0], columns] = 1.0
    held[pairs[:, 1], columns] = packing.weight[pairs[:, 0], pairs[:, 1]]
    held[:, -1] = -1.0
    bounds = [(0, None)] * len(pairs) + [(None, None)]
    solved = linprog(np.eye(len(pairs) + 1)[-1], held, np.full(edges, packing.capacity), served, np.ones(devices), bounds)
    prices = relax(packing)
    assert prices.overload == pytest.approx(solved.fun, abs=1e-7)
    assert prices.edge.sum() == pytest.approx(1.0)
    assert prices.device.sum() - packing.capacity == pytest.approx(prices.overload, abs=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_ruled_out_is_in_no_packing(seed):
    """Any prices: whoever fits takes only pairs whose regret is finite, and all regrets together are afforded."""
    packing = draw(seed, 24)
    price = np.random.default_rng(seed).dirichlet(np.ones(2))
    regret, afforded = regrets(packing, price)
    every = np.arange(6)
    for choice in product(range(2), repeat=6):
        need = packing.weight[every, list(choice)]
        if (need <= packing.capacity).all() and np.bincount(choice, weights=need, minlength=2).max() <= packing.capacity:
            assert regret[every, list(choice)].sum() <= afforded + 1e-6


def test_the_linear_bound_is_certified_and_below_the_optimum(small, all_decisions):
    """On tiny epochs no decisions cost less than it, the check accepts it, and it is at least what a device alone proves."""
    for seed in range(4):
        instance = small(seed, 3, 2, edge_multiprocessors=5, edge_work=180.0 * 5 / 256)
        epoch = Epoch(instance, 0, instance.previous_edge)
        proof, _ = linear_bound(epoch)
        assert epoch.floor <= proof.threshold <= all_decisions(instance).max(axis=1).min() * (1.0 + 1e-12)
        assert bound(instance, Certificate(kind="per-epoch", epochs=(proof,))) == proof.threshold


def test_the_supremum_of_a_test_is_found(small):
    """Of a test that is true up to some cost the next cost above is returned, and the first threshold where it is never true."""
    instance = small(1, 4, 2)
    epoch = Epoch(instance, 0, instance.previous_edge)
    middle = 0.5 * (epoch.floor + epoch.ceiling)
    loads = epoch.packing(middle).weight.sum()
    found = supremum(
        epoch, epoch.floor, lambda packing: packing.weight.sum() > loads or packing.rest.size > epoch.packing(middle).rest.size
    )
    assert epoch.floor < found <= epoch.next_cost(middle)
    assert supremum(epoch, epoch.floor, lambda packing: False) == epoch.floor
