"""Edges of different sizes, and a training run short enough for every test."""

from __future__ import annotations

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
