"""Attention of groups over their members: by hand, the same in both modules, and blind to other groups."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.attention import attention, shapes


@pytest.fixture(scope="module")
def case():
    """Weights of two branches, six members of three features, and their groups: two, one, three, and nobody."""
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes("a", 3, 8).items()}
    group = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 2, 2]][None]
    return weights, random.normal(size=(1, 6, 3)).astype(np.float32), group


def test_scores_by_hand(case):
    """Query of the group's mean times key of the member over the root of the width, branch by branch."""
    weights, members, group = case
    encoded = np.tanh(members[0] @ weights["a/embed/weight_0"] + weights["a/embed/bias_0"])
    expected = []
    for member, mates in enumerate(([0, 1], [0, 1], [2], [3, 4, 5], [3, 4, 5], [3, 4, 5])):
        query = encoded[mates].mean(axis=0) @ weights["a/query/weight_0"] + weights["a/query/bias_0"]
        key = encoded[member] @ weights["a/key/weight_0"] + weights["a/key/bias_0"]
        expected.append([query[:8] @ key[:8] / np.sqrt(8), query[8:] @ key[8:] / np.sqrt(8)])
    assert attention(np, weights, "a", members, group)[0] == pytest.approx(np.array(expected), abs=1e-5)


def test_numpy_equals_pytorch(case):
    """What was trained is what runs: equal to 1e-5."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    weights, members, group = case
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    trained = attention(torch, tensors, "a", torch.from_numpy(members), torch.from_numpy(group)).numpy()
    assert attention(np, weights, "a", members, group) == pytest.approx(trained, abs=1e-5)


def test_groups_do_not_see_each_other(case):
    """A server's scores depend on its own users only."""
    weights, members, group = case
    changed = members.copy()
    changed[0, 3:] += 1.0
    before, after = attention(np, weights, "a", members, group)[0], attention(np, weights, "a", changed, group)[0]
    assert np.array_equal(before[:3], after[:3])
    assert (np.abs(before[3:] - after[3:]) > 1e-4).all()
