"""GRD follows its rule to the letter."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_marl import SIZES, generate
from mecbench.problems.p_marl.options import options
from mecbench.solvers.p_marl.greedy import greedy


def by_the_letter(choices, multiprocessors, sweeps=4):
    """The rule of the specification, word by word and without arrays."""
    devices, edges, groups = choices.fixed.shape
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    where = dict.fromkeys(range(devices), (0, groups))
    for _ in range(sweeps):
        for m in sorted(range(devices), key=lambda m: -choices.local[m]):
            best, chosen = choices.local[m], (0, groups)
            for n in range(1, edges + 1):
                part = multiprocessors // (sum(where[other][0] == n for other in range(devices) if other != m) + 1)
                for k in range(groups) if part else ():
                    paid = choices.fixed[m, n - 1, k] + shared[m, n - 1, k] / part
                    if paid < best:
                        best, chosen = paid, (n, k)
            where[m] = chosen
    edge, cut = np.array([where[m] for m in range(devices)]).T
    return edge, cut


def test_greedy_is_its_rule(small):
    """Edges with fewer multiprocessors than devices, and switch costs, which l divides in some, among them."""
    random = np.random.default_rng(0)
    for seed in range(20):
        capacity, divided = int(random.integers(1, 9)), bool(seed % 2)
        instance = small(seed, 6, 3, edge_multiprocessors=capacity, switch_cost=0.1, divided_switch_cost=divided)
        choices = options(instance, 0, random.integers(-1, 4, 6))
        found = greedy(choices, capacity)
        np.testing.assert_array_equal(np.stack(found), np.stack(by_the_letter(choices, capacity)))
    instance = generate(SIZES["orig-20x3"], 0)
    choices = options(instance, 0, None)
    found, expected = greedy(choices, instance.multiprocessors), by_the_letter(choices, instance.multiprocessors)
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))
