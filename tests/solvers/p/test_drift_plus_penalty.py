"""Drift-plus-penalty: its delay limit, its queue and its reserve by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mecbench.problems.p import SIZES, evaluate, generate
from mecbench.solvers import solve
from mecbench.solvers.p.drift_plus_penalty import FIRST, VirtualQueue

WORLD = SimpleNamespace(delay_limit=3.0, users=10)


def test_the_delay_limit_holds_to_the_last_slot():
    """On validation instances of twenty slots the mean delay ends under its limit, not far below, and hardly anything fails."""
    for seed in (10_000, 10_001):
        instance = generate(SIZES["medium"], seed)
        verdict = evaluate(instance, solve(instance, "p/drift-plus-penalty").solution)
        assert verdict.feasible
        assert verdict.metrics["success_rate"] >= 0.98
        assert verdict.metrics["mean_delay_s"] >= 0.9 * instance.delay_limit


def test_the_queue_gathers_what_exceeds_the_limit():
    """Q grows by tau - tau_bar, never below 0, and the multiplier is Q / V."""
    queue = VirtualQueue(5.0, 5.0, 2.0)
    assert queue.backlog == 5.0 * FIRST
    assert queue.multiplier == FIRST
    for delay, backlog in ((50.0, 12.0), (10.0, 10.0), (20.0, 9.0)):  # of ten users: tau = 5, 1 and 2
        queue.paid(SimpleNamespace(world=WORLD), SimpleNamespace(delay=np.array([delay])))
        assert queue.backlog == pytest.approx(backlog, rel=1e-15)
        assert queue.multiplier == pytest.approx(backlog / 5.0, rel=1e-15)
    queue.paid(SimpleNamespace(world=WORLD), SimpleNamespace(delay=np.array([-1000.0])))
    assert queue.backlog == 0.0
    assert queue.multiplier > 0.0


def episode(left: float, after: int):
    """Slots take 30 s at the multiplier 1 and 30 / multiplier at others; rehearsed ones a second more or less."""
    asked = SimpleNamespace(settle=lambda held, multiplier: SimpleNamespace(delay=np.array([30.0 / multiplier])))
    past = SimpleNamespace(settle=lambda held, multiplier: SimpleNamespace(delay=30.0 / multiplier + np.array([-1.0, 1.0])))
    return SimpleNamespace(world=WORLD, slot=1, after=after, left=left, held=None, asked=asked, past=lambda: past)


@pytest.mark.parametrize(
    ("left", "after", "expected"),
    [
        (60.0, 1, 2.0),  # 15 s leave 45 s to a slot that can do with 3 + 2: the queue decides
        (15.0, 1, 3.0),  # 10 s may be taken: what is left less 3 + 2
        (13.0 + 2.0 * np.sqrt(2.0), 2, 30.0 / 7.0),  # two slots need 6 + 2 sqrt(2)
        (10.0, 0, 3.0),  # the last slot takes what is left, be it less
        (40.0, 0, 0.75),  # or more than the queue would
    ],
)
def test_no_slot_takes_what_the_last_ones_need(left, after, expected):
    """At five times the multiplier 2 a slot takes 3 s, give or take one, of which two deviations are kept back."""
    queue = VirtualQueue(5.0, 5.0, 2.0)
    queue.deployed(episode(left, after))
    assert queue.of_slot(episode(left, after)) == pytest.approx(expected, rel=1e-3)
