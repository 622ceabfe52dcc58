"""Hyper-parameters of the family, and presets: what the text says, its ablations, and what we tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from mecbench.problems.task import Reward
from mecbench.rl.cmg.interface import Kind
from mecbench.rl.cmg.replay import Prioritised
from mecbench.rl.ppo import Settings

__all__ = ["ABLATIONS", "MAPPO_PRESETS", "PRESETS", "Common", "Heads", "OffPolicy", "OnPolicy", "Variant"]

Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, le=1)]
Heads = Literal["two-headed", "separate", "multi-output"]


@dataclass(frozen=True)
class Variant:
    """What tells the agents that learn from replay apart.

    Attributes
    ----------
    penalty
        How the energy limit is heeded: not at all, by lambda times the excess within the ``reward``, or in a ``channel`` of its own
        with a critic and a gradient (45).
    twins
        Critics that are trained side by side, of which targets take the lesser; with two come delay and smoothing.
    """

    penalty: Literal["none", "reward", "channel"] = "none"
    twins: int = 1


@dataclass(frozen=True, kw_only=True)
class Common:
    """What all agents of the family are tuned with.

    Attributes
    ----------
    transitions
        Budget: slots of episodes that are learned from; rounded up to whole steps of all episodes, on policy to whole episodes.
    episodes
        Episodes side by side.
    interface
        ``text``: each device has an actor of its own from (32) to (34), and critics judge all devices at once by the team's reward
        (36) over their number. ``priced``: all chunks share one actor, which works through closed forms, and critics judge device by
        device what it did beside the others.
    reward
        ``paper``: (24). ``objective``: what a slot adds to the objective, with the same sum.
    width
        Units of the ``priced`` networks; those of ``text`` have 256, 128 and 64.
    validations, validation_instances
        Points of the learning curve, and instances of the validation split.
    """

    transitions: Count
    episodes: Count
    interface: Kind = "priced"
    reward: Reward = "objective"
    width: Count = 64
    validations: Count = 10
    validation_instances: Count = 60


@dataclass(frozen=True, kw_only=True)
class OffPolicy(Common):
    """CPO-MADDPG, MADDPG, LMADDPG and MATD3; the defaults were chosen on the validation split.

    Attributes
    ----------
    warmup
        Transitions with actions by chance before the first update.
    head_start
        Updates of the critic before the first of the actor, who would follow chance into a corner.
    batch, capacity
        Transitions of an update, and of the buffer.
    updates
        Gradient steps after each step of all episodes.
    discount, cost_discount
        gamma_r and gamma_c.
    target_rate
        tau of the target networks.
    learning_rate, critic_learning_rate
        Of Adam.
    anneal
        Lower both rates in a straight line to a tenth.
    gradient_norm, critic_gradient_norm
        Largest norm of the actor's gradient, and of the critic's; 0 for any.
    noise, final_noise
        Standard deviation of the exploration at the start and at the end.
    policy_delay, target_noise, target_noise_clip
        MATD3's: critic updates per update of the actor, and smoothing of the target's actions.
    replay
        Priorities: ``constraint-aware`` by errors of reward and cost (53), ``reward`` by those of reward, or ``uniform``.
    priority_exponent, priority_floor, deviation_floor, importance
        alpha, epsilon, delta and beta_0 of (52) to (55).
    heads
        Critic of reward and cost: ``two-headed`` on a common trunk, ``separate`` ones, or one with two outputs (``multi-output``).
    multiplier, multiplier_step, multiplier_most
        lambda at the start, eta of (41) and lambda_max [1/J].
    matching_floor
        epsilon of (48).
    """

    transitions: Count = 5_000
    episodes: Count = 16
    warmup: Count = 800
    head_start: Annotated[int, Field(ge=0)] = 300
    batch: Annotated[int, Field(ge=2)] = 128
    capacity: Count = 20_000
    updates: Count = 2
    discount: Part = 0.5
    cost_discount: Part = 0.5
    target_rate: Part = 0.01
    learning_rate: Positive = 2e-4
    critic_learning_rate: Positive = 2e-3
    anneal: bool = True
    gradient_norm: Amount = 1.0
    critic_gradient_norm: Amount = 10.0
    noise: Amount = 0.3
    final_noise: Amount = 0.1
    policy_delay: Count = 2
    target_noise: Amount = 0.1
    target_noise_clip: Amount = 0.2
    replay: Prioritised = "uniform"
    priority_exponent: Part = 0.6
    priority_floor: Positive = 1e-6
    deviation_floor: Positive = 1e-6
    importance: Part = 0.4
    heads: Heads = "two-headed"
    multiplier: Amount = 0.0
    multiplier_step: Amount = 1e-3
    multiplier_most: Amount = 1.0
    matching_floor: Positive = 1e-8


_PPO = Settings(discount=0.5, trace=0.8, entropy=0.0, epochs=4, minibatches=4, learning_rate=2e-3, critic_learning_rate=2e-3, anneal=True)


@dataclass(frozen=True, kw_only=True)
class OnPolicy(Common):
    """MAPPO.

    Attributes
    ----------
    spread
        Standard deviation of what devices say at the start; not in the paper.
    ppo
        PPO's.
    """

    transitions: Count = 12_000
    episodes: Count = 64
    spread: Positive = 0.4
    ppo: Settings = _PPO


PAPER = OffPolicy(
    transitions=20_000,  # 2000 episodes; their length is not in the paper
    episodes=4,  # not in the paper: an update after every four transitions
    interface="text",
    reward="paper",
    warmup=1_000,  # not in the paper
    head_start=0,
    batch=256,  # not in the paper
    capacity=100_000,  # not in the paper
    updates=1,
    discount=0.95,  # not in the paper
    cost_discount=0.9,  # below the other; its value is not in the paper
    target_rate=0.005,  # not in the paper
    learning_rate=1e-3,
    critic_learning_rate=1e-3,
    anneal=False,
    gradient_norm=1.0,
    critic_gradient_norm=0.0,
    noise=0.1,  # not in the paper
    final_noise=0.1,  # not in the paper
    policy_delay=2,  # not in the paper, nor the next two: those of TD3
    target_noise=0.2,
    target_noise_clip=0.5,
    matching_floor=1e-8,  # not in the paper
    validations=16,
)
CONSTRAINT_AWARE = replace(PAPER, replay="constraint-aware")

ABLATIONS = {
    "fixed-penalty": replace(CONSTRAINT_AWARE, multiplier=0.5, multiplier_step=0.0),  # figure 13
    "separate-critics": replace(CONSTRAINT_AWARE, heads="separate"),  # figure 16
    "multi-output": replace(CONSTRAINT_AWARE, heads="multi-output"),
    "uniform-replay": PAPER,  # figure 17
    "reward-replay": replace(PAPER, replay="reward"),
    "multiplier-10": replace(CONSTRAINT_AWARE, multiplier_most=10.0),  # not in the paper: a cost that can outweigh the reward
}
"""CPO-MADDPG of the text with one thing changed each."""


def _tuned(replay: Prioritised) -> dict[str, OffPolicy]:
    """What was tuned: for plenty, and for scarce batteries, where what is spent now is missed to the end."""
    default = OffPolicy(replay=replay)
    return {"default": default, "farsighted": replace(default, discount=0.98, cost_discount=0.9, transitions=8_000, validations=12)}


PRESETS = {
    "cpo-maddpg": {**_tuned("constraint-aware"), "paper": CONSTRAINT_AWARE, **ABLATIONS},
    **{name: {**_tuned("uniform"), "paper": PAPER} for name in ("maddpg", "lmaddpg", "matd3")},
}
"""Of the agents that learn from replay."""

MAPPO_PRESETS = {
    "default": OnPolicy(),
    "farsighted": replace(OnPolicy(), transitions=36_000, validations=16, ppo=replace(_PPO, discount=0.98, trace=0.95)),
    "paper": OnPolicy(
        transitions=20_000,
        episodes=10,  # not in the paper
        interface="text",
        reward="paper",
        validations=16,
        spread=0.5,  # not in the paper, nor anything of PPO but the learning rate
        ppo=Settings(
            discount=0.95, trace=0.95, clip=0.2, epochs=10, minibatches=4, entropy=0.0, learning_rate=1e-3, critic_learning_rate=1e-3
        ),
    ),
}
