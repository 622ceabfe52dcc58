"""The compiled walk is worth what the certificate's own programme says, and its usage and costs are what it is worth."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.pricing import path_values
from mecbench.solvers.p_marl.paths_compiled import trace, walk


@pytest.mark.parametrize("divided", [False, True])
def test_walks_are_worth_what_the_certificate_pays(small, divided):
    """At random prices, none among them: values agree with the programme, and weights, prices and decisions add up to them."""
    random = np.random.default_rng(0)
    attached = 0.0
    for seed in range(4):
        instance = small(seed, 6, 3, epochs=4, switch_cost=0.05, divided_switch_cost=divided, discount=0.8)
        instance = Instance.model_validate(instance.model_dump() | {"previous_edge": random.integers(-1, 4, 6)})
        weight, price = random.random(6), random.exponential(0.002, (4, 3)) * (random.random((4, 3)) < 0.8)
        usage, cost = np.empty((4, 3)), np.empty(6)
        state = instance.previous_edge, instance.weights, weight, price, instance.switch_cost, divided
        value = walk(trace(instance), *state, instance.multiprocessors, usage, cost)
        assert value == pytest.approx(path_values(instance, weight, price).sum(), rel=1e-12)
        assert value == pytest.approx(weight @ cost + (price * usage).sum(), rel=1e-12)
        attached += usage.sum()
    assert attached > 0
