"""Decisions of devices per second that the family of FOCI collects at the paper's size, updates, and latency of decisions in NumPy.

Run with ``make speed``; all seconds are of a processor, and ``decisions_per_second`` stands in the extra information. Collection is the
whole loop of the learner: task, exact oracle, records, network, exploration and replay memory.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p_marl import SIZES, generate
from mecbench.rl.dqn import build
from mecbench.rl.p_marl.learning import Draws, Episodes
from mecbench.rl.p_marl.networks import network_of
from mecbench.rl.p_marl.policy import AMFQ, FOCI, IQL, Player
from mecbench.rl.training import private_randomness

pytestmark = pytest.mark.benchmark(timer=time.process_time)

PARAMETERS = SIZES["240x11"].model_copy(update={"epochs": 20})
NEVER = 10**9


def learner_of(agent, preset, warmup):
    """A learner on as many episodes side by side as the preset has, which explores as little as in the end."""
    chosen = agent.presets[preset]
    settings = replace(chosen.dqn, warmup=warmup, start=0.05)
    chosen = replace(chosen, worlds=4, dqn=settings)
    first = generate(PARAMETERS, 10_000)
    draws = Draws(PARAMETERS, 0, chosen, RandomState(MT19937(SeedSequence(0))))
    network = network_of(agent.method.layout(first), first, chosen)
    return build(network, Episodes(agent.method, draws, chosen, first), settings, SeedSequence(0))


@pytest.mark.parametrize("agent", [FOCI, IQL, AMFQ], ids=["foci", "iql", "amfq"])
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_collection(benchmark, preset, agent):
    """Twenty epochs of all episodes, without updates; instances are drawn beforehand."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = "collect on p-marl 240x11"
    with private_randomness():
        learner = learner_of(agent, preset, NEVER)
        for _ in range(6):  # all of the four instances have been drawn then, or nearly so
            learner.play()
        before = learner.num_timesteps
        benchmark.pedantic(learner.play, rounds=5)
        rounds = len(benchmark.stats.stats.data)
        benchmark.extra_info["decisions_per_second"] = round((learner.num_timesteps - before) / rounds / benchmark.stats["median"])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_update(benchmark, preset):
    """One gradient step of FOCI's learner."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = "update on p-marl 240x11"
    with private_randomness():
        learner = learner_of(FOCI, preset, NEVER)
        learner.play()
        batch = learner.settings.batch
        benchmark.pedantic(learner.train, args=(1, batch), rounds=30, warmup_rounds=2)
    benchmark.extra_info["transitions_per_second"] = round(batch / benchmark.stats["median"])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_decision_of_240_devices(benchmark, preset):
    """From what the task shows to edge and cut of 240 devices in NumPy."""
    benchmark.group = "decide for 240 devices of p-marl 240x11"
    chosen, first = FOCI.presets[preset], generate(PARAMETERS, 10_000)
    layout, task = FOCI.method.layout(first), FOCI.method.task()
    network = network_of(layout, first, chosen)
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in network.shapes().items()}
    observation = task.reset([first])
    player = Player(network, weights, layout, task.static()["devices"], chosen)
    observation = task.step(player.act(observation)).observation
    benchmark(player.act, observation)
