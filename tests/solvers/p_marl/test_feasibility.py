"""HiGHS on packings: its verdicts are those of trying everything, and a packing that is known is improved."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mecbench.solvers.p_marl.epoch import Packing
from mecbench.solvers.p_marl.feasibility import decide


def tried(packing, regret):
    """Least sum of regrets of all packings; infinite if nothing fits."""
    every, least = np.arange(len(regret)), np.inf
    for choice in product(range(regret.shape[1]), repeat=len(regret)):
        need = packing.weight[every, list(choice)]
        if (need <= packing.capacity).all() and np.bincount(choice, weights=need, minlength=2).max() <= packing.capacity:
            least = min(least, regret[every, list(choice)].sum())
    return least


@pytest.mark.parametrize("seed", range(8))
def test_verdicts_are_right(seed):
    """A packing that is told fits and uses no pair that is ruled out; impossible is said exactly where nothing fits."""
    random = np.random.default_rng(seed)
    packing = Packing(np.arange(5), random.integers(4, 12, (5, 2)), 18 + seed % 3)
    regret = np.where(random.random((5, 2)) < 0.15, np.inf, 0.0)
    verdict = decide(packing, regret, 60.0, 0)
    assert verdict.impossible == (tried(packing, regret) == np.inf)
    if verdict.edge is not None:
        load = np.bincount(verdict.edge, weights=packing.weight[np.arange(5), verdict.edge], minlength=2)
        assert load.max() <= packing.capacity
        assert np.isfinite(regret[np.arange(5), verdict.edge]).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_known_packing_is_improved_to_the_best(seed):
    """From all on their edges, as few as possible of the regrets remain."""
    random = np.random.default_rng(seed)
    weight = random.integers(2, 8, (6, 2))
    start = np.arange(6) % 2
    packing = Packing(np.arange(6), weight, int(np.bincount(start, weights=weight[np.arange(6), start]).max()) + 1)
    regret = random.integers(0, 2, (6, 2)).astype(float)
    best = decide(packing, regret, 60.0, 0, start).edge
    assert regret[np.arange(6), best].sum() == tried(packing, regret)
