"""All exact methods of P-EDGE give the same answer."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_edge import bound, evaluate

TOLERANCES = {
    "p-edge/threshold": 0.0,
    "p-edge/greedy-marginal": 0.0,
    "p-edge/algorithm-1:reading=minmax": 0.0,
    "p-edge/cp-sat": 1e-9,
    "p-edge/milp-onehot": 1e-9,
    "p-edge/milp-secant": 1e-9,
    "p-edge/scip": 1e-6,
}


@pytest.fixture(scope="module")
def cases(random_instances, best_by_stages):
    """200 instances of 2..8 devices on up to 32 multiprocessors, and their optima by dynamic programme."""
    instances = random_instances(200, 8, 32, 2026)
    return [(instance, best_by_stages(instance)) for instance in instances]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", TOLERANCES)
def test_exact_methods_agree_with_brute_force(algorithm, cases, solve_apart) -> None:
    """Six programmes and two proofs of one problem: on 200 random instances none finds less, none claims more."""
    answers = solve_apart(algorithm, [instance for instance, _ in cases])
    for (instance, optimum), answer in zip(cases, answers, strict=True):
        verdict = evaluate(instance, answer.solution)
        assert verdict.feasible
        assert verdict.objective == pytest.approx(optimum, rel=TOLERANCES[algorithm], abs=0)
        assert answer.bound is None or not beats(optimum, answer.bound, Sense.MINIMISE)


@pytest.mark.slow
def test_the_conic_bound_never_crosses_the_optimum(cases, solve_apart) -> None:
    """The relaxation's certified bound lies under the brute-force optimum, and its rounding above, on all 200."""
    answers = solve_apart("p-edge/conic-rounding", [instance for instance, _ in cases])
    for (instance, optimum), answer in zip(cases, answers, strict=True):
        assert bound(instance, answer.certificate) <= optimum <= evaluate(instance, answer.solution).objective
