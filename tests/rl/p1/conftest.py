"""Small worlds of P1, networks of either kind with random weights, and what they see in the middle of an episode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, generate
from mecbench.problems.p1.layout import Layout
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.hyperparameters import CERL_PRESETS, Shape
from mecbench.rl.p1.packing import Packing

SMALL = Shape(widths=(8, 8), head_widths=(8, 8))
TEXT = replace(CERL_PRESETS["paper"].network, widths=(6, 8, 10), head_widths=(12,))
ROWS = 6


@pytest.fixture(scope="session")
def worlds():
    """Six instances of five devices."""
    return [generate(SIZES["n5"], 20_000 + number) for number in range(ROWS)]


@pytest.fixture(scope="session")
def layout(worlds):
    """Of their task."""
    return Layout(worlds[0].nodes, worlds[0].layers, worlds[0].window)


@pytest.fixture(params=["default", "paper"])
def shape(request):
    """A narrow network of either kind."""
    return {"default": SMALL, "paper": TEXT}[request.param]


def random_weights(network, seed=0):
    """Weights and statistics that are not small anywhere."""
    random = np.random.default_rng(seed)
    weights = {name: random.normal(0, 0.4, size).astype(np.float32) for name, size in network.shapes().items()}
    return weights | {name: random.uniform(0.5, 1.5, size).astype(np.float32) for name, size in network.statistics().items()}


@pytest.fixture(scope="session")
def filled():
    """The function that fills a network with weights that are not small anywhere."""
    return random_weights


def some(values, random):
    """An admissible answer of every row by chance, 0 where there is none."""
    allowed = [np.flatnonzero(row > -1e8) for row in values]
    return np.array([random.choice(numbers) if numbers.size else 0 for numbers in allowed])


@pytest.fixture(scope="session")
def answers():
    """The function that draws admissible answers."""
    return some


def begun(worlds, layout, shape, dueling=False, steps=7):
    """Network, packing, episodes after some random answers, and the transitions so far."""
    network, packing = shape.network(layout, dueling), Packing.of(layout, 16, shape.shows)
    episodes = Episodes(lambda: worlds, len(worlds), packing, shape.base == "outlook")
    random, seen, kept = np.random.default_rng(0), episodes.reset(), []
    for _ in range(steps):
        offers = network.offers(np, episodes.seen).reshape(len(worlds), -1)
        chosen = some(offers, random)
        moved = episodes.step(chosen)
        kept.append((seen, chosen, moved.reward, moved.observation, moved.terminated))
        seen = moved.observation
        if moved.over:
            break
    return network, packing, episodes, kept


@pytest.fixture(scope="session")
def start():
    """The function that begins episodes."""
    return begun


@pytest.fixture
def torch():
    """PyTorch, or a skip that says what is missing."""
    return pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
