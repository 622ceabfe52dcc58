from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_edge import Parameters, Solution, evaluate, generate
from mecbench.solvers import solve


def test_scip_is_exact_within_its_tolerance(random_instances, solve_apart, check_exact) -> None:
    """Spatial branch and bound agrees with the dynamic programme to 1e-6, and its lowered bound is honest."""
    instances = random_instances(30, 8, 32, 8)
    for instance, answer in zip(instances, solve_apart("p-edge/scip", instances), strict=True):
        check_exact(instance, answer, 1e-6)
        assert answer.reports


@pytest.mark.slow
def test_a_limit_leaves_incumbents_and_a_valid_bound(solve_apart) -> None:
    """What SCIP has found when its time is over survives: reports are feasible and no bound crosses the optimum."""
    instance = generate(Parameters(devices=300, multiprocessors=1024), 0)
    answer = solve_apart("p-edge/scip", [instance], time_limit=2.0)[0]
    optimum = solve(instance, "p-edge/threshold").bound
    for allocation, bound in [*answer.reports, (None, answer.bound)]:
        assert allocation is None or evaluate(instance, Solution(allocation=allocation)).feasible
        assert bound is None or not beats(optimum, bound, Sense.MINIMISE)
