"""The bound on the worst mean holds against everything that can be done, comes near it, and rises as it is ascended."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_marl import SIZES, bound, generate
from mecbench.solvers import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.lagrangian import Ascent, Lagrangian


def test_no_episode_beats_the_bound(small, exhaust):
    """On tiny episodes, of every solution; and with few devices, who alone make the bound loose, it is within a few per cent."""
    ratios = []
    for seed in range(8):
        instance = small(seed, 2, 2, epochs=3, edge_multiprocessors=3, edge_work=3.0, switch_cost=0.05, discount=(1.0, 0.7)[seed % 2])
        outcome = Lagrangian().solve(instance, Budget(), 0)
        assert outcome.bound == bound(instance, outcome.certificate)
        worst, mean = exhaust(instance)
        for optimum in (worst, mean):
            assert not beats(optimum, outcome.bound, Sense.MINIMISE)
        ratios.append(outcome.bound / mean)
    assert np.mean(ratios) > 0.93


def test_the_ascent_rises_and_is_proved():
    """From equal weights at sensible prices the bound gains some per cent; what is claimed is what the certificate proves."""
    instance = generate(SIZES["60x5"], 0)
    ascent = Ascent(instance)
    first = ascent.step(0.3)
    for _ in range(40):
        ascent.step(0.1)
    assert ascent.best > 1.02 * first > 0
    assert bound(instance, ascent.certificate) == pytest.approx(ascent.best, rel=1e-7)


def test_time_that_is_over_still_leaves_a_bound():
    """At a limit that allows one step the prices at the start prove something, and more iterations more."""
    instance = generate(SIZES["60x5"], 1)
    hasty = resolve("p-marl/lagrangian").solve(instance, Budget(0.0), 0)
    patient = resolve("p-marl/lagrangian:iterations=30").solve(instance, Budget(), 0)
    assert hasty.metrics["iterations"] == 1
    assert 0 < hasty.bound < patient.bound
