"""Best responses end where nobody gains alone, whatever the world: what the theorem says, and the code must."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, generate
from mecbench.problems.p_marl.options import options
from mecbench.solvers.p_marl.best_response import equilibrium


def gains(choices, multiprocessors, found):
    """Most that any device gains by another edge or cut while all others stay, at equal shares of the edges."""
    devices, edges, groups = choices.fixed.shape
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    largest = -np.inf
    for m in range(devices):
        paid = {(0, groups): choices.local[m]}
        for n in range(1, edges + 1):
            others = int(((found.edge == n) & (np.arange(devices) != m)).sum())
            part = multiprocessors // (others + 1)
            for k in range(groups):
                paid[n, k] = choices.fixed[m, n - 1, k] + shared[m, n - 1, k] / part if part else np.inf
        largest = max(largest, paid[int(found.edge[m]), int(found.cut[m])] - min(paid.values()))
    return largest


@pytest.mark.parametrize("capacity", [(1, 5), (8, 64)])
def test_nobody_gains_alone(small, capacity):
    """Exactly, not up to a tolerance; with edges that hold fewer devices than want them, and with such that hold all."""
    attached, random = 0, np.random.default_rng(0)
    for seed in range(20):
        multiprocessors = int(random.integers(*capacity))
        instance = small(seed, 8, 4, edge_multiprocessors=multiprocessors, edge_work=180 * multiprocessors / 256, switch_cost=0.05)
        choices = options(instance, 0, random.integers(-1, 5, 8))
        found = equilibrium(choices, multiprocessors)
        assert gains(choices, multiprocessors, found) == 0.0
        assert np.bincount(found.edge, minlength=2)[1:].max() <= multiprocessors
        attached += int((found.edge > 0).sum())
    assert attached > 30


def test_the_paper_scale_has_an_equilibrium_too():
    """240 devices and 11 edges, where chains of leaving devices are long."""
    instance = generate(SIZES["orig-240x11"], 0)
    choices = options(instance, 0, np.random.default_rng(0).integers(-1, 12, 240))
    assert gains(choices, instance.multiprocessors, equilibrium(choices, instance.multiprocessors)) == 0.0
