"""Episodes of a few devices, networks with random weights, and training runs of seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, generate
from mecbench.rl.p_marl.hyperparameters import presets

CROWD = SIZES["60x5"].model_copy(
    update={"population": 12, "edges": 2, "area": 0.3, "epochs": 6, "edge_multiprocessors": 24, "edge_work": 30.0}
)
"""Twelve devices on two edges that are soon too full: Neurosurgeon costs a sixth more than the greedy there."""


def micro(exploration="epsilon", preset="default"):
    """Hyper-parameters of training runs of less than a second."""
    chosen = presets(exploration, records=True)[preset]
    learner = replace(chosen.dqn, replay=1_000, warmup=150, updates=1, period=20, batch=32)
    return replace(chosen, transitions=1_200, worlds=8, episodes=4, width=16, dqn=learner, validations=2, validation_instances=4)


@pytest.fixture(scope="session")
def crowd():
    """Parameters of the episodes."""
    return CROWD


@pytest.fixture(scope="session")
def worlds():
    """Four episodes, of which one has fewer devices."""
    sizes = [CROWD, CROWD.model_copy(update={"population": 9}), CROWD, CROWD]
    return [generate(size, 20_000 + seed) for seed, size in enumerate(sizes)]


@pytest.fixture(scope="session")
def quick():
    """The function that makes hyper-parameters of short runs."""
    return micro


@pytest.fixture(scope="session")
def random_weights():
    """The function that fills shapes with weights that are not small anywhere."""

    def fill(shapes, seed=0):
        random = np.random.default_rng(seed)
        return {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}

    return fill


@pytest.fixture
def torch():
    """PyTorch, or a skip that says what is missing."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    return pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
