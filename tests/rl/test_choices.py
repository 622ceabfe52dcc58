"""Choices by values: double and soft targets by hand, and draws that follow their weights."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.choices import double_value, drawn, soft_value


def test_targets_take_the_networks_action_and_the_target_networks_value():
    """Double, and only among what is admitted: by hand on three rows, of which the last admits nothing."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    online = torch.tensor([[1.0, 3.0, 9.0], [4.0, 3.0, 9.0], [1.0, 2.0, 3.0]])
    target = torch.tensor([[10.0, 20.0, 90.0], [30.0, 40.0, 90.0], [5.0, 6.0, 7.0]])
    mask = torch.tensor([[True, True, False], [True, True, False], [False, False, False]])
    assert double_value(online, target, mask).tolist() == [20.0, 30.0, 0.0]
    assert soft_value(online, target, mask, 1e-6)[:2].tolist() == [20.0, 30.0]
    chance = 1 / (1 + np.exp(-1))
    assert soft_value(online, target, mask, 1.0)[1].item() == pytest.approx(30 * chance + 40 * (1 - chance))
    assert soft_value(online, target, mask, 1.0)[2].item() == 0.0


def test_draws_follow_their_weights():
    """The first action whose share the number falls into, none without weight; without any weight at all the first."""
    weights = np.array([[0.0, 1.0, 3.0, 0.0]] * 4 + [[0.0] * 4])
    assert drawn(weights, np.array([0.0, 0.2499, 0.25, 1 - 1e-16, 0.5])).tolist() == [1, 1, 2, 2, 0]
