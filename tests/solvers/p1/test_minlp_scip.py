"""The native programme in SCIP."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats


def test_it_closes_at_the_known_optimum(tiny, solve_apart, accepted):
    """Products instead of a binary per share, and the same optimum; on the way, bounds and solutions are honest."""
    instance, optimum = tiny("mains-n2-q2-s2-k2-5"), 0.08279191207
    (answer,) = solve_apart(["p1/minlp-scip"], [instance])
    assert answer.status == "optimal"
    assert accepted(instance, answer.solution) == pytest.approx(optimum, rel=1e-6)
    assert optimum * (1 - 1e-5) <= answer.bound <= optimum
    costs = [accepted(instance, solution) for solution, _ in answer.reports if solution is not None]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == accepted(instance, answer.solution)
    assert not any(beats(optimum, bound, Sense.MINIMISE) for _, bound in answer.reports if bound is not None)


def test_limits_end_it(tiny, measured, solve_apart):
    """Out of time it keeps what it has; what does not fit into memory is not begun."""
    instances = [tiny("literal-n3-q4-s2-k2-7"), measured(30)[0]]
    late, large = solve_apart(["p1/minlp-scip"], instances, time_limit=1.0, memory_limit=512)
    assert late.status in ("unknown", "bounded", "feasible")
    assert late.bound is None or late.bound <= 3.916467111
    assert (large.status, large.solution, large.bound) == ("unknown", None, None)
