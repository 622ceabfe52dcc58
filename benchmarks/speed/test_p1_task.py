"""Answers per second of P1's task at paper scale: whole episodes in one process, observations included.

Run with ``make speed``; ``answers_per_second`` stands in the extra information. It counts the answers of tasks, not those of
episodes that wait for others to end.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, Task, generate
from mecbench.problems.p1.layout import ASKED, Layout


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("size", ["n10", "n50"])
def test_episodes(benchmark, size, batch):
    """Whole episodes of random admissible answers, which are made beforehand; resets stand apart."""
    benchmark.group = f"{batch} episodes of p1 {size}"
    instances = [generate(SIZES[size], 20_000 + seed) for seed in range(batch)]
    task, random = Task(), np.random.default_rng(0)
    observation = task.reset(instances)
    layout, actions, answers = Layout.of(task.static()), [], 0
    while (observation["phase"] == ASKED).any():
        action, block = layout.empty(observation), layout.block_mask(observation)
        for row in np.flatnonzero(block.any(axis=(1, 2, 3))):
            choices = np.argwhere(block[row])
            node, layer, share = choices[random.integers(len(choices))]
            action[row, :3] = node, layer + 1, share + 1
        actions.append(action)
        answers += int((observation["phase"] == ASKED).sum())
        observation = task.step(action).observation

    def episodes():
        for action in actions:
            task.step(action)

    benchmark.pedantic(episodes, setup=lambda: (task.reset(instances), None)[1], rounds=20, warmup_rounds=2)
    benchmark.extra_info["answers_per_second"] = round(answers / benchmark.stats["median"])


@pytest.mark.parametrize("batch", [1, 64])
def test_reset(benchmark, batch):
    """Stacking instances and showing the first task, per batch."""
    benchmark.group = f"{batch} episodes of p1 n50"
    instances = [generate(SIZES["n50"], 20_000 + seed) for seed in range(batch)]
    task = Task()
    benchmark.pedantic(task.reset, args=(instances,), rounds=20, warmup_rounds=2)
