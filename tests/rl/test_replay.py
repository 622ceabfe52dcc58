"""The replay memory: a ring of what is somebody's, drawn evenly, which comes back from its state."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import RandomState

from mecbench.rl.replay import ring


@pytest.fixture
def held():
    """A ring of eight transitions of rows of two numbers."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    from gymnasium import spaces

    seen = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    return ring()(8, seen, spaces.Discrete(4), device="cpu", random=RandomState(0))


def add(held, number, rows=4, nobody=1):
    """Add rows that begin with ten times a number, the last ones nobody's."""
    seen = np.zeros((rows, 2), dtype=np.float32)
    seen[: rows - nobody, 0] = number * 10 + np.arange(rows - nobody)
    told = seen[:, 0]
    held.add_rows(seen, told.astype(int) % 4, told / 2, seen + 1, told % 2 == 0)


def test_it_is_a_ring(held):
    """What is oldest is overwritten, across the end as well, and what is nobody's never comes in."""
    for number in range(1, 6):
        add(held, number)
    assert sorted(held.observations[:, 0, 0].tolist()) == [31, 32, 40, 41, 42, 50, 51, 52]
    assert held.size() == 8
    add(held, 7, nobody=4)
    assert held.size() == 8
    add(held, 6, rows=10, nobody=0)  # more than there is place for: the last ones stay
    assert sorted(held.observations[:, 0, 0].tolist()) == [62, 63, 64, 65, 66, 67, 68, 69]


def test_what_is_drawn_belongs_together(held):
    """Every part of a transition comes from the same row, all of them sooner or later; equal states draw equally."""
    for number in range(1, 6):
        add(held, number)
    batch = held.sample(200)
    told = batch.observations[:, 0].numpy()
    assert sorted(set(told.tolist())) == [31, 32, 40, 41, 42, 50, 51, 52]
    assert np.array_equal(batch.next_observations.numpy()[:, 0], told + 1)
    assert np.array_equal(batch.actions.numpy(), told % 4)
    assert np.array_equal(batch.rewards.numpy(), told / 2)
    assert np.array_equal(batch.dones.numpy(), told % 2 == 0)


def test_it_comes_back_from_its_state(held):
    """Before and after it is full: contents and the place of the next transition."""
    for number in (1, 2, 3, 4):
        add(held, number)
        other = type(held)(8, held.observation_space, held.action_space, device="cpu", random=RandomState(1))
        other.load_state_dict(held.state_dict())
        assert (other.pos, other.full) == (held.pos, held.full)
        for name in ("observations", "next_observations", "actions", "rewards", "dones"):
            assert np.array_equal(getattr(other, name)[: held.size()], getattr(held, name)[: held.size()])
