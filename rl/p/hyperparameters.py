"""Hyper-parameters of the family, and its presets: what was tuned here, what the text says, and what the released code does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from mecbench.problems.p.layout import Shows
from mecbench.rl.ppo import Settings

__all__ = ["PRESETS", "Hyperparameters"]

Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0)]


# A decision changes little beyond what it is paid for, so nothing of what comes later is counted: less noise, the same aim.
_USERS = Settings(
    discount=0.0, trace=0.0, entropy=0.003, epochs=3, minibatches=4, learning_rate=3e-3, critic_learning_rate=3e-3, anneal=True
)
_DEPLOYMENT = replace(_USERS, entropy=0.001, epochs=6, minibatches=2, learning_rate=1e-2)
_ALLOCATION = replace(_USERS, entropy=0.0)


@dataclass(frozen=True)
class Hyperparameters:
    """What training is tuned with; the defaults were chosen on the validation split.

    Attributes
    ----------
    transitions
        Budget: decisions of users that are learned from; rounded up to whole iterations.
    protocol
        Every episode another world, or all of one world, whose seed is `world`, with fresh traces, as in the paper.
    world
        Seed of the one world.
    worlds
        Number of worlds that episodes are drawn from where they are not all of one.
    episodes, repeats
        Episodes of an iteration side by side, and how many of them share world and trace.
    start
        Size whose shipped checkpoint the actors begin from, where networks serve any size; by chance if there is none.
    sharpness
        What the scores of services and options are multiplied by at such a start: the most probable decisions stay, chance is less,
        which many users at once stand worse.
    observation
        What the task shows: (14) to (18), or channels and devices beside. The text's actors see no channel.
    network
        ``options`` scores options, services and users by features of their own; ``paper`` is the text's, of fixed size.
    reward
        ``paper``: (24), (25) and (26). ``dense``: users pay their cost (12) and, if `charge`, what they add to the cost and
        delay of others on their server; allocation pays cost and delay of its users relative to equal shares; deployment
        pays everybody's cost and delay, relative to the other repeats of its episode.
    charge
        Whether users pay for what they take from others.
    delay_weight
        Price of delay for deployment and allocation beside the multiplier, in ``dense`` rewards [1/s]; mu3 of (25).
    multiplier, multiplier_step, multiplier_most
        lambda at the start, its ascent per iteration and second of delay above the limit, and its largest value [1/s].
    margin
        Part of the delay limit that the constraint keeps free.
    urgency
        Exponent by which the multiplier counts for more in an episode that has used up more of its limit than of its slots, for less in
        one that has used up less; needs ``options``. Not in the paper.
    deployment_width, user_width, allocation_width
        Units of the GRU, of the users' layers, and of queries and keys.
    embedding
        Units of an embedding of service, size or cut; not in the paper.
    spread
        Standard deviation of the noise on the scores of allocation at the start; not in the paper.
    normalise_length
        Divide the log-ratio of a deployment by its number of services; not in the paper.
    deployment, users, allocation
        PPO's, layer by layer.
    validations, validation_instances
        Points of the learning curve, and instances of the validation split.
    """

    transitions: Count = 200_000
    protocol: Literal["cross-world", "fixed-world"] = "cross-world"
    world: Annotated[int, Field(ge=0)] = 20_000
    worlds: Count = 512
    episodes: Count = 128
    repeats: Count = 8
    start: str = ""
    sharpness: Annotated[float, Field(gt=0)] = 1.0
    observation: Shows = "extended"
    network: Literal["options", "paper"] = "options"
    reward: Literal["dense", "paper"] = "dense"
    charge: bool = True
    delay_weight: Amount = 0.1
    multiplier: Amount = 1.0
    multiplier_step: Amount = 0.02
    multiplier_most: Amount = 100.0
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.1
    urgency: Amount = 0.0
    deployment_width: Count = 32
    user_width: Count = 32
    allocation_width: Count = 16
    embedding: Count = 16
    spread: Annotated[float, Field(gt=0)] = 0.3
    normalise_length: bool = False
    deployment: Settings = _DEPLOYMENT
    users: Settings = _USERS
    allocation: Settings = _ALLOCATION
    validations: Count = 20
    validation_instances: Count = 240


_TEXT = Settings(discount=0.99, trace=0.95, clip=0.2, learning_rate=3e-4, critic_learning_rate=3e-4, epochs=3, minibatches=8, entropy=0.0)

_PAPER = Hyperparameters(
    transitions=10_000_000,  # 1000 iterations of 200 slots of 50 users
    protocol="fixed-world",
    episodes=1,
    repeats=1,
    observation="paper",
    network="paper",
    reward="paper",
    multiplier=0.01,
    multiplier_step=0.01,
    margin=0.0,
    deployment_width=256,
    user_width=256,
    allocation_width=128,
    deployment=replace(_TEXT, entropy=0.25),
    users=replace(_TEXT, entropy=0.05),
    allocation=_TEXT,
    validations=50,  # not in the paper, nor are the numbers of epochs and minibatches
    validation_instances=4,
)

_CAREFUL = replace(_USERS, entropy=0.0, learning_rate=1e-3, critic_learning_rate=3e-3)

PRESETS = {
    "default": Hyperparameters(),
    # For the paper's size: what was learned in small worlds, adapted to many users and long episodes.
    "transfer": Hyperparameters(
        transitions=200_000,
        episodes=16,
        worlds=256,
        start="small",
        sharpness=3.0,
        multiplier=5.5,
        urgency=1.0,
        deployment=replace(_CAREFUL, epochs=6, minibatches=2),
        users=_CAREFUL,
        allocation=_CAREFUL,
        validations=10,
        validation_instances=32,
    ),
    "paper": _PAPER,
    # The released code collects 100 slots per iteration, begins with another multiplier and normalises no length; its environment
    # is not published, so that whatever it does there cannot be run.
    "released": replace(_PAPER, multiplier=0.1),
}
"""Hyper-parameters by the name of a preset."""
