"""The bound of packings: certified, between the linear bound and the optimum, and the same by both duals."""

from __future__ import annotations

import pytest

from mecbench.problems.p_marl import SIZES, bound, evaluate, generate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.bisection import Bisection
from mecbench.solvers.p_marl.packing_bound import PackingBound
from mecbench.solvers.p_marl.per_epoch import PerEpoch


@pytest.mark.parametrize("seed", [0, 3])
def test_the_bound_is_between_the_linear_one_and_the_optimum(seed):
    """Both duals certify the same to a little more than their precision, never less than prices of edges do."""
    instance = generate(SIZES["orig-20x3"], seed)
    optimum = evaluate(instance, Bisection(gap=0.0).solve(instance, Budget(60), 0).solution).objective
    linear = PerEpoch().solve(instance, Budget(60), 0).bound
    outcomes = [PackingBound(dual=dual).solve(instance, Budget(60), 0) for dual in ("ascent", "column-generation")]
    for outcome in outcomes:
        assert outcome.status == "bounded"
        assert linear <= outcome.bound == bound(instance, outcome.certificate) <= optimum
    assert outcomes[0].bound == pytest.approx(outcomes[1].bound, rel=1e-3)
    assert outcomes[0].bound <= outcomes[1].bound * (1.0 + 2e-6)
