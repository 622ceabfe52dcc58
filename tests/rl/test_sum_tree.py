"""The sum tree against plain arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import MT19937, RandomState

from mecbench.rl.sum_tree import SumTree


@settings(max_examples=40, deadline=None)
@given(
    capacity=st.integers(1, 70),
    changes=st.lists(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e6)), min_size=1, max_size=9), min_size=1, max_size=6),
)
def test_it_holds_what_an_array_holds(capacity, changes):
    """After any changes, many at a time and places repeated, priorities and their total are those of an array."""
    tree, plain = SumTree(capacity), np.zeros(capacity)
    for change in changes:
        places, values = np.array([place % capacity for place, _ in change]), np.array([value for _, value in change])
        tree[places] = values
        plain[places] = values
    assert np.array_equal(tree[np.arange(capacity)], plain)
    np.testing.assert_allclose(tree.total, plain.sum(), rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(capacity=st.integers(2, 40), seed=st.integers(0, 10**6))
def test_what_has_no_priority_is_never_drawn(capacity, seed):
    """Not even where rounding leaves a remainder: those places hold no transition."""
    random = RandomState(MT19937(seed))
    priorities = random.random_sample(capacity) ** 8 * (random.random_sample(capacity) < 0.5)
    priorities[random.randint(capacity)] = 1e-3
    tree = SumTree(capacity)
    tree[np.arange(capacity)] = priorities
    assert (priorities[tree.draw(400, random)] > 0.0).all()


def test_draws_are_in_proportion():
    """Frequencies of 40,000 draws are the priorities' parts of the total within four standard deviations."""
    priorities = np.array([0.0, 1.0, 2.0, 0.5, 6.5, 0.0, 3.0])
    tree = SumTree(len(priorities))
    tree[np.arange(len(priorities))] = priorities
    part, number = priorities / priorities.sum(), 40_000
    found = np.bincount(tree.draw(number, RandomState(MT19937(0))), minlength=len(priorities)) / number
    assert (np.abs(found - part) <= 4.0 * np.sqrt(part * (1.0 - part) / number)).all()
