"""The compiled kernels: packings as good as the certificate's own, and overloads as they are."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl.pricing import packing_values
from mecbench.solvers.p_marl.packing_compiled import pack, repair


def draw(seed, devices=9, edges=3, capacity=20):
    """Random demands, some of which no edge can meet."""
    random = np.random.default_rng(seed)
    return random.random(devices), random.integers(1, capacity + 2, (devices, edges)), capacity


@pytest.mark.parametrize("seed", range(5))
def test_packings_are_worth_what_certificates_recompute(seed):
    """The dual's ascent sees the values that the checker will see, and the packings that attain them."""
    value, weight, capacity = draw(seed)
    packed = np.ones(weight.shape, dtype=np.bool_)
    total = pack(value, weight, np.full(3, capacity), np.zeros((value.size + 1, capacity + 1)), packed)
    assert total == pytest.approx(packing_values(value, weight, capacity).sum(), rel=1e-12)
    assert (packed * value[:, None]).sum() == pytest.approx(total, rel=1e-12)
    assert (packed * weight).sum(axis=0).max() <= capacity


@pytest.mark.parametrize("seed", range(5))
def test_repairs_tell_the_overload_that_they_leave(seed):
    """The overload told is that of the edges given back, never worse than of those given, and only kept pairs are moved to."""
    _, weight, capacity = draw(seed, devices=12)
    regret = np.where(weight <= capacity, 0.0, np.inf)
    start = regret.argmin(axis=1)
    edge = start.copy()

    def overload(edges):
        load = np.bincount(edges, weights=weight[np.arange(edges.size), edges], minlength=weight.shape[1])
        return np.maximum(load - capacity, 0).sum()

    told = repair(weight, regret, capacity, edge, 200, np.array([seed + 1], dtype=np.uint64))
    assert told == overload(edge) <= overload(start)
    moved = edge != start
    assert np.isfinite(regret[np.arange(edge.size), edge][moved]).all()
