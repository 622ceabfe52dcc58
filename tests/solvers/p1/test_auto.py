"""The strongest solver: proofs where they can be had, certified bounds and feasible solutions everywhere."""

from __future__ import annotations

import pytest

from mecbench.problems.p1 import SIZES, bound, evaluate, generate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.auto import Auto


@pytest.fixture(scope="module")
def auto():
    """The algorithm with its kernels compiled, which takes longer than some limits."""
    algorithm = Auto()
    algorithm.prepare()
    return algorithm


@pytest.mark.parametrize(("size", "seed"), [("tiny", 0), ("literal-tiny", 1), ("n10", 2), pytest.param("n30", 1, marks=pytest.mark.slow)])
def test_small_instances_are_closed(auto, size, seed):
    """Up to thirty devices the tree ends, and its certificate proves the solution optimal."""
    instance = generate(SIZES[size], seed)
    outcome = auto.solve(instance, Budget(120), 0)
    verdict = evaluate(instance, outcome.solution)
    assert outcome.status == "optimal"
    assert verdict.feasible
    assert outcome.bound == bound(instance, outcome.certificate)
    assert verdict.objective * (1 - 1e-6) <= outcome.bound <= verdict.objective


@pytest.mark.slow
def test_what_is_reported_holds(auto, tiny):
    """Every incumbent is feasible, every bound below every solution, and both only improve."""
    instance, costs, bounds = tiny("n10-0"), [], []

    def report(solution=None, bound=None):
        if solution is not None:
            verdict = evaluate(instance, solution)
            assert verdict.feasible
            costs.append(verdict.objective)
        if bound is not None:
            bounds.append(bound)

    outcome = auto.solve(instance, Budget(30, report=report), 0)
    assert costs == sorted(costs, reverse=True)
    assert bounds == sorted(bounds)
    assert bounds[-1] <= min(costs) == evaluate(instance, outcome.solution).objective


def test_a_short_budget_leaves_a_certified_gap(auto):
    """Cut off early, there is still a feasible solution and a certificate below it."""
    instance = generate(SIZES["n50"], 0)
    outcome = auto.solve(instance, Budget(2), 0)
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    assert outcome.bound == bound(instance, outcome.certificate) <= verdict.objective
