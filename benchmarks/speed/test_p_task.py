"""User-slots per second of P's task at paper scale: whole slots in one process, observations included.

Run with ``make speed``; ``user_slots_per_second`` stands in the extra information. A slot is association and allocation,
and every tenth one a deployment; beside it the same with the closed-form split, and the loop over single episodes.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Task, generate
from mecbench.problems.p.layout import Layout


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("shows", ["paper", "extended"])
@pytest.mark.parametrize("split", ["fractions", "analytic"])
def test_episodes(benchmark, batch, shows, split):
    """Fifty slots of ten servers and fifty users; decisions are made beforehand, resets stand apart."""
    benchmark.group = f"{batch} episodes of p paper-50"
    instances = [generate(SIZES["paper-50"], 20_000 + seed) for seed in range(batch)]
    task = Task(shows=shows, analytic_allocation=split == "analytic", multiplier=1.0)
    task.reset(instances)
    layout, random, users = Layout.of(task.static(), shows), np.random.default_rng(0), (batch, 50)
    decisions = (
        layout.deploy(random.random((batch, layout.servers, layout.services))),
        layout.associate(random.integers(0, layout.servers, users), random.integers(0, layout.cuts, users)),
        layout.allocate(0.01 + random.random(users), 0.01 + random.random(users)),
    )

    def episode(phase):
        while True:
            step = task.step(decisions[phase])
            if step.terminated.all():
                return
            phase = step.observation["phase"][0]

    def fresh():
        return (task.reset(instances)["phase"][0],), {}

    benchmark.pedantic(episode, setup=fresh, rounds=20, warmup_rounds=2)
    benchmark.extra_info["user_slots_per_second"] = round(sum(instance.requests for instance in instances) / benchmark.stats["median"])


@pytest.mark.parametrize("batch", [1, 64])
def test_reset(benchmark, batch):
    """Stacking instances and showing the first deployment, per batch."""
    benchmark.group = f"{batch} episodes of p paper-50"
    instances = [generate(SIZES["paper-50"], 20_000 + seed) for seed in range(batch)]
    task = Task()
    benchmark.pedantic(task.reset, args=(instances,), rounds=20, warmup_rounds=2)
