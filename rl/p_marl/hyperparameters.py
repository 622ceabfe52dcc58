"""Hyper-parameters of the family, and its presets: what the text says, and what we tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from mecbench.rl.dqn import Exploration, Settings

__all__ = ["Hyperparameters", "presets"]

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


_LEARNER = Settings(
    discount=0.7,
    learning_rate=1e-3,
    anneal=True,
    batch=512,
    replay=60_000,
    warmup=10_000,
    updates=4,
    period=1,
    rate=0.01,
    start=0.05,
    decay=0.97,
    least=0.003,
)


@dataclass(frozen=True)
class Hyperparameters:
    """What training is tuned with; the defaults were chosen on the validation split.

    Attributes
    ----------
    transitions
        Budget: decisions of devices; rounded up to whole episodes.
    worlds
        Number of train instances that episodes are drawn from.
    episodes, epochs
        Episodes side by side, and how many epochs of them are played; all if 0.
    start
        Size whose shipped checkpoint the network begins from, where it serves any size; by chance if there is none.
    network
        ``edges`` scores edge by edge, by estimated costs and what is learned beside; ``paper`` is the text's MLP, of fixed size.
    width
        Units per hidden layer.
    memory
        Weight of what is new in the running means of what others did; 1 for none.
    prior, inertia
        Advantage of an option whose estimated cost is lower by 1, and how much lower that of the edge attached to is; of ``edges`` only.
    insistence
        Even shares of an edge that a device counts on before it runs locally; of ``edges`` only.
    crowding
        How many devices each one counts as that is expected on an edge; of ``edges`` only.
    leeway
        Most that is learned of an advantage, in the unit of `prior`; anything if 0; of ``edges`` only.
    oracle
        What edges find R*_n with: the optimum, or the paper's Algorithm 1 as printed, which misses it (see docs/algorithm-1.md).
    offset, scale
        A reward -c is learned from as (offset - c) scale.
    dqn
        The learner's.
    validations, validation_instances
        Points of the learning curve, and instances of the validation split.
    """

    transitions: Count = 200_000
    worlds: Count = 256
    episodes: Count = 16
    epochs: Annotated[int, Field(ge=0)] = 0
    start: str = ""
    network: Literal["edges", "paper"] = "edges"
    width: Count = 32
    memory: Annotated[float, Field(gt=0, le=1)] = 0.1
    prior: Annotated[float, Field(ge=0)] = 10.0
    inertia: Annotated[float, Field(ge=0)] = 0.02
    insistence: Annotated[float, Field(ge=1)] = 3.0
    crowding: Positive = 1.2
    leeway: Annotated[float, Field(ge=0)] = 0.0
    oracle: Literal["exact", "algorithm-1"] = "exact"
    offset: float = 1.0
    scale: Positive = 10.0
    dqn: Settings = _LEARNER
    validations: Count = 10
    validation_instances: Count = 32


_LARGE = Hyperparameters(
    transitions=200_000,
    worlds=24,
    episodes=6,
    epochs=40,
    dqn=replace(_LEARNER, updates=6, start=0.01, learning_rate=2e-4),
    validations=4,
    validation_instances=4,
)
"""Hundreds of devices: each explores less, since a few that stray are felt by all, and hours are learned from in parts."""

_LEEWAY = 0.2  # for who sees records in hundreds: estimated costs are good then, and without it devices drift back to crowds

_PAPER = Hyperparameters(
    transitions=17_280_000,  # 300 episodes of 240 devices and 240 epochs, when epsilon has come to 0.05; not in the paper
    worlds=1_000_000,  # every episode another; not in the paper
    episodes=1,
    network="paper",
    width=256,  # not in the paper
    memory=1.0,
    prior=0.0,
    inertia=0.0,
    offset=0.0,
    scale=1.0,
    # In the paper: learning rate, discount, and epsilon's start and decay.
    dqn=Settings(
        discount=0.7, learning_rate=1e-4, batch=256, replay=100_000, warmup=1_000, updates=1, period=1_000, start=1.0, decay=0.99, least=0.0
    ),
    validations=50,
    validation_instances=4,
)


def presets(exploration: Exploration, records: bool) -> Mapping[str, Hyperparameters]:
    """Hyper-parameters by the name of a preset, for agents that explore so, and see records or not."""
    found = {"default": Hyperparameters(), "large": replace(_LARGE, leeway=_LEEWAY if records else 0.0), "paper": _PAPER}
    if exploration == "boltzmann":  # temperatures in the unit of the reward as it is learned from; not in the paper
        soft = {"default": (0.5, 0.05), "large": (0.5, 0.05), "paper": (1.0, 0.01)}
        return {
            name: replace(chosen, dqn=replace(chosen.dqn, exploration=exploration, start=soft[name][0], least=soft[name][1]))
            for name, chosen in found.items()
        }
    return found
