"""Micro worlds of P, an agent's networks with random weights, and training runs of a few seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Task, generate
from mecbench.problems.p.layout import Layout
from mecbench.rl.p.hyperparameters import PRESETS, Hyperparameters
from mecbench.rl.p.networks import Variant, networks

MICRO = replace(
    Hyperparameters(), transitions=6_000, worlds=64, episodes=64, validations=3, validation_instances=24, user_width=16, deployment_width=16
)
"""Enough to learn which options are out of the question, within seconds."""

TEXT = replace(PRESETS["paper"], deployment_width=24, user_width=24, allocation_width=8, embedding=4, episodes=4)
"""The paper's networks and rewards, narrow."""


@pytest.fixture(scope="session")
def worlds():
    """Four instances of six to ten users, of the train split."""
    kinds = [SIZES["small"].model_copy(update={"users": users}) for users in (6, 10, 8, 7)]
    return [generate(kind, 20_000 + number) for number, kind in enumerate(kinds)]


@pytest.fixture(params=["default", "paper"])
def chosen(request):
    """Hyper-parameters with the networks of either kind."""
    return MICRO if request.param == "default" else TEXT


def random_arrays(shapes, seed):
    """Weights that are not small anywhere."""
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def agent(chosen, worlds):
    """(networks, weights by layer) of an agent for the worlds, widest layout."""
    layout = Layout(3, max(world.users for world in worlds), 9, worlds[0].layer_bytes.shape[1] + 1, chosen.observation)
    made = networks(layout, chosen, Variant(constrained=True, central=True))
    weights = {name: random_arrays(getattr(made, name).shapes(), seed) for seed, name in enumerate(("deployment", "users", "allocation"))}
    return made, weights


def first_slot(instances, shows):
    """Task, and what it shows in each phase of its first slot."""
    task = Task(shows=shows)
    found = [task.reset(instances)]
    layout = Layout.of(task.static(), shows)
    batch, users = len(instances), layout.users
    random = np.random.default_rng(0)
    found.append(task.step(layout.deploy(random.random((batch, layout.servers, layout.services)))).observation)
    allowed = found[1]["mask"][:, layout.askers, : layout.servers]
    found.append(task.step(layout.associate(allowed.argmax(axis=2), random.integers(0, 5, (batch, users)))).observation)
    return task, found


@pytest.fixture(scope="session")
def observe():
    """The function that shows a first slot."""
    return first_slot


@pytest.fixture(scope="session")
def micro():
    """Hyper-parameters of training runs of a few seconds."""
    return MICRO


@pytest.fixture(scope="session")
def text():
    """Hyper-parameters of the paper's networks and rewards, narrow."""
    return TEXT


@pytest.fixture(scope="session")
def random_weights():
    """The function that fills shapes with weights that are not small anywhere."""
    return random_arrays


@pytest.fixture
def torch():
    """PyTorch, or a skip that says what is missing."""
    return pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
