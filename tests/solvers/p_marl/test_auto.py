"""Auto proves one epoch, brackets episodes of either objective, and finds the optimum of tiny ones."""

from __future__ import annotations

import pytest

from mecbench.problems.p_marl import Instance, bound, evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.auto import Auto


def test_one_epoch_is_proved(small):
    """P-ORIG goes to bisection, whose certificate comes along."""
    instance = small(0, 8, 3)
    outcome = Auto().solve(instance, Budget(60.0), 0)
    assert outcome.status == "optimal"
    assert bound(instance, outcome.certificate) == outcome.bound


@pytest.mark.parametrize("objective", ["mean-worst", "worst-mean"])
def test_tiny_episodes_are_optimal(small, exhaust, objective):
    """By either objective the least of everything that can be done, and called optimal."""
    drawn = small(0, 2, 2, epochs=3, edge_multiprocessors=3, edge_work=3.0, switch_cost=0.1)
    instance = Instance.model_validate(drawn.model_dump() | {"objective": objective})
    outcome = Auto().solve(instance, Budget(60.0), 0)
    best = exhaust(instance)[objective == "worst-mean"]
    assert outcome.status == "optimal"
    assert evaluate(instance, outcome.solution).objective == pytest.approx(best, rel=1e-9)
    assert outcome.bound <= best * (1 + 1e-9)


def test_larger_episodes_are_played_and_bounded(small):
    """A feasible episode beside a certified bound, within a few per cent; both are told while they are found."""
    instance, told = small(2, 12, 3, epochs=2, switch_cost=0.05, edge_multiprocessors=64, edge_work=45.0), []
    report = lambda solution=None, bound=None: told.append((solution, bound))  # noqa: E731
    outcome = Auto().solve(instance, Budget(3600.0, report=report), 0)
    assert outcome.status == "feasible"
    assert bound(instance, outcome.certificate) == outcome.bound
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    assert outcome.bound <= verdict.objective <= 1.05 * outcome.bound
    assert told == [(None, outcome.bound), (outcome.solution, None)]


def test_time_that_is_over_leaves_both(small):
    """Without any time there still are a feasible episode and a bound that its certificate proves."""
    instance = small(2, 20, 3, epochs=3)
    outcome = Auto().solve(instance, Budget(0.0), 0)
    assert evaluate(instance, outcome.solution).feasible
    assert bound(instance, outcome.certificate) == outcome.bound
