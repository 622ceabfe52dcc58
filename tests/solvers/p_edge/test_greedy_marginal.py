from __future__ import annotations

import numpy as np

from mecbench.problems.p_edge import Parameters, bound, evaluate, generate
from mecbench.problems.p_edge.physics import cost
from mecbench.solvers import solve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_edge.greedy_marginal import GreedyMarginal


def test_greedy_is_the_exhaustive_leximin_optimum(random_instances, best_by_enumeration) -> None:
    """The claim against "NP-hard": no allocation at all is better than greedy's; without ties none is leximin-better either."""
    distinct_cases = 0
    for instance in random_instances(750, 4, 9, 1):
        outcome = solve(instance, "p-edge/greedy-marginal")
        costs = cost(instance.fixed_cost, instance.shared_cost, outcome.solution.allocation)
        best = best_by_enumeration(instance)
        assert bound(instance, outcome.certificate) == outcome.bound == costs.max() == best[0]
        cells = cost(instance.fixed_cost[:, None], instance.shared_cost[:, None], np.arange(1, 10))
        if np.unique(cells).size == cells.size:
            distinct_cases += 1
            assert sorted(costs.tolist(), reverse=True) == best
    assert distinct_cases >= 500


def test_greedy_and_threshold_search_agree_to_the_last_bit() -> None:
    """Two exact algorithms without anything in common but the evaluator's expression give equal allocations."""
    for seed, (devices, multiprocessors) in enumerate([(1, 1), (1, 9), (20, 20), (20, 24), (40, 256), (300, 1024), (1000, 4096)]):
        for family in ("nsg-cuts", "random-cuts"):
            instance = generate(Parameters(family=family, devices=devices, multiprocessors=multiprocessors), seed)
            greedy, threshold = (solve(instance, f"p-edge/{method}") for method in ("greedy-marginal", "threshold"))
            assert greedy.bound == threshold.bound == evaluate(instance, greedy.solution).objective
            assert np.array_equal(greedy.solution.allocation, threshold.solution.allocation)


def test_an_exhausted_budget_leaves_a_feasible_incumbent_and_no_claim() -> None:
    """With more steps than time there is still an allocation to keep, but nothing may be called optimal."""
    instance = generate(Parameters(devices=5, multiprocessors=100_000), 0)
    outcome = GreedyMarginal().solve(instance, Budget(time_limit=0.0), 0)
    assert outcome.status == "feasible"
    assert (outcome.bound, outcome.certificate) == (None, None)
    assert evaluate(instance, outcome.solution).feasible
