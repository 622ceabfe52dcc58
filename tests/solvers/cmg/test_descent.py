"""Descent of the relaxation: it ends near the master problem's value without one, whatever the limit."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.cmg import bound
from mecbench.problems.cmg.tables import tables
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.column_generation import Generation
from mecbench.solvers.cmg.descent import descend
from mecbench.solvers.cmg.plans import Plans, planning_tables


@pytest.mark.parametrize("limit", ["slot", "average"])
def test_descent_ends_where_column_generation_does(draw, limit):
    """Both minimise the same convex function, so they agree; and no value on the way is below the minimum."""
    instance = draw(1, "small", slots=(4, 4), limit=limit)
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(3, lambda: 1.0)
    values, found = [], []

    def report(duals, value):
        values.append(value)
        found.append(duals)

    descend(instance, tables(instance, 0.0), alternation.duals, lambda: 1.0, report)
    generation = Generation(instance)
    generation.run(lambda: 1.0, lambda value: None)
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(generation.value, rel=2e-4)
    assert values[-1] >= generation.value * (1 - 2e-6)
    assert bound(instance, found[-1].certificate()) == pytest.approx(values[-1], rel=1e-4)
    if limit == "average":
        assert (np.ptp(found[-1].limit, axis=1) == 0.0).all()


def test_descent_needs_no_time(draw):
    """Without time nothing is reported, so the caller's prices stand."""
    instance = draw(1)
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    descend(instance, tables(instance, 0.0), alternation.duals, lambda: 0.0, lambda duals, value: pytest.fail("reported"))
