"""Worths and losses of packings against brute force."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p_marl.packing_compiled import NEVER, losses, worths


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_losses_are_what_forcing_a_device_costs(seed):
    """With or without a device, the best subset of an edge loses exactly what is told, also where values are huge."""
    random = np.random.default_rng(seed)
    devices, capacity = int(random.integers(1, 7)), random.integers(0, 12, 2)
    value = random.integers(0, 9, devices) * int(random.choice([1, 2**46 + 1]))
    weight = random.integers(1, 13, (devices, 2))
    worth, (inside, outside) = worths(value, weight, capacity), losses(value, weight, capacity)
    for n in range(2):
        subsets = chain.from_iterable(combinations(range(devices), size) for size in range(devices + 1))
        fitting = [subset for subset in subsets if sum(weight[m, n] for m in subset) <= capacity[n]]
        assert worth[n] == max(sum(value[m] for m in subset) for subset in fitting)
        for m in range(devices):
            with_it = [sum(value[i] for i in subset) for subset in fitting if m in subset]
            without = max(sum(value[i] for i in subset) for subset in fitting if m not in subset)
            assert inside[m, n] == (worth[n] - max(with_it) if with_it else NEVER)
            assert outside[m, n] == worth[n] - without
