"""Perceptrons and masked choices are the same in NumPy and PyTorch, and what is masked cannot be chosen."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl import mlp

SHAPES = mlp.shapes("net", (3, 5, 2))


def random_weights(seed):
    """Arrays of the shapes."""
    random = np.random.default_rng(seed)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_layers_by_hand():
    """Tanh between layers, none after the last."""
    weights, inputs = random_weights(0), np.random.default_rng(1).normal(size=(4, 6, 3)).astype(np.float32)
    hidden = np.tanh(inputs @ weights["net/weight_0"] + weights["net/bias_0"])
    assert mlp.mlp(np, weights, "net", inputs) == pytest.approx(hidden @ weights["net/weight_1"] + weights["net/bias_1"], abs=1e-6)
    assert {name: array.shape for name, array in weights.items()} == SHAPES


def test_numpy_equals_pytorch():
    """What was trained is what runs: equal to 1e-5, probabilities included."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    weights, inputs = random_weights(2), np.random.default_rng(3).normal(size=(50, 3)).astype(np.float32)
    mask = np.random.default_rng(4).random((50, 2)) < 0.7
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    trained = mlp.log_probabilities(torch, mlp.mlp(torch, tensors, "net", torch.from_numpy(inputs)), torch.from_numpy(mask))
    run = mlp.log_probabilities(np, mlp.mlp(np, weights, "net", inputs), mask)
    assert run[mask] == pytest.approx(trained.numpy()[mask], abs=1e-5)


def test_what_is_masked_has_no_probability():
    """Probabilities of what is admitted sum to one, however large the logits of the rest."""
    logits, mask = np.array([[1.0, 100.0, 2.0], [5.0, 5.0, 5.0]]), np.array([[True, False, True], [False, True, False]])
    probability = np.exp(mlp.log_probabilities(np, logits, mask))
    assert probability[~mask] == pytest.approx(0.0, abs=0.0)
    assert probability.sum(axis=1) == pytest.approx(1.0)
    assert probability[0, 2] / probability[0, 0] == pytest.approx(np.e)
    assert mlp.probabilities(np, logits, mask) == pytest.approx(probability, abs=0.0)
    faint = mlp.probabilities(np, np.array([[0.0, -90.0, -1e5]]), np.ones((1, 3), dtype=bool))
    assert faint.sum() == 1.0
    assert faint[0, 1:].max() < 1e-30


def test_initial_weights_are_orthogonal_and_repeatable():
    """One generator state gives the same weights; matrices are orthogonal up to their gain, vectors zero."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    first, again = (mlp.initial(SHAPES, torch.Generator().manual_seed(5), {"net/weight_1": 0.1}) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in SHAPES)
    assert (first["net/weight_0"] @ first["net/weight_0"].T).numpy() == pytest.approx(np.eye(3), abs=1e-6)
    assert (first["net/weight_1"].T @ first["net/weight_1"]).numpy() == pytest.approx(0.01 * np.eye(2), abs=1e-6)
    assert not first["net/bias_0"].any()
