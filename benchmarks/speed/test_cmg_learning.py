"""An update of the CPO-MADDPG family, draws from its replay, transitions per second of whole training, and the latency of decisions.

Run with ``make speed``. The update is the paper's: twenty devices with actors of 256, 128 and 64 units, a batch of 256, both channels
of the gradient.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.cmg import SIZES, Task, generate
from mecbench.rl.cmg.acting import Actors
from mecbench.rl.cmg.hyperparameters import ABLATIONS, PRESETS, Variant
from mecbench.rl.cmg.networks import network
from mecbench.rl.cmg.replay import Replay
from mecbench.rl.training import private_randomness

VARIANTS = {
    "maddpg": (PRESETS["maddpg"]["paper"], Variant()),
    "lmaddpg": (PRESETS["lmaddpg"]["paper"], Variant(penalty="reward")),
    "matd3": (replace(PRESETS["matd3"]["paper"], policy_delay=1), Variant(twins=2)),
    "cpo-maddpg": (PRESETS["cpo-maddpg"]["paper"], Variant(penalty="channel")),
    "separate-critics": (ABLATIONS["separate-critics"], Variant(penalty="channel")),
    "default": (PRESETS["cpo-maddpg"]["default"], Variant(penalty="channel")),
}


@cache
def episodes(count):
    """Train instances of the paper's size."""
    return [generate(SIZES["paper"], 20_000 + seed) for seed in range(count)]


def begin(chosen, variant, transitions):
    """A learner on the paper's size with so many transitions by chance in its replay."""
    from mecbench.rl.cmg.learner import learner
    from mecbench.rl.cmg.view import episodes_view

    made = network(chosen, 20, 3)
    view = episodes_view(lambda: episodes(chosen.episodes), made.interface, 20, chosen.reward)
    chosen = replace(chosen, warmup=transitions, head_start=0)
    return learner(view, made, chosen, variant, 0.4, SeedSequence(0)).learn(transitions)


@pytest.mark.parametrize("agent", VARIANTS)
def test_update(benchmark, agent):
    """A draw, a step of the critic, a step of the actors along all channels, priorities, targets and multiplier."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = "an update on cmg paper"
    chosen, variant = VARIANTS[agent]
    with private_randomness():
        learning = begin(replace(chosen, multiplier=0.5), variant, 320)
        benchmark.pedantic(learning.train, args=(1, chosen.batch), rounds=20, warmup_rounds=3)
    assert learning.multiplier > 0.0 or variant.penalty == "none"


@pytest.mark.parametrize("prioritised", ["uniform", "constraint-aware"])
def test_draw(benchmark, prioritised):
    """256 transitions of twenty devices out of 100,000, and the priorities of the last ones."""
    benchmark.group = "draw 256 of 100,000 transitions of cmg paper"
    random = RandomState(MT19937(0))
    rule = {"exponent": 0.6, "floor": 1e-6, "deviation_floor": 1e-6}
    replay = Replay(100_000, (20, 10), 15, 1_000, prioritised=prioritised, random=random, **rule)
    seen, said = np.zeros((1_000, 20, 10), dtype=np.float32), np.zeros((1_000, 20, 15), dtype=np.float32)
    for _ in range(100):
        replay.add(seen, seen, said, seen[..., 0], seen[..., 0], np.zeros(1_000))
    errors = random.standard_normal((2, 256))
    for _ in range(200):
        replay.learned(random.randint(100_000, size=256), errors)

    def draw():
        replay.learned(replay.draw(256, 0.5).places, errors)

    benchmark.pedantic(draw, rounds=200, warmup_rounds=20)


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_training(benchmark, preset):
    """Whole steps of all episodes with their updates; ``transitions_per_second`` stands in the extra information."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = "train cpo-maddpg on cmg paper"
    chosen = PRESETS["cpo-maddpg"][preset]
    steps = 20
    with private_randomness():
        learning = begin(chosen, Variant(penalty="channel"), 320)
        number = steps * chosen.episodes
        benchmark.pedantic(learning.learn, args=(number,), kwargs={"reset_num_timesteps": False}, rounds=3, warmup_rounds=1)
    benchmark.extra_info["transitions_per_second"] = round(number / benchmark.stats["median"])


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_decision_of_twenty_devices(benchmark, preset):
    """From what the task shows to the actions of all devices in NumPy, an episode alone."""
    benchmark.group = "decide for 20 devices of cmg paper"
    made = network(PRESETS["cpo-maddpg"][preset], 20, 3)
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in made.shapes().items()}
    task = Task(paper_obs=made.interface.paper_obs)
    observation = task.reset(episodes(1))
    acting = Actors(made, weights)
    acting.reset(task.static())
    benchmark(acting.act, observation)
