"""Plans of the rest of an episode agree with plans of a whole one, and with what frame rates before ask for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.solvers.cmg.completion_compiled import batteries, complete
from mecbench.solvers.cmg.device_compiled import plan_device, plan_rest
from mecbench.solvers.cmg.plans import ROUNDS, planning_tables
from mecbench.solvers.cmg.resolve_compiled import promise_offloads


def planned(instance, known, before, offload):
    """Worth, frame rates and prices of the first device's plan."""
    frames, later, eta = np.zeros(offload.shape, dtype=np.int64), np.zeros(len(offload)), np.zeros(len(offload))
    return plan_rest(known, batteries(instance), 0, before, offload, ROUNDS, frames, later, eta), frames, eta


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_whole_episode_is_the_clairvoyants(draw, seed):
    """Nothing before the first slot: the same plan as that of the offline search, to the last digit that the order of sums leaves."""
    instance = draw(seed, "small-scarce", devices=1)
    known = planning_tables(instance)
    offload = (np.random.default_rng(seed).random(instance.gain.shape[1:]) < 0.3) & (known.tightness[0] > 0)
    worth, frames, _ = planned(instance, known, np.full(instance.chunks, -1), offload)
    other, later, eta = np.zeros_like(frames), np.zeros(instance.slots), np.zeros(instance.slots)
    assert worth == pytest.approx(plan_device(known, batteries(instance), 0, offload, ROUNDS, other, later, eta), rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), before=st.integers(0, 25))
def test_the_frame_rate_before_counts(draw, seed, before):
    """Of one chunk over two slots hardly a pair of frame rates is worth more, entered from any frame rate."""
    instance = draw(seed, "tiny-scarce", devices=1, slots=2)
    known = planning_tables(instance)
    offload = np.zeros((2, 1), dtype=bool)
    worth, frames, _ = planned(instance, known, np.array([before]), offload)

    def value(frames):
        total = complete(known, batteries(instance), 0, offload, frames, np.zeros(2), np.zeros(2))
        return total + known.weight[0] * (known.smoothness[before, frames[0, 0]] - known.first_smoothness[frames[0, 0]])

    assert worth == pytest.approx(value(frames), rel=1e-12)
    assert worth >= max(value(np.array([[f], [g]])) for f in range(26) for g in range(26)) - 1e-2


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_promises_are_hardly_exceeded(draw, seed):
    """A new plan with one more offload gains no more than was promised, but for the little that the search relies on."""
    instance = draw(seed, "small-scarce", devices=1)
    known = planning_tables(instance)
    before = np.random.default_rng(seed).integers(0, 26, instance.chunks)
    offload = np.zeros(instance.gain.shape[1:], dtype=bool)
    worth, _, eta = planned(instance, known, before, offload)
    promise = np.empty(instance.chunks)
    promise_offloads(known, 0, before, offload, eta, promise)
    np.testing.assert_array_equal(promise > -np.inf, known.tightness[0, 0] > 0)
    for k in np.flatnonzero(promise > -np.inf):
        more = offload.copy()
        more[0, k] = True
        gain = planned(instance, known, before, more)[0] - worth
        assert gain <= promise[k] + 0.05
        assert promise[k] > 0.0
