"""Both models under SCIP: the certified optimum between plan and bound, whatever the time."""

from __future__ import annotations

import pytest

from mecbench.problems.cmg import evaluate
from mecbench.solvers import Budget, resolve


@pytest.mark.parametrize(
    ("name", "devices", "size"), [("scip-textbook", 1, "tiny-scarce"), ("scip-cuts", 2, "tiny"), ("scip-cuts", 2, "tiny-scarce")]
)
def test_the_optimum_lies_between(draw, told, name, devices, size):
    """Closed to its gap, with the certified optimum inside, which no other model or method had a hand in."""
    instance = draw(3, size, devices=devices, slots=1)
    certified = resolve("cmg/column-generation").solve(instance, Budget(5.0), 0)
    optimum = evaluate(instance, certified.solution).objective
    assert certified.bound - optimum <= 1e-6
    outcome, values, bounds = told(f"cmg/{name}", instance, 60.0)
    assert outcome.status == "optimal"
    assert max(values) <= certified.bound
    assert optimum <= outcome.bound == min(bounds) <= optimum + 1e-4 * abs(optimum)
    assert max(values) >= optimum - 1e-4 * abs(optimum)


@pytest.mark.parametrize("name", ["scip-textbook", "scip-cuts"])
def test_a_limit_leaves_what_there_is(draw, told, name):
    """Where time is short the status says so: a plan that is not called optimal, and a bound that holds."""
    instance = draw(0, devices=3, slots=3)
    outcome, values, bounds = told(f"cmg/{name}", instance, 1.0)
    assert outcome.status in ("unknown", "bounded", "feasible")
    assert (outcome.status == "feasible") == bool(values)
    assert (outcome.status == "unknown") == (not values and not bounds)
    if bounds:
        assert min(bounds) >= evaluate(instance, resolve("cmg/column-generation").solve(instance, Budget(0.5), 0).solution).objective


def test_no_time_is_no_answer(draw, told):
    """A budget that is used up gives nothing and claims nothing."""
    outcome, values, bounds = told("cmg/scip-cuts", draw(0), 0.0)
    assert (outcome.solution, outcome.status, values) == (None, "bounded" if bounds else "unknown", [])


@pytest.mark.slow
def test_cuts_need_fewer_nodes(draw, told):
    """What is known of every plan pays: the strengthened model closes a pair of devices in a fraction of the textbook's nodes."""
    instance = draw(1, devices=2, slots=1)
    nodes = [told(f"cmg/{name}", instance, 120.0)[0].metrics["nodes"] for name in ("scip-textbook", "scip-cuts")]
    assert nodes[1] < 0.5 * nodes[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_scip_closes_two_slots(draw, told, seed):
    """On two devices and two slots SCIP's interval, to 1e-3, holds the certified optimum."""
    instance = draw(seed, "tiny-scarce" if seed % 2 else "tiny", devices=2, slots=2)
    certified = resolve("cmg/column-generation").solve(instance, Budget(5.0), 0)
    optimum = evaluate(instance, certified.solution).objective
    outcome, values, _ = told("cmg/scip-cuts:gap=0.001", instance, 60.0)
    assert outcome.bound >= optimum
    assert max(values) <= certified.bound
    assert outcome.status == "optimal"
