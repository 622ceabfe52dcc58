"""Hyper-parameters of CERL and of the gradient-trained agents, and their presets: what the text says, and what we tuned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from mecbench.problems.p1.layout import Layout
from mecbench.rl.dqn import Settings
from mecbench.rl.p1.encoding import Shows
from mecbench.rl.p1.graph import Detail, Norm
from mecbench.rl.p1.network import Base, Head, Network

__all__ = ["CERL_PRESETS", "D2QN_PRESETS", "DDQN_PRESETS", "Evolved", "Exploration", "Shape", "Trained"]

Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(ge=0, le=1)]

Fitness = Literal["error", "return"]
"""What an individual is judged by: minus its temporal-difference error (14), or its mean return on instances that all play."""

Exploration = Literal["uniform", "softmax"]
"""How a random answer is drawn: any admissible one alike, or by the softmax of the values."""


@dataclass(frozen=True)
class Shape:
    """What a value network is made of; see `Network`."""

    widths: tuple[Count, ...] = (32, 32)
    head_widths: tuple[Count, ...] = (64, 64)
    detail: Detail = "tasks"
    norm: Norm = "layer"
    head: Head = "smooth"
    base: Base = "cost"
    shows: Shows = "extended"
    unit: Annotated[float, Field(gt=0)] = 0.2

    def network(self, layout: Layout, dueling: bool) -> Network:
        """The network for a layout of the task."""
        chosen = {name: getattr(self, name) for name in ("widths", "head_widths", "detail", "norm", "head", "base", "shows", "unit")}
        return Network(layers=layout.layers, dueling=dueling, **chosen)


TEXT = Shape(
    widths=(64, 128, 256),
    head_widths=(128,),  # not in the paper, nor is what edges show beside links, rates and what is left
    detail="layers",
    norm="batch",
    head="table",
    base="nothing",
    shows="paper",
)


@dataclass(frozen=True)
class Evolved:
    """What CERL is tuned with; the defaults were chosen on the validation split.

    Attributes
    ----------
    transitions
        Budget: answers that are learned from, elites' and the gradient-trained individual's; rounded up to generations.
    network
        Of every individual.
    discount, steps
        gamma, and answers whose rewards count before the target network's value; one in the paper.
    population, sample
        k individuals, judged by J transitions.
    fitness, instances
        What they are judged by, and on how many fresh instances by the return.
    synchronise
        H, generations between copies of individuals to their target networks; with 1 each is its own target.
    elites
        Individuals that the distribution moves to (15).
    deviation, noise
        Standard deviation of each weight at the start, the root of sigma_init, and the variance epsilon that (15) always adds.
    interacting
        Best individuals that play an episode in each generation.
    episodes
        Episodes that the gradient-trained individual plays in each.
    epsilon, epsilon_decay, epsilon_least
        Part of its answers that are random in the first generation, the factor from one to the next, and its least value.
    exploration, temperature
        How they are drawn, and at which temperature by values.
    updates, batch
        Gradient steps of a generation, and transitions of each.
    learning_rate, anneal
        alpha, of Adam; whether it falls to 0 with the budget.
    gradient_norm
        Largest norm of a gradient.
    period
        Gradient steps between copies to the target network of the gradient-trained individual.
    momentum
        Part of a batch's statistics in the running ones of batch normalisation.
    replay, warmup
        Transitions of the replay memory, and how many it holds before the first generation.
    validations, validation_instances
        Points of the learning curve, and instances of the validation split.
    correlated_instances
        Instances on which all individuals play at every point, for the rank correlation of fitness and return.
    """

    transitions: Count = 250_000
    network: Shape = field(default_factory=Shape)
    discount: Part = 1.0
    steps: Count = 10
    population: Annotated[int, Field(ge=2)] = 24
    sample: Count = 64
    fitness: Fitness = "return"
    instances: Count = 8
    synchronise: Count = 1
    elites: Count = 6
    deviation: Amount = 0.02
    noise: Amount = 4e-5
    interacting: Count = 2
    episodes: Count = 4
    epsilon: Part = 0.5
    epsilon_decay: Part = 0.95
    epsilon_least: Part = 0.1
    exploration: Exploration = "uniform"
    temperature: Annotated[float, Field(gt=0)] = 0.01
    updates: Count = 10
    batch: Count = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    anneal: bool = False
    gradient_norm: Annotated[float, Field(gt=0)] = 1.0
    period: Count = 50
    momentum: Part = 0.1
    replay: Count = 20_000
    warmup: Count = 500
    validations: Count = 10
    validation_instances: Count = 100
    correlated_instances: Count = 4


# k, J, H, elites, widths and normalisation are the paper's, all else here is not in the paper.
_PAPER = Evolved(
    transitions=400_000,  # 200 generations
    network=TEXT,
    discount=0.99,
    steps=1,
    population=50,
    sample=64,
    fitness="error",
    synchronise=1,
    elites=25,
    deviation=0.03,
    noise=1e-6,
    interacting=25,
    episodes=5,
    epsilon=1.0,
    epsilon_decay=0.97,
    epsilon_least=0.05,
    exploration="uniform",
    updates=10,
    batch=64,
    learning_rate=1e-3,
    anneal=False,
    gradient_norm=10.0,
    period=100,
    replay=20_000,
    warmup=1_000,
    validations=20,
)

# Values that begin with the outlook are as good as it is from the start. What temporal differences teach beyond it makes them worse: each
# task alone may as well wait, and all do. So gradients hardly move here, and evolution has more to judge by.
_AHEAD = Shape(base="outlook", unit=0.002)
_SLOWLY = Evolved(
    network=replace(_AHEAD, unit=0.1),
    population=16,
    elites=8,
    instances=16,
    interacting=1,
    episodes=1,
    updates=1,
    learning_rate=1e-7,
    warmup=100,
)

CERL_PRESETS = {"default": Evolved(), "outlook": _SLOWLY, "paper": _PAPER}
"""CERL's hyper-parameters by the name of a preset."""


@dataclass(frozen=True)
class Trained:
    """What DDQN and D2QN are tuned with; the defaults were chosen on the validation split.

    Attributes
    ----------
    transitions
        Budget: answers that are learned from; rounded up to whole batches of episodes.
    network
        The value network; D2QN's is dueling.
    episodes
        Episodes side by side.
    dqn
        The learner's.
    validations, validation_instances
        Points of the learning curve, and instances of the validation split.
    """

    transitions: Count = 16_000
    network: Shape = field(default_factory=Shape)
    episodes: Count = 16
    dqn: Settings = field(default_factory=Settings)
    validations: Count = 5
    validation_instances: Count = 100


_TUNED = Settings(
    discount=1.0,
    learning_rate=1e-3,
    anneal=True,
    batch=128,
    replay=20_000,
    warmup=1_000,
    every=1,
    period=100,
    gradient_norm=10.0,
    start=1.0,
    decay=0.93,
    least=0.05,
)
_SMALL = replace(_TUNED, learning_rate=1e-4, anneal=False, replay=6_000, every=5, period=50, gradient_norm=1.0, start=0.05, least=0.02)

# The paper names the agents and no more. The network is CERL's but for batch normalisation, which is there for the population.
_ALIKE = Settings(discount=0.99, learning_rate=1e-3, batch=64, replay=20_000, warmup=1_000, every=5, period=100, decay=0.97, least=0.05)
_RIVAL = Trained(transitions=400_000, network=replace(TEXT, norm="layer"), episodes=5, dqn=_ALIKE, validations=20)


def _noisy(chosen: Trained) -> Trained:
    """The same with noise on the parameters in place of random answers."""
    return replace(chosen, dqn=replace(chosen.dqn, exploration="noise", noise=0.02))


DDQN_PRESETS = {
    "default": Trained(dqn=_TUNED),
    "outlook": Trained(network=_AHEAD, dqn=_SMALL),
    "paper": _RIVAL,
}
"""DDQN's hyper-parameters by the name of a preset."""

# What D2QN does by its values changes much from one update to the next, so that it is looked at more often; it needs noise for longer.
_OFTEN = Trained(dqn=replace(_TUNED, decay=0.98), validations=16, validation_instances=60)

D2QN_PRESETS = {name: _noisy(chosen) for name, chosen in (DDQN_PRESETS | {"default": _OFTEN}).items()}
"""D2QN's hyper-parameters by the name of a preset."""
