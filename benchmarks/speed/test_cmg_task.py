"""Agent-steps per second of CMG's task: whole episodes in one process, repair, guard and observations included.

Run with ``make speed``; ``agent_steps_per_second`` stands in the extra information. An agent-step is one device's decision on all
chunks of a slot. Random actions are the worst case of repair and guard: most offloads are refused, and in strict mode most chunks
fall back.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.cmg import SIZES, Task, generate


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("size", ["paper", "scarce"])
@pytest.mark.parametrize("strict", [False, True])
def test_episodes(benchmark, batch, size, strict):
    """Ten slots of twenty devices and three chunks; actions are made beforehand, resets stand apart."""
    benchmark.group = f"{batch} episodes of cmg {size}"
    instances = [generate(SIZES[size], 20_000 + seed) for seed in range(batch)]
    task = Task(strict=strict)
    slots, devices, chunks = instances[0].slots, instances[0].devices, instances[0].chunks
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (slots, batch, devices, 5 * chunks))

    def episodes():
        for action in actions:
            task.step(action)

    benchmark.pedantic(episodes, setup=lambda: (task.reset(instances), None)[1], rounds=20, warmup_rounds=2)
    benchmark.extra_info["agent_steps_per_second"] = round(batch * slots * devices / benchmark.stats["median"])


@pytest.mark.parametrize("batch", [1, 64])
def test_reset(benchmark, batch):
    """Stacking instances and showing the first slot, per batch."""
    benchmark.group = f"{batch} episodes of cmg paper"
    instances = [generate(SIZES["paper"], 20_000 + seed) for seed in range(batch)]
    task = Task()
    benchmark.pedantic(task.reset, args=(instances,), rounds=20, warmup_rounds=2)
