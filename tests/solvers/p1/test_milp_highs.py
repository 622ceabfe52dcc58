"""The monolith in HiGHS: the optimum, an honest bound, and the same from known prices with few binaries."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p1 import bound
from mecbench.solvers import resolve


def test_it_closes_plain_and_from_known_prices(by_hand, solve_apart, accepted):
    """By hand: two tasks of device 1 take the server in turn. Both ways prove it, the second with few of the binaries, none claims more."""
    instance = by_hand(source=[1, 1], release=[0, 0])
    optimum = 2 * ((0.8 * instance.transmission_power + 0.2) * float(instance.hop_time[0, 1, 0]) + 0.2 * 0.02)
    plain, warm = solve_apart(["p1/milp-highs", "p1/milp-highs:search_part=0.02"], [instance], time_limit=10.0)
    for answer in (plain, warm):
        assert answer.status == "optimal"
        assert accepted(instance, answer.solution) == pytest.approx(optimum, rel=1e-9)
        assert optimum * (1 - 2e-6) <= answer.bound <= optimum
        costs = [accepted(instance, solution) for solution, _ in answer.reports if solution is not None]
        assert min(costs) == accepted(instance, answer.solution)
        assert not any(beats(optimum, told, Sense.MINIMISE) for _, told in answer.reports if told is not None)
    assert warm.metrics["binaries"] < 0.1 * plain.metrics["binaries"]


@pytest.mark.slow
def test_a_limit_leaves_what_there_is(tiny, solve_apart, accepted):
    """Out of time, the bound of the search stands with its certificate, and nothing is called optimal."""
    instance = tiny("mains-n5-q9-s4-k3-7")
    plain, warm = solve_apart(["p1/milp-highs", "p1/milp-highs:search_part=0.7"], [instance], time_limit=1.0)
    assert plain.status in ("unknown", "bounded", "feasible")
    assert warm.status == "feasible"
    assert warm.bound == pytest.approx(0.525532, abs=1e-4)
    assert warm.certificate is None or warm.bound == bound(instance, warm.certificate)
    assert warm.bound <= accepted(instance, warm.solution)


def test_what_does_not_fit_is_not_begun(tiny, measured, solve_apart):
    """In 256 MiB no 105,575 binaries are solved, nor the millions of n30: said at once, with their number."""
    instances = [tiny("mains-n5-q8-s4-k3-4"), measured(30)[0]]
    for answer, binaries in zip(solve_apart(["p1/milp-highs"], instances, memory_limit=256), (105_575, 2_600_728), strict=True):
        assert (answer.status, answer.solution, answer.bound) == ("unknown", None, None)
        assert answer.metrics == {"binaries": binaries}


def test_other_solvers_join_by_name():
    """A solver that Pyomo finds is a parameter, and a row without its package is skipped by name."""
    assert resolve("p1/milp-highs:solver=highs").text == "p1/milp-highs"
    assert resolve("p1/milp-highs").requires == ("highspy",)
    assert resolve("p1/milp-highs:solver=gurobi").requires == ("pyomo", "gurobipy")
    assert resolve("p1/milp-highs:solver=gurobi,search_part=0.1").requires == ("pyomo", "gurobipy", "highspy")
