"""The cross-entropy method against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.rl.p1.population import Gaussian, rank_weights


def test_rank_weights_fall_with_the_logarithm_of_the_rank():
    """Of three: ln 4, ln 2 and ln 4/3 in parts of their sum, the best first."""
    parts = np.log([4.0, 2.0, 4.0 / 3.0])
    assert rank_weights(3) == pytest.approx(parts / parts.sum())
    assert rank_weights(25).sum() == pytest.approx(1)
    assert (np.diff(rank_weights(25)) < 0).all()


def test_the_update_is_15_by_hand():
    """Two elites with weights ln 3 : ln 1.5. The deviation is from the old mean, coordinate by coordinate, and epsilon is added."""
    gaussian = Gaussian(np.array([1.0, 0.0], np.float32), np.array([9.0, 9.0], np.float32))
    gaussian.update(np.array([[2.0, 4.0], [3.0, -2.0]], np.float32), 0.5)
    first = np.log(3.0) / np.log(4.5)
    second = 1.0 - first
    assert gaussian.mean == pytest.approx([2 * first + 3 * second, 4 * first - 2 * second])
    assert gaussian.variance == pytest.approx([1 * first + 4 * second + 0.5, 16 * first + 4 * second + 0.5])


def test_draws_have_the_mean_and_the_deviation():
    """Individuals are Gaussian around the mean, each weight with its own deviation."""
    gaussian = Gaussian(np.array([1.0, -2.0], np.float32), np.array([0.25, 4.0], np.float32))
    drawn = gaussian.draw(RandomState(MT19937(SeedSequence(0))), 4000)
    assert drawn.dtype == np.float32
    assert drawn.mean(axis=0) == pytest.approx([1.0, -2.0], abs=0.1)
    assert drawn.std(axis=0) == pytest.approx([0.5, 2.0], rel=0.05)
