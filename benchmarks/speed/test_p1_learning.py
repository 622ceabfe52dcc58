"""Seconds of a generation of CERL and of updates of DDQN and D2QN on P1, and the latency of their decisions in NumPy.

Run with ``make speed``; a generation is of the paper's size, k = 50 and J = 64, with the interaction of elites and all gradient steps.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import SeedSequence

from mecbench.problems.p1 import SIZES, Task, generate
from mecbench.problems.p1.layout import ASKED, Layout
from mecbench.rl.p1.cerl import CERL
from mecbench.rl.p1.encoding import Encoder
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.hyperparameters import CERL_PRESETS, D2QN_PRESETS, DDQN_PRESETS
from mecbench.rl.p1.learning import Draws, width_of
from mecbench.rl.p1.packing import Packing
from mecbench.rl.p1.players import Player
from mecbench.rl.p1.rows import RowNetwork
from mecbench.rl.training import private_randomness
from mecbench.solvers.p1.answers import action_of


def layout_of(size: str) -> Layout:
    """Layout of the task for a size."""
    instance = generate(SIZES[size], 20_000)
    return Layout(instance.nodes, instance.layers, instance.window)


def cerl(preset: str, size: str) -> CERL:
    """A population whose replay memory is filled."""
    chosen, layout = CERL_PRESETS[preset], layout_of(size)
    packing = Packing.of(layout, width_of(SIZES[size]), chosen.network.shows)
    made = CERL(chosen.network.network(layout, False), packing, chosen, Draws(SIZES[size], 0), SeedSequence(0))
    made.evolve()
    return made


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_generation(benchmark, preset):
    """A whole generation at n10: fitness of all, elite interaction, interaction and gradient steps of the injected individual."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    benchmark.group = "a generation of CERL on p1 n10"
    with private_randomness():
        made, transitions = cerl(preset, "n10"), []
        benchmark.pedantic(lambda: transitions.append(made.evolve()["transitions"]), rounds=3, warmup_rounds=1)
    benchmark.extra_info["transitions_per_second"] = round(float(np.mean(transitions)) / benchmark.stats["mean"])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_fitness(benchmark, preset):
    """Fitness of all individuals of a generation at n10 by one batch of J transitions (14)."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    benchmark.group = "fitness of a population on p1 n10"
    with private_randomness():
        benchmark.pedantic(cerl(preset, "n10")._judge, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("presets", [DDQN_PRESETS, D2QN_PRESETS], ids=["ddqn", "d2qn"])
def test_batch_of_episodes(benchmark, presets):
    """Episodes side by side at n10 with the updates that fall due, on Stable-Baselines3's DQN."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    from mecbench.rl.dqn import build

    benchmark.group = "a batch of episodes of DDQN and D2QN on p1 n10"
    chosen, layout, draw = presets["default"], layout_of("n10"), Draws(SIZES["n10"], 0)
    network = chosen.network.network(layout, presets is D2QN_PRESETS)
    packing = Packing.of(layout, width_of(SIZES["n10"]), chosen.network.shows)
    with private_randomness():
        episodes = Episodes(lambda: draw(chosen.episodes), chosen.episodes, packing, network.base == "outlook")
        learner = build(RowNetwork(network, packing), episodes, chosen.dqn, SeedSequence(0))
        while learner.replay_buffer.size() < chosen.dqn.warmup:
            learner.play()
        before = learner.num_timesteps
        benchmark.pedantic(learner.play, rounds=3)
    benchmark.extra_info["transitions_per_second"] = round((learner.num_timesteps - before) / 3 / benchmark.stats["mean"])


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("size", ["n10", "n50"])
def test_decision_of_a_slot(benchmark, size, preset):
    """All answers of the busiest slot of an episode, one after the other, from what the task shows to nodes, ends and shares in NumPy."""
    benchmark.group = f"decide a slot of p1 {size}"
    chosen, layout = CERL_PRESETS[preset].network, layout_of(size)
    network, random = chosen.network(layout, False), np.random.default_rng(0)
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in network.shapes().items()}
    weights |= {name: np.ones(shape, dtype=np.float32) for name, shape in network.statistics().items()}
    task = Task()
    observation = task.reset([generate(SIZES[size], 10_000)])
    static, slots = task.static(), {}
    encoder, player = Encoder(static, layout, chosen.shows, network.base == "outlook"), Player(network, weights)
    while observation["phase"][0] == ASKED:
        slots.setdefault(int(observation["shared"][0, 0]), []).append(observation)
        seen = encoder.see(observation)
        observation = task.step(action_of(player.answer(seen), seen["offered"], layout.layers)).observation
    busiest = max(slots.values(), key=len)

    def decide():
        working, answering = Encoder(static, layout, chosen.shows, network.base == "outlook"), Player(network, weights)
        for asked in busiest:
            seen = working.see(asked)
            action_of(answering.answer(seen), seen["offered"], layout.layers)

    benchmark(decide)
    benchmark.extra_info["answers"] = len(busiest)
