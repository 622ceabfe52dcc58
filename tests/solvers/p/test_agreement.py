"""All exact methods of P give the same answer."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p import bound, evaluate

EXACT = {"p/monolith-highs": 1e-6, "p/monolith-scip": 2e-6, "p/branch-and-cut": 1e-6}  # and the gap that each closes
DECOMPOSITION = "p/lagrangian"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "seeds"), [({"users": 3, "slots": 1}, range(16)), ({"users": 4, "slots": 1}, range(6)), ({"users": 4, "slots": 2}, (0, 2, 4))]
)
def test_monoliths_branch_and_cut_and_decomposition_contain_one_optimum(tiny, solve_apart, sizes, seeds) -> None:
    """Cones in SCIP, tangents in HiGHS, own branching, relaxed constraints: 25 instances, one optimum to 1e-6, none claims more."""
    instances = [tiny(seed, **sizes) for seed in seeds]
    answers = solve_apart([*EXACT], instances)
    bounded = solve_apart([DECOMPOSITION], instances, time_limit=2.0)
    for number, (instance, decomposed) in enumerate(zip(instances, bounded, strict=True)):
        exact = answers[number * len(EXACT) : (number + 1) * len(EXACT)]
        costs = [evaluate(instance, answer.solution) for answer in exact]
        assert all(verdict.feasible for verdict in costs)
        optimum = min(verdict.objective for verdict in costs)
        for answer, verdict in zip(exact, costs, strict=True):
            assert answer.status == "optimal"
            assert verdict.objective == pytest.approx(optimum, rel=1e-6), answer.algorithm
            assert optimum * (1 - EXACT[answer.algorithm]) <= answer.bound, answer.algorithm
            assert not beats(optimum, answer.bound, Sense.MINIMISE), answer.algorithm
        assert bound(instance, decomposed.certificate) <= optimum * (1 + 1e-9)
        if decomposed.solution is not None:
            verdict = evaluate(instance, decomposed.solution)
            assert not verdict.feasible or verdict.objective >= optimum * (1 - 1e-6)
