"""M1b: outer approximation by a MILP solver."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p import evaluate
from mecbench.solvers import resolve

ONE_SLOT = {"users": 3, "slots": 1}


@pytest.mark.parametrize("algorithm", ["p/monolith-highs", pytest.param("p/monolith-highs:relaxation_rounds=30", marks=pytest.mark.slow)])
def test_the_loop_closes_and_its_bound_is_honest(tiny, solve_apart, algorithm) -> None:
    """MILP bound and polished value meet at 1e-6, the incumbents are feasible, and no bound passes any solution.

    On the second instance the first MILP's choices break C8 once their split is exact.
    """
    instances = [tiny(seed, **ONE_SLOT) for seed in (0, 3)]
    for instance, answer in zip(instances, solve_apart([algorithm], instances), strict=True):
        verdict = evaluate(instance, answer.solution)
        assert verdict.feasible
        assert answer.status == "optimal"
        assert verdict.objective * (1 - 1e-6) <= answer.bound <= verdict.objective
        for solution, bound in answer.reports:
            assert solution is None or evaluate(instance, solution).objective >= verdict.objective
            assert bound is None or not beats(verdict.objective, bound, Sense.MINIMISE)


def test_a_looser_gap_ends_earlier(tiny, solve_apart) -> None:
    """The gap is the user's: at 1 % one MILP or two do, and the bound is as far below as it may be."""
    exact, loose = solve_apart(["p/monolith-highs", "p/monolith-highs:gap=1e-2"], [tiny(5, **ONE_SLOT)])
    assert loose.metrics["milps"] <= exact.metrics["milps"]
    assert loose.bound >= 0.99 * exact.bound
    assert not beats(evaluate(tiny(5, **ONE_SLOT), exact.solution).objective, loose.bound, Sense.MINIMISE)


def test_an_infeasible_instance_has_no_solution(tiny, solve_apart) -> None:
    """A delay limit that no choice keeps: nothing is found and nothing claimed."""
    (answer,) = solve_apart(["p/monolith-highs"], [tiny(0, **ONE_SLOT, delay_limit=1e-3)])
    assert (answer.solution, answer.bound, answer.status) == (None, None, "unknown")


@pytest.mark.slow
def test_the_limit_holds_within_a_milp(tiny, solve_apart) -> None:
    """Out of time during a MILP, the loop ends with what it has; no bound passes what a longer run finds."""
    instance = tiny(1, users=6, servers=3, slots=4)
    (answer,) = solve_apart(["p/monolith-highs:relaxation_rounds=30"], [instance], time_limit=2.0)
    assert answer.status != "optimal" or answer.solution is not None
    bounds = [bound for _, bound in answer.reports if bound is not None]
    assert bounds == sorted(bounds)


def test_other_solvers_join_by_name() -> None:
    """A solver that Pyomo finds is a parameter, and a row without its package is skipped by name."""
    assert resolve("p/monolith-highs:solver=highs").text == "p/monolith-highs"
    assert resolve("p/monolith-highs:solver=gurobi").requires == ("pyomo", "gurobipy")
