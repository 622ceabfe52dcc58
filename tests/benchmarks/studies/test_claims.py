"""Whether a re-run agrees with the paper is decided by stated rules, not by looking."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mecbench.benchmarks.studies.claims import Change, Claims, Figure, Measured, Ordering, Verdict, judge_ordering, measure

CLAIMS = Claims(agents=("ours", "one", "other"), figures=(), orderings=(), limit=3.0)
OTHERS = {agent: Measured(140.0, 130.0, 150.0, np.full((1, 1), 140.0)) for agent in ("one", "other")}


def _level(value: float, spread: float = 0.0) -> Measured:
    return Measured(value, value - spread, value + spread, np.full((1, 1), value))


@pytest.mark.parametrize(
    ("direction", "value", "mine", "spread", "verdict"),
    [
        ("within the limit", 2.74, 2.9, 0.0, "reproduced"),  # 6 % away
        ("within the limit", 2.74, 2.2, 0.1, "direction only"),  # kept, but 20 % away
        ("within the limit", 2.74, 2.2, 0.6, "reproduced"),  # within the interval
        ("within the limit", 2.74, 3.001, 0.5, "not reproduced"),  # near, and on the wrong side
        ("beyond the limit", 4.38, 4.5, 0.0, "reproduced"),
        ("beyond the limit", 4.38, 9.0, 0.0, "direction only"),
        ("beyond the limit", 4.38, 3.0, 0.0, "not reproduced"),
        ("least of the agents", 131.35, 139.0, 0.0, "reproduced"),
        ("least of the agents", 131.35, 100.0, 0.0, "direction only"),
        ("least of the agents", 131.35, 141.0, 0.0, "not reproduced"),
        ("most of the agents", 150.0, 141.0, 0.0, "reproduced"),
        ("most of the agents", 131.35, 139.0, 0.0, "not reproduced"),
        ("near the least", 150.0, 153.0, 0.0, "reproduced"),
        ("near the least", 150.0, 155.0, 0.0, "not reproduced"),
        ("at least", 0.985, 0.99, 0.0, "reproduced"),
        ("at least", 0.985, 0.98, 0.0, "not reproduced"),
        ("as stated", 100.0, 109.0, 0.0, "reproduced"),
        ("as stated", 100.0, 120.0, 0.0, "not reproduced"),
    ],
)
def test_figures(direction: str, value: float, mine: float, spread: float, verdict: Verdict) -> None:
    """A value near the paper's on the wrong side of its claim is no reproduction, nor is one on the right side far from it."""
    figure = Figure("ours", "any", value, direction)  # type: ignore[arg-type]
    assert CLAIMS.judge(figure, OTHERS | {"ours": _level(mine, spread)}) == verdict


def test_who_was_not_run_proves_nothing() -> None:
    """Neither by its absence nor by being alone."""
    figure = Figure("ours", "any", 100.0, "least of the agents")
    assert CLAIMS.judge(figure, OTHERS) == "not run"
    assert CLAIMS.judge(figure, {"ours": _level(100.0)}) == "not reproduced"
    assert judge_ordering(Ordering("ours", "greedy", "any"), {"ours": _level(1.0)}) == ("not run", None)


def test_orderings_are_of_differences_trace_by_trace() -> None:
    """Traces differ far more than algorithms: what is better on each is better, though the intervals of the two overlap."""
    random = np.random.Generator(np.random.PCG64(0))
    traces = random.normal(100.0, 30.0, 10)
    lower = measure(traces + random.normal(0.0, 0.5, (3, 10)))
    higher = measure((traces + 5.0)[None])
    assert lower.high > higher.low
    verdict, difference = judge_ordering(Ordering("a", "b", "any"), {"a": lower, "b": higher})
    assert verdict == "reproduced"
    assert difference is not None
    assert difference.mean == pytest.approx(lower.mean - higher.mean)
    assert difference.table.shape == (3, 10)
    assert judge_ordering(Ordering("b", "a", "any"), {"a": lower, "b": higher})[0] == "not reproduced"


def test_an_order_by_chance_is_a_direction_only() -> None:
    """One trace decides the mean, and another draw of traces would turn it."""
    values = np.zeros((1, 10))
    values[0, 0] = 1.0
    lower, higher = measure(values * 0.0), measure(values)
    assert judge_ordering(Ordering("a", "b", "any"), {"a": lower, "b": higher})[0] == "direction only"
    equal = dataclasses.replace(higher)
    assert judge_ordering(Ordering("a", "b", "any"), {"a": higher, "b": equal})[0] == "not reproduced"


def test_measured_with_holes() -> None:
    """A run without a solution is in no mean, and the others still are."""
    found = measure(np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert found.mean == 3.0
    assert found.low <= 3.0 <= found.high


@pytest.mark.parametrize(
    ("share", "mine", "verdict"),
    [
        (-0.56, 44.0, "reproduced"),
        (-0.56, 10.0, "reproduced"),  # more than claimed
        (-0.56, 48.0, "reproduced"),  # short by 4 of 56 points
        (-0.56, 60.0, "direction only"),
        (-0.56, 101.0, "not reproduced"),
        (0.5, 150.0, "reproduced"),
        (0.5, 120.0, "direction only"),
        (0.5, 100.0, "not reproduced"),
    ],
)
def test_changes(share: float, mine: float, verdict: Verdict) -> None:
    """A change of the other sign is none of the paper's, and one that is larger than the paper's bears it out."""
    found = {"ours": _level(mine), "one": _level(100.0)}
    judged, ours = CLAIMS.judge_change(Change("ours", "one", "any", share), found)
    assert judged == verdict
    assert ours is not None
    assert ours.mean == pytest.approx(mine / 100.0 - 1.0)


def test_a_change_is_of_means_and_its_interval_of_what_moves_it() -> None:
    """Large instances weigh as they do in the paper's averages; who has no seeds is paired with each."""
    rival = np.array([[10.0, 30.0, 50.0]])
    agent = np.array([[5.0, 30.0, 25.0], [5.0, 15.0, 10.0]])
    judged, ours = CLAIMS.judge_change(Change("a", "b", "any", -0.9), {"a": measure(agent), "b": measure(rival)})
    assert ours is not None
    assert ours.mean == pytest.approx(agent.mean() / rival.mean() - 1.0)
    assert ours.low < ours.mean < ours.high
    assert judged == "direction only"
    nothing = measure(rival * 0.0)
    assert CLAIMS.judge_change(Change("a", "b", "any", -0.9), {"a": measure(agent), "b": nothing})[0] == "not reproduced"
    assert CLAIMS.judge_change(Change("a", "c", "any", -0.9), {"a": measure(agent)}) == ("not run", None)


def test_a_change_by_chance_is_a_direction_only() -> None:
    """As large as the paper's in the mean, and of either sign in the draws of instances."""
    rival, agent = np.full((1, 4), 10.0), np.array([[1.0, 1.0, 1.0, 29.0]])
    judged, ours = CLAIMS.judge_change(Change("a", "b", "any", -0.1), {"a": measure(agent), "b": measure(rival)})
    assert ours is not None
    assert ours.mean < -0.1
    assert ours.high > 0
    assert judged == "direction only"
