"""Leximin: the sorted costs are least from the largest on, among all decisions."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, evaluate, generate
from mecbench.problems.p_marl.evaluate import account
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.bisection import Bisection
from mecbench.solvers.p_marl.leximin import Leximin


def sorted_costs(instance, solution):
    """Costs from the largest on."""
    return np.sort(account(instance, solution).cost[0])[::-1]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_leximin_better(small, all_decisions, seed):
    """Of all decisions of a tiny epoch none has a lexicographically smaller vector of sorted costs."""
    instance = small(seed, 3, 2, edge_multiprocessors=5, edge_work=180.0 * 5 / 256)
    found = sorted_costs(instance, Leximin().solve(instance, Budget(60), 0).solution)
    every = np.sort(all_decisions(instance), axis=1)[:, ::-1]
    best = every[np.lexsort(every.T[::-1])[0]]
    assert found == pytest.approx(best, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 12])
def test_twenty_devices_are_settled(seed):
    """At 20 devices and 3 edges every level is proved, and nobody's worst cost rises for it."""
    instance = generate(SIZES["orig-20x3"], seed)
    outcome, fair = (solver.solve(instance, Budget(60), 0) for solver in (Bisection(gap=0.0), Leximin()))
    assert fair.metrics["settled"] == 20
    assert evaluate(instance, fair.solution).feasible
    assert fair.bound == outcome.bound == evaluate(instance, fair.solution).objective
    assert sorted_costs(instance, fair.solution).tolist() <= sorted_costs(instance, outcome.solution).tolist()
