"""Edges of different sizes, and a task and an agent small enough to be trained in tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from mecbench.problems.p_edge import SIZES, generate


@pytest.fixture(scope="session")
def edges():
    """Sixty-four edges of tiny and small, of both families, of the train split."""
    sizes = [SIZES[name].model_copy(update={"family": family}) for name in ("tiny", "small") for family in ("nsg-cuts", "random-cuts")]
    return [generate(sizes[number % 4], 20_000 + number) for number in range(64)]


@pytest.fixture
def stable_baselines3():
    """Stable-Baselines3, or a skip that says what is missing."""
    return pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")


def load(name):
    """A module beside this file."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up while they are made
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def ring():
    """The small constrained task and its agent."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    return load("ring")


@pytest.fixture(scope="session")
def stable_ring(ring):
    """Stable-Baselines3's PPO on the same task."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    return load("stable_ring")
