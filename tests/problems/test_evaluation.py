"""Gap, excess and the test of a beaten bound."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mecbench.problems.evaluation import Regret, Sense, beats, excess, gap

FINITE = st.floats(-1e9, 1e9)


@given(FINITE, FINITE)
@example(2.5e-309, -1.1e-308)
def test_gap_is_symmetric_and_within_the_unit_interval(objective, bound):
    """No instance can weigh more than any other in a mean of gaps."""
    assert 0 <= gap(objective, bound) <= 1
    assert gap(objective, bound) == gap(bound, objective)


@pytest.mark.parametrize("objective", [None, math.inf, -math.inf, math.nan])
def test_failures_have_gap_one_and_infinite_excess(objective):
    """A run without a solution enters every mean at its worst."""
    assert gap(objective, 2.0) == 1.0
    assert excess(objective, 2.0) == math.inf


def test_gap_and_excess_of_hand_computed_cases():
    """3 against 2: a third of the larger, half of the bound; opposite signs are a full gap."""
    assert gap(3.0, 2.0) == pytest.approx(1 / 3)
    assert excess(3.0, 2.0) == pytest.approx(0.5)
    assert gap(-1.0, 2.0) == 1.0
    assert gap(0.0, 0.0) == 0.0
    assert excess(1.0, 0.0) == math.inf


def test_a_bound_is_beaten_beyond_the_tolerance_only():
    """Rounding does not refute a bound, a billionth more does, in either sense."""
    assert not beats(1.0 - 0.9e-9, 1.0, Sense.MINIMISE)
    assert beats(1.0 - 1.1e-9, 1.0, Sense.MINIMISE)
    assert beats(1000 - 1.1e-6, 1000.0, Sense.MINIMISE)
    assert not beats(1.1, 1.0, Sense.MINIMISE)
    assert beats(1.1, 1.0, Sense.MAXIMISE)


def test_regret_charges_a_missed_limit_at_its_price():
    """100 at two seconds late, a second at 5, against the bound 88: 110 - 88 is a quarter of the bound; early is a credit."""
    regret = Regret(88.0, {"mean_delay_s": (5.0, 3.0)}, frozenset({"delay"}))
    assert regret.of(100.0, {"mean_delay_s": 5.0}, {"delay": 2 / 3, "storage": 0.0}) == pytest.approx(22 / 88)
    assert regret.of(100.0, {"mean_delay_s": 2.6}, {"delay": 0.0}) == pytest.approx(10 / 88)


@pytest.mark.parametrize(
    ("objective", "metrics", "violations"),
    [
        (None, {"mean_delay_s": 5.0}, {}),
        (math.inf, {"mean_delay_s": 5.0}, {}),
        (100.0, {}, {}),
        (100.0, {"mean_delay_s": math.inf}, {"delay": math.inf}),
        (100.0, {"mean_delay_s": 5.0}, {"storage": 0.1}),
    ],
)
def test_regret_is_not_defined_for_failures_and_unpriced_violations(objective, metrics, violations):
    """The bound says nothing of who breaks a constraint that it does not price."""
    assert Regret(88.0, {"mean_delay_s": (5.0, 3.0)}, frozenset({"delay"})).of(objective, metrics, violations) is None
