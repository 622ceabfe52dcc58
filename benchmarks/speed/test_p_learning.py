"""Transitions of users per second of training the family of HC-MAPPO-L at the paper's size, and the latency of its decisions in NumPy.

Run with ``make speed``; ``transitions_per_second`` stands in the extra information: whole iterations, collection and all updates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p import SIZES, Parameters, Task, generate
from mecbench.problems.p.layout import ASSOCIATION, Layout
from mecbench.rl.p.collection import Collector
from mecbench.rl.p.hyperparameters import PRESETS, Hyperparameters
from mecbench.rl.p.learning import Learner, draws
from mecbench.rl.p.networks import LAYERS, Variant, networks
from mecbench.rl.p.policy import Actors
from mecbench.rl.training import private_randomness

SIZE = "paper-50"
CHOSEN = {
    "paper": replace(PRESETS["paper"], episodes=16),
    "default": replace(PRESETS["default"], episodes=4, repeats=4, worlds=8),
}


def layout_of(parameters: Parameters, chosen: Hyperparameters) -> Layout:
    """Layout of the task for a size."""
    instance = generate(parameters, 20_000)
    return Layout(instance.servers, instance.users, instance.services, instance.layer_bytes.shape[1] + 1, chosen.observation)


@pytest.mark.parametrize("variant", [Variant(constrained=True, central=True), Variant(constrained=True, central=True, resources=False)])
@pytest.mark.parametrize("preset", ["paper", "default"])
def test_training(benchmark, preset, variant):
    """An iteration of Algorithm 1: fifty slots of several episodes, then all epochs of every layer that learns."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    benchmark.group = "train an iteration on p paper-50"
    chosen = CHOSEN[preset]
    with private_randomness():
        layout = layout_of(SIZES[SIZE], chosen)
        learner = Learner.build(layout, chosen, variant, 3.0, SeedSequence(0), "cpu")
        collector = Collector(learner.networks, chosen, variant, layout)
        random = RandomState(MT19937(SeedSequence(0)))
        draw = draws(SIZE, 0, chosen)

        def iterate():
            rollouts = learner.collect(collector, draw(random))
            for layer, each in learner.layers.items():
                each.update(rollouts[layer])

        benchmark.pedantic(iterate, rounds=3, warmup_rounds=1)
    decisions = chosen.episodes * SIZES[SIZE].slots * SIZES[SIZE].users
    benchmark.extra_info["transitions_per_second"] = round(decisions / benchmark.stats["median"])


@pytest.mark.parametrize("part", ["update", "collection"])
def test_users(benchmark, part):
    """The users' layer alone, the text's MLP with central value and cost critics: its update, or the playing of the episodes."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    benchmark.group = "users of the paper's preset on p paper-50"
    chosen, variant = CHOSEN["paper"], Variant(constrained=True, central=True, resources=False)
    with private_randomness():
        layout = layout_of(SIZES[SIZE], chosen)
        learner = Learner.build(layout, chosen, variant, 3.0, SeedSequence(0), "cpu")
        collector = Collector(learner.networks, chosen, variant, layout)
        instances = draws(SIZE, 0, chosen)(RandomState(MT19937(SeedSequence(0))))
        rollout = learner.collect(collector, instances)["users"]
        if part == "update":
            benchmark.pedantic(learner.layers["users"].update, args=(rollout,), rounds=3, warmup_rounds=1)
        else:
            benchmark.pedantic(learner.collect, args=(collector, instances), rounds=3, warmup_rounds=1)
    decisions = chosen.episodes * SIZES[SIZE].slots * SIZES[SIZE].users
    benchmark.extra_info["transitions_per_second"] = round(decisions / benchmark.stats["median"])


@pytest.mark.parametrize("preset", ["paper", "default"])
def test_decision_of_fifty_users(benchmark, preset):
    """From what the task shows to server and cut of fifty users in NumPy, the most probable ones."""
    benchmark.group = "decide for 50 users of p paper-50"
    chosen = CHOSEN[preset]
    made = networks(layout_of(SIZES[SIZE], chosen), chosen, Variant(constrained=True, central=True))
    random = np.random.default_rng(0)
    weights = {
        layer: {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in getattr(made, layer).shapes().items()}
        for layer in LAYERS
    }
    task = Task(shows=chosen.observation)
    observation = task.reset([generate(SIZES[SIZE], 10_000)])
    players = Actors(made, weights, task.static(), None)
    observation = task.step(players.act(observation)).observation
    assert observation["phase"][0] == ASSOCIATION
    benchmark(players.act, observation)
