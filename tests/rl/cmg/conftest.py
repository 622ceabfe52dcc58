"""Episodes of CMG, networks with random weights, and hyper-parameters of training runs of a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.cmg import SIZES, generate
from mecbench.rl.cmg.hyperparameters import CONSTRAINT_AWARE, OffPolicy, OnPolicy

MICRO = OffPolicy(
    transitions=144, episodes=8, warmup=40, head_start=4, batch=16, width=16, capacity=96, validations=2, validation_instances=6, updates=1
)
TEXT = replace(CONSTRAINT_AWARE, transitions=48, warmup=20, batch=16, capacity=40, validations=2, validation_instances=6)
ON_POLICY = replace(OnPolicy(), transitions=600, episodes=40, width=16, validations=2, validation_instances=6)


@pytest.fixture(scope="session")
def micro():
    """Hyper-parameters of a short run through the priced interface."""
    return MICRO


@pytest.fixture(scope="session")
def text():
    """Hyper-parameters of a short run of the text."""
    return TEXT


@pytest.fixture(scope="session")
def on_policy():
    """Hyper-parameters of a short run of MAPPO."""
    return ON_POLICY


@pytest.fixture(scope="session")
def instances():
    """Episodes that differ in devices, slots and supply; of the validation split."""
    kinds = [
        SIZES["small"].model_copy(update={"slots": (5, 5)}),
        SIZES["small-scarce"].model_copy(update={"devices": (3, 3), "slots": (3, 3)}),
        SIZES["small"].model_copy(update={"devices": (2, 2), "slots": (4, 4), "attack": "strong"}),
    ]
    return [generate(kind, 10_000 + number) for number, kind in enumerate(kinds)]


@pytest.fixture(scope="session")
def arrays():
    """The function that fills shapes with weights that are not small anywhere."""

    def fill(shapes, seed=0):
        random = np.random.default_rng(seed)
        return {name: random.normal(0.0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}

    return fill


@pytest.fixture
def torch():
    """PyTorch, or a skip that says what is missing."""
    return pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
