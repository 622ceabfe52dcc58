from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.cmg_monoliths import OURS
from mecbench.benchmarks.studies.monoliths import compare, markdown

MODEL = "cmg/scip-cuts"


@pytest.fixture
def run(record):
    """A run of CMG, which maximises."""
    return lambda *arguments, **changes: record(*arguments, sense="maximise", **changes)


@pytest.fixture
def ours(run):
    """A certified run: a gap of a tenth after 0.2 s on the clock, of 1e-5 after 2 s."""
    return run(OURS, [[0.2, 90.0, 100.0], [2.0, 99.999, 100.0]], 99.999, 100.0, wall=4.0, bound_kind="certified")


def test_both_are_timed_to_the_models_own_gap(run, ours) -> None:
    """What counts is when each first had the gap at which the model ended, in processor time: half of the clock in both runs."""
    one = compare(run(MODEL, [[50.0, 80.0, 120.0], [120.0, 99.0, 110.0]], 99.0, 110.0), ours, 1e-4)
    assert one.gap == pytest.approx(0.1)
    assert (one.to_own, one.ours_to_own, one.own_ratio) == (60.0, pytest.approx(0.1), pytest.approx(600.0))
    assert not one.closed


def test_what_never_came_took_at_least_its_processor_time(run, ours) -> None:
    """A model that ends above the gap asked of all has a least ratio only, and the table says so."""
    one = compare(run(MODEL, [[120.0, 99.0, 110.0]], 99.0, 110.0), ours, 1e-4)
    assert (one.to_target, one.ours_to_target, one.target_ratio) == (None, 1.0, 150.0)
    table = markdown([one], {"one": ours}, {"one": (2, 3, 1)}, "N, T, K")
    assert "| one (2, 3, 1) | ours | 99.999000 | 100.000000, certified | 0.001 % | 2.00 s |" in table
    told = "| scip-cuts | 99.000000 | 110.000000 | 10 % | 150 s of 300 s | 60 s | 0.10 s | 600 |"
    assert f"{told} 0.01 % | never | 1.00 s | at least 150 |" in table


def test_a_model_that_closes_is_said_to(run, ours) -> None:
    """From there its time is that of the gap at which it was told to stop, not of the digits that it had beyond."""
    one = compare(run(MODEL, [[10.0, 99.999, 100.0059], [12.0, None, 100.0]], 99.999, 100.0, wall=12.0), ours, 1e-4)
    assert one.closed
    assert (one.to_own, one.to_target, one.own_ratio, one.target_ratio) == (5.0, 5.0, 5.0, 5.0)
    assert "| 6.00 s, closed | 5.00 s | 1.00 s | 5 |" in markdown([one], {"one": ours}, {"one": (2, 3, 1)}, "N, T, K")


def test_without_a_plan_there_is_no_gap_to_compare(run, ours) -> None:
    """A bound alone is no gap: no ratio is made of it, but that to the gap asked of all."""
    one = compare(run(MODEL, [[10.0, None, 120.0]], None, 120.0), ours, 1e-4)
    assert (one.to_own, one.own_ratio, one.target_ratio) == (None, None, 150.0)
    assert "| none | 120.000000 | no plan |" in markdown([one], {"one": ours}, {"one": (2, 3, 1)}, "N, T, K")
