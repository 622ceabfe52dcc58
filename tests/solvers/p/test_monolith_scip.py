"""M1a: SCIP on the cones."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p import evaluate

ONE_SLOT = {"users": 3, "slots": 1}


@pytest.mark.parametrize("cones", ["native", pytest.param("lifted", marks=pytest.mark.slow)])
def test_scip_agrees_with_the_outer_approximation(tiny, solve_apart, cones) -> None:
    """Two solvers, cones and tangents: the same optimum to 1e-6, and the lowered bound is honest."""
    instances = [tiny(seed, **ONE_SLOT) for seed in range(2)]
    answers = solve_apart(["p/monolith-highs", f"p/monolith-scip:cones={cones}"], instances)
    for instance, highs, scip in zip(instances, answers[::2], answers[1::2], strict=True):
        optimum = evaluate(instance, highs.solution).objective
        verdict = evaluate(instance, scip.solution)
        assert verdict.feasible
        assert verdict.objective == pytest.approx(optimum, rel=1e-6)
        assert scip.bound == pytest.approx(optimum, rel=2.5e-6)
        assert scip.status == "optimal"
        assert scip.reports
        for solution, bound in scip.reports:
            assert solution is None or evaluate(instance, solution).feasible
            assert bound is None or not beats(optimum, bound, Sense.MINIMISE)


@pytest.mark.slow
def test_a_limit_leaves_incumbents_and_a_valid_bound(tiny, solve_apart) -> None:
    """What SCIP has when its time is over survives, and no bound passes what is found."""
    instance = tiny(0)
    (answer,) = solve_apart(["p/monolith-scip"], [instance], time_limit=4.0)
    known = [evaluate(instance, solution) for solution, _ in answer.reports if solution is not None]
    assert all(verdict.feasible for verdict in known)
    assert answer.bound is not None
    assert not any(beats(verdict.objective, answer.bound, Sense.MINIMISE) for verdict in known)


def test_an_infeasible_instance_has_no_solution(tiny, solve_apart) -> None:
    """A delay limit that no choice keeps: nothing is found and nothing claimed."""
    (answer,) = solve_apart(["p/monolith-scip"], [tiny(0, **ONE_SLOT, delay_limit=1e-3)])
    assert (answer.solution, answer.bound, answer.status) == (None, None, "unknown")
