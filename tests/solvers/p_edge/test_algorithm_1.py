from __future__ import annotations

import itertools

import numpy as np
import pytest

from mecbench.problems.p_edge import Parameters, evaluate, generate
from mecbench.solvers import solve

READINGS = [f"reading={reading},fix={fix}" for reading, fix in itertools.product(("literal", "minmax"), (0, 1))]


def test_the_literal_reading_is_not_optimal(make_instance) -> None:
    """The smallest known counterexample: removing by own loss starves a device, 46 % above the optimum."""
    instance = make_instance([0.25, 0.25, 0.0], [9.0, 3.0, 9.0], 7)
    assert instance.fixed_cost.tolist() == pytest.approx([0.25, 0.25, 0.0], abs=1e-299)
    assert instance.shared_cost.tolist() == [9.0, 3.0, 9.0]
    literal = solve(instance, "p-edge/algorithm-1:reading=literal,fix=1,eps=1e-3")
    assert literal.solution.allocation.tolist() == [2, 2, 3]
    assert evaluate(instance, literal.solution).objective == 4.75
    minmax = solve(instance, "p-edge/algorithm-1:reading=minmax,fix=1,eps=1e-3")
    assert minmax.solution.allocation.tolist() == [3, 1, 3]
    assert evaluate(instance, minmax.solution).objective == 3.25
    assert solve(instance, "p-edge/threshold").bound == 3.25


@pytest.mark.parametrize("eps", ["1e-1", "1e-2", "1e-3"])
def test_minmax_with_the_fix_is_exact(random_instances, eps: str) -> None:
    """Reverse greedy from above or greedy from below: on 1000 cases the repaired algorithm reaches the optimum, whatever eps."""
    for instance in random_instances({"1e-1": 200, "1e-2": 300, "1e-3": 500}[eps], 20, 64, int(1 / float(eps))):
        outcome = solve(instance, f"p-edge/algorithm-1:reading=minmax,fix=1,eps={eps}")
        optimum = solve(instance, "p-edge/threshold").bound
        assert evaluate(instance, outcome.solution).objective == optimum


@pytest.mark.parametrize("reading", READINGS)
def test_every_reading_gives_a_feasible_allocation_and_reports_a_loop_without_end(random_instances, reading: str) -> None:
    """`would_not_end` is 1 exactly where rounding left multiprocessors over, which the fix spends and nofix leaves."""
    seen = set()
    for instance in random_instances(60, 20, 64, 7):
        outcome = solve(instance, f"p-edge/algorithm-1:{reading},eps=1e-2")
        verdict = evaluate(instance, outcome.solution)
        assert verdict.feasible
        endless = outcome.metrics["would_not_end"] == 1.0
        seen.add(endless)
        assert (verdict.metrics["unspent"] > 0) == (endless and "fix=0" in reading)
        assert verdict.objective >= solve(instance, "p-edge/threshold").bound
    assert seen == {False, True}


def test_as_many_devices_as_multiprocessors_get_one_each() -> None:
    """Line 2 divides by L - |M| = 0 there; the only allocation is given back instead of a failure."""
    instance = generate(Parameters(devices=20, multiprocessors=20), 0)
    for reading in READINGS:
        outcome = solve(instance, f"p-edge/algorithm-1:{reading}")
        assert (outcome.solution.allocation == 1).all()


def test_a_grid_without_a_passing_threshold_falls_back_to_the_upper_bound(make_instance) -> None:
    """The grid's last point may lie below every threshold that passes line 8; the outcome says that the paper has no answer."""
    instance = make_instance([0.0] * 20, [8.0] * 20, 22)
    outcome = solve(instance, "p-edge/algorithm-1:eps=2")
    assert outcome.metrics == {"would_not_end": 1.0, "off_grid": 1.0}
    assert evaluate(instance, outcome.solution).objective == solve(instance, "p-edge/threshold").bound
    assert solve(instance, "p-edge/algorithm-1:eps=1e-2").metrics["off_grid"] == 0.0


def test_ties_go_to_the_lowest_index(make_instance) -> None:
    """Equal devices: the first ones give back what rounding up took too much, so that a run can be repeated anywhere."""
    instance = make_instance([1.0] * 4, [8.0] * 4, 14)
    outcome = solve(instance, "p-edge/algorithm-1:eps=1e-3")
    assert np.array_equal(outcome.solution.allocation, [3, 3, 4, 4])
