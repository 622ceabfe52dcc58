from __future__ import annotations

import time

import numpy as np
import pytest

from mecbench.problems.p import SIZES, evaluate, generate
from mecbench.problems.p.options import of_trace
from mecbench.solvers.p.primal import Primal


@pytest.mark.parametrize(("size", "seed"), [("tiny", 3), ("small", 0), ("medium", 1), ("tight-storage", 1)])
def test_reported_solutions_are_feasible_and_improve(size: str, seed: int) -> None:
    """Whatever a limit cuts off, the last report stands: each is feasible by the evaluator and better than the one before."""
    instance = generate(SIZES[size], seed)
    search, costs = Primal(instance, of_trace(instance), seed=1), []

    def report(solution) -> None:
        verdict = evaluate(instance, solution)
        assert verdict.feasible
        costs.append(verdict.objective)

    search.improve(0.5, report)
    assert costs == sorted(costs, reverse=True)
    assert len(costs) == len(set(costs)) > 0
    assert search.cost == costs[-1] == evaluate(instance, search.solution).objective


def test_a_delay_limit_that_only_cheap_choices_miss_is_met() -> None:
    """Where the limit is hard to meet, the search forgets the cost until it is met, wherever it began."""
    instance = generate(SIZES["medium"].model_copy(update={"delay_limit": 0.9}), 1)
    options = of_trace(instance)
    fastest = Primal(instance, options, np.inf)
    fastest.deploy()
    fastest.anneal(0.3)
    assert fastest.solution is not None
    assert np.isfinite(fastest.multiplier)  # once the limit is met, the cost counts again
    careless = Primal(instance, options, 1e-6)
    careless.improve(0.5)
    assert careless.cost < np.inf


def test_a_limit_beyond_reach_yields_no_solution() -> None:
    """What cannot be served in time is not claimed to be."""
    instance = generate(SIZES["tiny"].model_copy(update={"delay_limit": 0.01}), 0)
    search = Primal(instance, of_trace(instance))
    search.improve(0.2)
    assert search.solution is None
    assert search.cost == np.inf


def test_slack_delay_is_left_unpriced() -> None:
    """With all the time in the world, the multiplier goes to 0 and the cost to that of least privacy and energy."""
    instance = generate(SIZES["tiny"].model_copy(update={"delay_limit": 1e6}), 0)
    search = Primal(instance, of_trace(instance))
    search.improve(0.2)
    assert search.multiplier < 1e-3
    assert evaluate(instance, search.solution).metrics["mean_delay_s"] <= 1e6


def test_search_keeps_to_its_time() -> None:
    """Calls end when they should, but for a stretch of annealing and a balance."""
    instance = generate(SIZES["paper-10"], 0)
    search = Primal(instance, of_trace(instance))
    search.improve(0.0)
    started = time.monotonic()
    search.improve(1.0)
    assert time.monotonic() - started < 10.0  # generous: other processes may take the machine
