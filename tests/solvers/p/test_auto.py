from __future__ import annotations

import pytest

from mecbench.problems.p import SIZES, bound, evaluate, generate
from mecbench.solvers import Budget, resolve


@pytest.mark.slow
def test_tiny_instances_are_closed(tiny, solve_apart) -> None:
    """Where one interval leaves a duality gap, as on seed 3, branch and cut goes on from the decomposition and closes it."""
    instances = [tiny(3), tiny(5)]
    for instance, answer in zip(instances, solve_apart(["p/auto"], instances), strict=True):
        verdict = evaluate(instance, answer.solution)
        assert verdict.feasible
        assert answer.status == "optimal"
        assert verdict.objective * (1 - 2e-6) <= answer.bound <= verdict.objective
        assert answer.certificate is None or bound(instance, answer.certificate) == pytest.approx(answer.bound, rel=1e-9)


def test_large_instances_get_a_certificate() -> None:
    """Beyond branch and cut the bound is the decomposition's, which everybody can recompute."""
    instance = generate(SIZES["medium"], 1)
    algorithm = resolve("p/auto")
    algorithm.prepare()
    outcome = algorithm.solve(instance, Budget(1.0), 0)
    assert evaluate(instance, outcome.solution).feasible
    assert bound(instance, outcome.certificate) == pytest.approx(outcome.bound, rel=1e-9)
