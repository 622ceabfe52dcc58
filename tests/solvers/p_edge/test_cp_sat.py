from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_edge import Parameters, Solution, evaluate, generate
from mecbench.solvers import solve


def test_cp_sat_is_exact_to_the_last_bit(random_instances, solve_apart, check_exact, best_by_stages) -> None:
    """Levels are integers that order as costs do, so nothing is lost in scaling: optimum and bound are equal floats."""
    instances = random_instances(18, 6, 24, 3)
    for instance, answer in zip(instances, solve_apart("p-edge/cp-sat", instances), strict=True):
        check_exact(instance, answer, 1e-12)
        assert answer.bound == evaluate(instance, answer.solution).objective == best_by_stages(instance)
        assert answer.reports


def test_costs_that_differ_in_the_last_bits_are_told_apart(make_instance, solve_apart) -> None:
    """Scaling by 1e9 alone would call these equal and could return the worse one; the levels are pushed apart."""
    instance = make_instance([1.0 + 2**-52, 1.0, 1.0], [4.0, 4.0, 4.0], 7)
    assert solve_apart("p-edge/cp-sat", [instance])[0].bound == solve(instance, "p-edge/threshold").bound


@pytest.mark.slow
def test_a_limit_leaves_incumbents_and_a_valid_bound(solve_apart) -> None:
    """What CP-SAT has found when its time is over survives: every report is feasible, improves, and crosses no bound."""
    instance = generate(Parameters(devices=40, multiprocessors=256), 0)
    answer = solve_apart("p-edge/cp-sat", [instance], time_limit=2.0)[0]
    optimum = solve(instance, "p-edge/threshold").bound
    objectives = [evaluate(instance, Solution(allocation=allocation)).objective for allocation, _ in answer.reports]
    assert objectives == sorted(objectives, reverse=True)
    assert all(not beats(optimum, bound, Sense.MINIMISE) for _, bound in answer.reports)
    assert answer.solution is None or np.array_equal(answer.solution.allocation, answer.reports[-1][0])
    assert answer.bound <= optimum
    assert (answer.status == "optimal") == (answer.bound == optimum)
