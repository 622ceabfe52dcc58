"""The monolith in SCIP."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats


def test_it_closes_where_the_optimum_is_known(by_hand, solve_apart, accepted):
    """By hand: two tasks of device 1 take the server in turn, slot by slot, each with a hop of raw input and 0.02 s of work."""
    instance = by_hand(source=[1, 1], release=[0, 0])
    optimum = 2 * ((0.8 * instance.transmission_power + 0.2) * float(instance.hop_time[0, 1, 0]) + 0.2 * 0.02)
    (answer,) = solve_apart(["p1/milp-scip"], [instance])
    assert answer.status == "optimal"
    assert accepted(instance, answer.solution) == pytest.approx(optimum, rel=1e-9)
    assert optimum * (1 - 1e-6) - 1e-6 <= answer.bound <= optimum
    costs = [accepted(instance, solution) for solution, _ in answer.reports if solution is not None]
    bounds = [bound for _, bound in answer.reports if bound is not None]
    assert costs == sorted(costs, reverse=True)
    assert bounds == sorted(bounds)
    assert costs[-1] == accepted(instance, answer.solution)
    assert not any(beats(optimum, bound, Sense.MINIMISE) for bound in bounds)


def test_limits_end_it(tiny, solve_apart, accepted):
    """Out of time it keeps what it has; what does not fit into memory is not begun."""
    instances = [tiny("literal-n3-q4-s2-k2-7"), tiny("mains-n5-q8-s4-k3-4")]
    late, large = solve_apart(["p1/milp-scip"], instances, time_limit=1.0, memory_limit=512)
    assert late.status in ("unknown", "bounded", "feasible")
    assert late.bound is None or late.bound <= 3.916467111
    assert late.solution is None or accepted(instances[0], late.solution) >= 3.916467110
    assert (large.status, large.bound, large.metrics) == ("unknown", None, {"binaries": 105_575})
