"""Training of the family: repeatable and resumable bit for bit, on the train split only, and better than rules within seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.cmg import SIZES, Task, generate
from mecbench.problems.errors import InputError
from mecbench.problems.task import rollout
from mecbench.rl.checkpoints import load_checkpoint
from mecbench.rl.cmg.learning import Draws, Validation, gaussian
from mecbench.rl.cmg.networks import network
from mecbench.rl.cmg.policy import CPOMADDPG, MAPPO, MATD3
from mecbench.rl.training import CHECKPOINT, STATE, Run
from mecbench.solvers.cmg.heuristics import LocalHorizon

pytestmark = pytest.mark.usefixtures("stable_baselines3")


@pytest.fixture(scope="module")
def orders(micro, text, on_policy):
    """(agent, size, hyper-parameters) of a run of a second for each kind of loop, network and replay."""
    return {
        "priced": (CPOMADDPG, "tiny", replace(micro, replay="constraint-aware", multiplier=0.1)),
        "text": (CPOMADDPG, "tiny", replace(text, multiplier=0.1)),
        "twins": (MATD3, "tiny", replace(text, replay="uniform")),
        "on-policy": (MAPPO, "tiny", replace(on_policy, transitions=96, episodes=12)),
    }


def state_of(folder):
    """Everything that a run left for its resumption, as bytes."""
    import torch

    flat, waiting = [], [torch.load(folder / STATE, weights_only=True)["agent"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        else:
            flat.append(value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode())
    return b"".join(flat)


@pytest.mark.parametrize("name", ["priced", "text", *(pytest.param(name, marks=pytest.mark.slow) for name in ("twins", "on-policy"))])
def test_a_killed_run_goes_on_to_the_same_bits(name, orders, tmp_path):
    """One seed gives one run: interrupted at a point of the curve and resumed, all weights, replay and randomness are as without it."""
    agent, size, chosen = orders[name]
    order = Run(size=size, seed=0, out=tmp_path / "whole", hyperparameters=chosen)
    whole = agent.train(order)

    def interrupt(done, point=None):
        if point is not None and point.transitions:
            raise KeyboardInterrupt

    order = replace(order, out=tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        agent.train(replace(order, progress=interrupt))
    parts = agent.train(replace(order, resume=True))
    assert state_of(tmp_path / "parts") == state_of(tmp_path / "whole")
    assert {name: array.tobytes() for name, array in parts.weights.items()} == {name: a.tobytes() for name, a in whole.weights.items()}
    for column in ("transitions", "train_reward", "multiplier", "validation_score"):
        assert parts.header["curve"][column] == whole.header["curve"][column]
    assert whole.header["devices"] == SIZES[size].devices[1]
    assert len(whole.header["curve"]["transitions"]) >= 2


def test_seconds_of_mappo_beat_the_rule_it_begins_from(on_policy, tmp_path):
    """From episodes of the train split it learns to offload on its turn: better than all-local on validation episodes, as policy too."""
    MAPPO.train(Run(size="small", seed=0, out=tmp_path, hyperparameters=on_policy))
    instances = [generate(SIZES["small"], 10_500 + seed) for seed in range(12)]
    scores = {}
    for policy in (MAPPO(checkpoint=str(tmp_path / CHECKPOINT)), LocalHorizon()):
        task = Task(**getattr(policy, "task_options", {}))
        scores[policy.name] = rollout(task, policy, instances, 0).returns.sum() / sum(i.devices * i.slots for i in instances)
    assert scores["mappo"] > scores["local-horizon"] + 0.01
    assert load_checkpoint(tmp_path / CHECKPOINT, "cmg/mappo")[0].header["validation"].startswith("minus the mean reward")


def test_draws_end_together_and_never_come_twice():
    """Instances of a draw have equally many slots, all lengths of the size come up, and runs with other seeds see others."""
    draw, other = Draws("small", 0, 4), Draws("small", 1, 4)
    drawn = [draw() for _ in range(12)]
    assert all(len({instance.slots for instance in instances}) == 1 for instances in drawn)
    assert {instances[0].slots for instances in drawn} <= set(range(5, 11))
    assert len({instances[0].slots for instances in drawn}) > 2
    seen = {instance.gain.tobytes() for instances in drawn for instance in instances}
    assert len(seen) == 48
    held_out = {generate(SIZES["small"], 10_000 + seed).gain.tobytes() for seed in range(8)}
    assert not seen & (held_out | {instance.gain.tobytes() for instance in other()})
    with pytest.raises(InputError, match="size of cmg"):
        Draws("huge", 0, 4)


def test_validation_begins_at_the_rule(micro, torch):
    """What actors do before they learn is the horizon-aware local rule, so that a curve begins where rules end."""
    from mecbench.rl.cmg.networks import actor

    validation = Validation("small", micro)
    fresh = actor(validation.network, torch.Generator().manual_seed(0))
    found = validation.play(fresh.arrays())["penalised_reward"]
    task, rule = Task(), LocalHorizon()
    returns = rollout(task, rule, validation.instances, 0).returns.sum(axis=1)
    expected = returns / [instance.devices * instance.slots for instance in validation.instances]
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("kind", ["priced", "text"])
def test_normal_actions_have_the_density_that_they_were_drawn_with(kind, micro, text, torch):
    """Sampling and evaluation agree, with each other and with PyTorch's own normal law, so that PPO's ratios begin at one."""
    made = network(micro if kind == "priced" else text, 4, 3)
    generator = torch.Generator().manual_seed(0)
    acting = gaussian(made, 0.3, generator)
    rows = (3,) if kind == "priced" else ()
    seen = torch.rand(5, 4, *rows, made.interface.features, generator=generator)
    said, density = acting.sample(seen, generator)
    found, entropy = acting.evaluate({"seen": seen}, said)
    normal = torch.distributions.Normal(acting.mean(seen), 0.3)
    np.testing.assert_allclose(density, found.detach(), rtol=1e-5)
    np.testing.assert_allclose(found.detach(), normal.log_prob(said).sum(-1).detach(), rtol=1e-4)
    np.testing.assert_allclose(entropy.detach(), normal.entropy().sum(-1), rtol=1e-5)
    assert acting.spread_entropy() == pytest.approx(float(entropy[0, 0].detach()), rel=1e-5)
