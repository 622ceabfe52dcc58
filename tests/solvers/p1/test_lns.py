"""The search: its plans are feasible, never below its certified bound, and there at any limit."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import bound
from mecbench.solvers import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.neighbourhood import Search
from mecbench.solvers.p1.pool import Pool


@pytest.fixture(scope="module")
def lns():
    """The algorithm with its kernels compiled."""
    algorithm = resolve("p1/lns")
    algorithm.prepare()
    return algorithm


@pytest.mark.parametrize("devices", [10, 30])
def test_plan_and_bound_enclose_the_optimum(lns, measured, accepted, devices):
    """The evaluator accepts the plan, the best of those reported, at a cost that is not below the recomputed bound."""
    instance = measured(devices)[1]
    reports: list[float] = []

    def report(solution=None, bound=None) -> None:
        if solution is not None:
            reports.append(accepted(instance, solution))

    outcome = lns.solve(instance, Budget(1.5, report=report), 0)
    cost = accepted(instance, outcome.solution)
    assert bound(instance, outcome.certificate) == outcome.bound <= cost
    assert min(reports) == cost
    assert outcome.metrics["gap"] == pytest.approx(1 - outcome.bound / cost)


def test_no_time_leaves_a_plan(lns, measured, accepted):
    """With a limit of nothing every task is planned once, or given up; there is a certificate too."""
    instance = measured(10)[0]
    outcome = lns.solve(instance, Budget(0.0), 0)
    assert outcome.bound <= accepted(instance, outcome.solution) <= instance.penalty * instance.tasks


@pytest.mark.parametrize(
    ("name", "optimum"),
    [
        ("mains-n3-q5-s2-k2-6", 1.187317569),  # at unequal shares of one task
        ("mains-n2-q4-s1-k3-2", 1.0862279),
        ("mains-n3-q5-s2-k3-3", 5.245827673),  # one task fails
        ("mains-n7-q14-s20-k3-4", 1.061435712),
    ],
)
def test_known_optima_are_found(tiny, name, optimum):
    """Proven by monoliths, some beyond the reach of insertions alone: a search of a fixed number of rounds ends there."""
    instance = tiny(name)
    generation = Generation(Pool(instance))
    generation.run(lambda: 100.0, lambda value: None)
    search = Search(generation.pool, generation.duals, 0)
    search.run(lambda: 100.0, lambda: None, -np.inf, 4000)
    assert search.cost == pytest.approx(optimum, rel=1e-6)


def test_known_optima_are_not_beaten(lns, accepted, tiny):
    """Proven by monoliths: no plan costs less than the optimum, and the bound is not above it, charged server or not."""
    for name, optimum in (("mains-n2-q3-s2-k3-1", 0.120408569), ("literal-n3-q4-s2-k2-7", 3.916467111)):
        outcome = lns.solve(tiny(name), Budget(1.0), 0)
        assert outcome.bound <= optimum * (1 + 1e-8)
        assert optimum * (1 - 1e-8) <= accepted(tiny(name), outcome.solution)
