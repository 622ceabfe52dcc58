"""Column generation: it ends at the known bounds, on few columns, and with branches it proves what integers allow."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import bound
from mecbench.problems.p1.rows import Row, count
from mecbench.solvers import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.master import Side, choose
from mecbench.solvers.p1.pool import Pool, solution_of

# At its end, `mains`, seeds 0 to 4, as printed where it was measured by two implementations.
BOUNDS = {
    10: [0.644, 1.280, 1.636, 1.952, 0.753],
    30: [7.644, 9.780, 11.676, 7.216, 9.308],
    50: [43.351, 40.656, 21.128, 26.363, 32.565],
}


@pytest.mark.parametrize("devices", BOUNDS)
def test_it_ends_at_the_known_bounds(measured, devices):
    """The certified bound is the measured one, no report was above it, and it claims no solution."""
    for instance, known in zip(measured(devices), BOUNDS[devices], strict=True):
        reports: list[float] = []
        budget = Budget(60.0, report=lambda solution=None, bound=None, into=reports: into.append(bound))
        outcome = resolve("p1/column-generation").solve(instance, budget, 0)
        assert outcome.bound == pytest.approx(known, abs=5.1e-4)
        assert outcome.bound == bound(instance, outcome.certificate)
        assert reports == sorted(reports)
        assert reports[-1] == pytest.approx(outcome.bound, rel=1e-6)
        assert outcome.solution is None


def test_a_limit_leaves_the_best_bound_so_far(measured):
    """Without any time there is one round of prices, which proves something already and not more than the end."""
    instance = measured(10)[1]
    outcome = resolve("p1/column-generation").solve(instance, Budget(0.0), 0)
    assert outcome.metrics["iterations"] == 1
    assert outcome.bound == bound(instance, outcome.certificate) < 1.2799


def test_sides_of_a_branch_raise_the_bound(measured):
    """With either side of a branch the run closes too, and proves no less than without it."""
    instance = measured(10)[0]
    pool = Pool(instance)
    root = Generation(pool)
    root.run(lambda: 60.0, lambda value: None)
    row = Row(counts="blocks", node=0, slot=1)
    taken = root.master.weights @ count(
        row,
        pool.tables,
        np.array(pool.group)[: root.master.weights.size],
        np.array(pool.plan)[: root.master.weights.size],
        np.zeros(root.master.weights.size, bool),
    )
    sides = [Generation(pool, (Side(row, int(np.floor(taken)), sign),)) for sign in (1, -1)]
    for side in sides:
        side.run(lambda: 60.0, lambda value: None)
        assert side.closed
        assert side.best >= root.best * (1 - 1e-6)
        assert side.best == pytest.approx(side.master.value, rel=1e-6)


def test_the_best_of_the_columns_is_feasible(measured, accepted):
    """The integer choice among the columns is a solution, at the cost that it claims and not below the bound."""
    instance = measured(30)[0]
    generation = Generation(Pool(instance))
    generation.run(lambda: 60.0, lambda value: None)
    choice = choose(generation.pool, 300, generation.duals, 5.0)
    assert generation.best <= choice.cost == pytest.approx(accepted(instance, solution_of(instance, choice.fail, choice.plan)))
