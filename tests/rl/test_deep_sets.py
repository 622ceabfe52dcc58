"""The network is the same in NumPy and PyTorch, and blind to order and padding."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.deep_sets import deep_sets, shapes


@pytest.fixture(scope="module")
def weights():
    """Random weights of two rounds."""
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes(4, 16, 2).items()}


@pytest.fixture(scope="module")
def features():
    """Nine sets of seven agents with four features."""
    return np.random.default_rng(1).normal(size=(9, 7, 4)).astype(np.float32)


def masks():
    """Sets of one to seven agents."""
    return np.arange(7) < (np.arange(9) % 7 + 1)[:, None]


def test_numpy_equals_pytorch(weights, features):
    """What was trained is what runs: equal to 1e-5, padded or not."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    trained = deep_sets(torch, tensors, torch.from_numpy(features), torch.from_numpy(masks())).numpy()
    assert deep_sets(np, weights, features, masks()) == pytest.approx(trained, abs=1e-5)


def test_order_of_agents_does_not_matter(weights, features):
    """Agents that change places take their numbers with them."""
    order = np.random.default_rng(2).permutation(7)
    everyone = np.ones((9, 7), dtype=bool)
    expected = deep_sets(np, weights, features, everyone)[:, order]
    assert deep_sets(np, weights, features[:, order], everyone) == pytest.approx(expected, abs=1e-5)


def test_padding_is_not_seen(weights, features):
    """Whatever stands where no agent is, real agents get the same; each of them is seen by the others."""
    mask = masks()
    expected = deep_sets(np, weights, features, mask)[mask]
    assert (deep_sets(np, weights, np.where(mask[..., None], features, 1e3).astype(np.float32), mask)[mask] == expected).all()
    everyone = deep_sets(np, weights, features, np.ones_like(mask))[mask]
    crowded = mask.sum(axis=1) < 7
    assert (np.abs(everyone - expected)[np.repeat(crowded, mask.sum(axis=1))] > 1e-4).all()
