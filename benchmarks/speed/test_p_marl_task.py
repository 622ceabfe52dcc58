"""Epochs per second of P-MARL's task at paper scale: 240 devices and 11 edges in one process, the exact oracle and observations included.

Run with ``make speed``; ``epochs_per_second`` stands in the extra information.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, Task, generate

EPOCHS = 20
METHODS = {"foci": {}, "iql": {"ofr": False, "coa": False}, "amfq": {"ofr": False, "coa": False, "mean_field": True}}


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("method", METHODS)
def test_epochs(benchmark, batch, method):
    """Twenty epochs of random admissible actions, which are drawn beforehand; resets stand apart."""
    benchmark.group = f"{batch} episodes of p-marl 240x11"
    instances = [generate(SIZES["240x11"].model_copy(update={"epochs": EPOCHS}), 20_000 + seed) for seed in range(batch)]
    task, random, actions = Task("paper", **METHODS[method]), np.random.default_rng(0), []
    observation = task.reset(instances)
    for _ in range(EPOCHS):
        actions.append((random.random(observation["mask"].shape) * observation["mask"]).argmax(axis=-1))
        observation = task.step(actions[-1]).observation

    def episodes():
        for action in actions:
            task.step(action)

    benchmark.pedantic(episodes, setup=lambda: (task.reset(instances), None)[1], rounds=8, warmup_rounds=1)
    benchmark.extra_info["epochs_per_second"] = round(batch * EPOCHS / benchmark.stats["median"])


@pytest.mark.parametrize("batch", [1, 16])
def test_reset(benchmark, batch):
    """Showing the first epoch of whole episodes, per batch."""
    benchmark.group = f"{batch} episodes of p-marl 240x11"
    instances = [generate(SIZES["240x11"], 20_000 + seed) for seed in range(batch)]
    task = Task("paper")
    benchmark.pedantic(task.reset, args=(instances,), rounds=10, warmup_rounds=1)
