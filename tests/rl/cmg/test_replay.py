"""Replay: CA-PER's formulas by hand, what follows what, and which places are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import MT19937, RandomState

from mecbench.rl.cmg.replay import Replay, importance_weights, priorities

RULE = {"exponent": 0.6, "floor": 1e-6, "deviation_floor": 1e-6}


def buffer(prioritised, capacity=12, episodes=3, seed=0):
    """A buffer of two devices that see one number and say one."""
    return Replay(capacity, (2, 1), 1, episodes, prioritised=prioritised, random=RandomState(MT19937(seed)), **RULE)


def fill(replay, steps, slots=4):
    """Steps of three episodes of four slots; what is seen is 10 times the step plus the episode."""
    for step in range(steps):
        seen = (10.0 * step + np.arange(3.0))[:, None, None] * np.ones((3, 2, 1))
        over = np.full(3, (step + 1) % slots == 0)
        later = 10.0 * (step + 1) + np.arange(3.0)
        replay.add(seen, later[:, None, None] * np.ones((3, 2, 1)), -seen, seen[..., 0], seen[..., 0] / 10.0, over)


def test_priorities_by_hand():
    """Errors 1, 3 and 2, 2 of reward, 0, 0, 4, 4 of cost: each less its mean by its deviation, absolutes added, to the power alpha."""
    errors = np.array([[1.0, 3.0, 2.0, 2.0], [0.0, 0.0, 4.0, 4.0]])
    own = np.array([1.0, 1.0, 0.0, 0.0]) / (np.sqrt(0.5) + 1e-6) + 2.0 / (2.0 + 1e-6)
    np.testing.assert_allclose(priorities(errors, 0.6, 1e-6, 1e-6), (own + 1e-6) ** 0.6, rtol=1e-12)
    np.testing.assert_allclose(priorities(errors[:1], 1.0, 0.5, 0.0), [2**0.5 + 0.5, 2**0.5 + 0.5, 0.5, 0.5], rtol=1e-12)


def test_importance_weights_by_hand():
    """(1 / (N P))^beta over the largest: with P 1/8 and 1/2 of N = 4 and beta 1/2 the rarer weighs 1, the other a half."""
    np.testing.assert_allclose(importance_weights(np.array([0.125, 0.5]), 4, 0.5), [1.0, 0.5], rtol=1e-12)
    np.testing.assert_allclose(importance_weights(np.array([0.125, 0.5]), 4, 0.0), [1.0, 1.0], rtol=1e-12)


@pytest.mark.parametrize("prioritised", ["uniform", "constraint-aware"])
@pytest.mark.parametrize("steps", [2, 4, 11])
def test_what_follows_is_what_was_seen_next(prioritised, steps):
    """Before and after the buffer is full, each transition drawn has its own successor, and those that are gone are not drawn."""
    replay = buffer(prioritised)
    fill(replay, steps)
    batch = replay.draw(300, 1.0)
    going = batch.terminated == 0.0
    before, after = batch.observation[:, 0, 0], batch.next_observation[:, 0, 0]
    np.testing.assert_array_equal(after[going], before[going] + 10.0)
    held = min(steps, 4)
    assert replay.size == 3 * held
    assert set(np.unique(before // 10.0)) == set(range(steps - held, steps))
    np.testing.assert_array_equal(batch.action[..., 0], -batch.reward)
    np.testing.assert_allclose(batch.cost, batch.reward / 10.0, rtol=1e-6)


def test_what_surprises_is_drawn_again():
    """A transition whose errors stand out is drawn in proportion to its priority, and weighs less for it; new ones get the largest."""
    replay = buffer("constraint-aware")
    fill(replay, 3)
    errors = np.zeros((2, 9))
    errors[1, 4] = 9.0  # a surprise of cost alone
    replay.learned(np.arange(9), errors)
    batch = replay.draw(4000, 1.0)
    expected = priorities(errors, **RULE)
    share = expected[4] / expected.sum()
    assert np.mean(batch.places == 4) == pytest.approx(share, abs=4 * np.sqrt(share / 4000))
    np.testing.assert_allclose(batch.weight[batch.places == 4], expected.min() / expected[4], rtol=1e-5)
    fill(replay, 1)
    share = 3 * expected[4] / (expected.sum() + 3 * expected[4])
    assert np.mean(replay.draw(4000, 1.0).places >= 9) == pytest.approx(share, abs=4 * np.sqrt(share / 4000))


def test_replay_by_reward_does_not_heed_cost():
    """The ablation of figure 17: surprises of cost leave all priorities equal."""
    replay = buffer("reward")
    fill(replay, 3)
    errors = np.zeros((2, 9))
    errors[1, 4] = 9.0
    replay.learned(np.arange(9), errors)
    np.testing.assert_array_equal(replay.draw(100, 1.0).weight, np.ones(100, dtype=np.float32))


@pytest.mark.parametrize("prioritised", ["uniform", "constraint-aware"])
@pytest.mark.parametrize("steps", [3, 9])
def test_its_state_is_all_there_is(prioritised, steps):
    """A buffer that takes over another's state draws and fills as that one would, bit for bit."""
    first, second = buffer(prioritised), buffer(prioritised, seed=1)
    fill(first, steps)
    first.learned(np.arange(4), np.arange(8.0).reshape(2, 4))
    second.load_state_dict(first.state_dict())
    for replay in (first, second):
        replay.random = RandomState(MT19937(5))  # one object of both, which a file would have made two
        fill(replay, 1)
    for ours, theirs in zip(first.draw(50, 0.5), second.draw(50, 0.5), strict=True):
        np.testing.assert_array_equal(ours, theirs)
