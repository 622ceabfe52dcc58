from __future__ import annotations

import pytest

from mecbench.problems.p_edge import Parameters, generate
from mecbench.solvers import resolve, solve


def test_the_onehot_milp_is_exact(random_instances, solve_apart, check_exact) -> None:
    """HiGHS at a tolerance of 1e-9 agrees with the dynamic programme to 1e-9, and its lowered bound is honest."""
    instances = random_instances(18, 6, 20, 4)
    for instance, answer in zip(instances, solve_apart("p-edge/milp-onehot", instances), strict=True):
        check_exact(instance, answer, 1e-9)


@pytest.mark.slow
def test_a_limit_ends_the_search_without_a_false_claim(solve_apart) -> None:
    """Twelve thousand binaries are too many for a second; what it returns is not called optimal."""
    instance = generate(Parameters(devices=60, multiprocessors=256), 0)
    answer = solve_apart("p-edge/milp-onehot", [instance], time_limit=1.0)[0]
    assert answer.status != "optimal"
    assert answer.bound is None or answer.bound <= solve(instance, "p-edge/threshold").bound


def test_the_packages_depend_on_the_solver() -> None:
    """A row of a solver that is not installed is skipped by name, so the catalogue must know what a parameter needs."""
    assert resolve("p-edge/milp-onehot").requires == ("pyomo", "highspy")
    assert resolve("p-edge/milp-onehot:solver=gurobi").requires == ("pyomo", "gurobipy")
