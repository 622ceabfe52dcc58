from __future__ import annotations

import pytest

from mecbench.problems.p_edge import Parameters, generate
from mecbench.solvers import resolve, solve

NARROW = "import mecbench.solvers.p_edge.milp_secant as module; module.MANY_DEVICES, module.WINDOW = 0, {window}"


def test_the_secant_milp_is_exact(random_instances, solve_apart, check_exact) -> None:
    """HiGHS at a tolerance of 1e-9 agrees with the dynamic programme to 1e-9, and its lowered bound is honest."""
    instances = random_instances(30, 8, 32, 5)
    for instance, answer in zip(instances, solve_apart("p-edge/milp-secant", instances), strict=True):
        check_exact(instance, answer, 1e-9)


@pytest.mark.slow
def test_a_window_is_widened_until_the_optimum_is_proven(random_instances, solve_apart, check_exact) -> None:
    """A single secant beside the continuous solution underestimates; the check notices it and more secants follow."""
    instances = random_instances(30, 8, 32, 6)
    answers = solve_apart("p-edge/milp-secant", instances, prepare=NARROW.format(window=1))
    for instance, answer in zip(instances, answers, strict=True):
        check_exact(instance, answer, 1e-9)
    rounds = [len(answer.reports) for answer in answers]
    assert min(rounds) == 1
    assert max(rounds) > 1


@pytest.mark.slow
def test_a_hundred_devices_are_solved(solve_apart, best_by_stages, check_exact) -> None:
    """The compact form reaches sizes at which the one-hot form has tens of thousands of binaries."""
    instance = generate(Parameters(devices=100, multiprocessors=256), 0)
    answer = solve_apart("p-edge/milp-secant", [instance], prepare=NARROW.format(window=10))[0]
    check_exact(instance, answer, 1e-9)
    assert best_by_stages(instance) == solve(instance, "p-edge/threshold").bound


def test_the_packages_depend_on_the_solver() -> None:
    """A row of a solver that is not installed is skipped by name, so the catalogue must know what a parameter needs."""
    assert resolve("p-edge/milp-secant:solver=highs").text == "p-edge/milp-secant"
    assert resolve("p-edge/milp-secant:solver=xpress").requires == ("pyomo", "xpress")
