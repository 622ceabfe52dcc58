"""HC-MAPPO-L and its ablations as policies in NumPy, from the checkpoints that ship with the package or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p.layout import ASSOCIATION, DEPLOYMENT, Layout
from mecbench.problems.task import Observation
from mecbench.rl import mlp
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.p.allocation import SPREAD, shares
from mecbench.rl.p.deployment import priority, unroll
from mecbench.rl.p.hyperparameters import PRESETS, Hyperparameters
from mecbench.rl.p.networks import LAYERS, Networks, Variant, networks
from mecbench.rl.policies import LearnedPolicy, flat, layers_of
from mecbench.solvers.outcome import Sees
from mecbench.solvers.p.heuristics import Lru

if TYPE_CHECKING:
    from mecbench.rl.training import Run

__all__ = ["HCIPPOL", "HCMAPPOL", "HIPPO", "HMAPPO", "Actors", "HeuristicMAPPOL", "algorithms"]

Weights = Mapping[str, Mapping[str, np.ndarray]]
"""Arrays by layer and name."""


class Actors:
    """The actors of an agent at work on a batch of episodes.

    Parameters
    ----------
    made
        Networks for the layout of these episodes.
    weights
        Of the layers that are learned.
    static
        What `Task.static` gives.
    random
        What choices are drawn with; the most probable ones are taken if there is none.
    """

    def __init__(self, made: Networks, weights: Weights, static: dict[str, np.ndarray], random: RandomState | None) -> None:
        self._made, self._weights, self._static, self._random = made, weights, static, random
        self._layout: Layout = made.allocation.layout
        self._worlds = made.users.prepare(static)
        self._rules = Lru()
        self._rules.reset(static, len(static["users"]), 0)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        phase = observation["phase"][0]
        if phase == ASSOCIATION:
            return self._associate(observation)
        if "allocation" not in self._weights:
            return self._rules.act(observation)
        return self._deploy(observation) if phase == DEPLOYMENT else self._allocate(observation)

    def _deploy(self, observation: Observation) -> np.ndarray:
        network = self._made.deployment
        seen = network.encode(self._static, observation)
        chosen = unroll(np, network, self._weights["deployment"], seen, lambda step, logs: self._choice(logs))
        return self._layout.deploy(priority(chosen.order))

    def _associate(self, observation: Observation) -> np.ndarray:
        network = self._made.users
        seen = network.encode(self._worlds, observation)
        heads = network.heads(np, self._weights["users"], seen)
        choices = [self._choice(np.where(mask, logits, mlp.IMPOSSIBLE)) for logits, mask in heads]
        return self._layout.associate(*network.decode(np.stack(choices, axis=-1)))

    def _allocate(self, observation: Observation) -> np.ndarray:
        network = self._made.allocation
        seen = network.encode(observation)
        scores = network.scores(np, self._weights["allocation"], seen)
        if self._random is not None:
            scores = scores + np.exp(self._weights["allocation"][SPREAD]) * self._random.standard_normal(scores.shape)
        return self._layout.allocate(*shares(scores, seen["group"]))

    def _choice(self, logits: np.ndarray) -> np.ndarray:
        if self._random is None:
            return logits.argmax(axis=-1)
        return (logits + self._random.gumbel(size=logits.shape)).argmax(axis=-1)


@dataclass
class _Agent(LearnedPolicy):
    """What the agents share.

    Parameters
    ----------
    sampled
        Draw every choice as training did, instead of the most probable one.
    """

    variant: ClassVar[Variant]
    problem: ClassVar[str] = "p"
    sees: ClassVar[Sees] = "local"
    version: ClassVar[int | str] = 2
    scale: ClassVar[tuple[str, ...]] = ("servers", "services")
    presets: ClassVar[Mapping[str, Hyperparameters]] = PRESETS

    sampled: bool = False

    task_options: dict[str, Any] = field(init=False, repr=False, compare=False)
    _actors: Actors = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        shows = {self.hyperparameters_of(loaded).observation for loaded in self._available}
        self.task_options = {"shows": shows.pop() if len(shows) == 1 else "extended"}

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Choose the checkpoint by the size of the instances, and seed the draws."""
        layout = Layout.of(static, self.task_options["shows"])
        sizes = layout.servers, layout.services
        loaded = self.fitting(*sizes)
        made = networks(layout, self.hyperparameters_of(loaded), self.variant)
        layers = LAYERS if self.variant.resources else ("users",)
        self.expect_shapes(loaded, flat({layer: getattr(made, layer).shapes() for layer in layers}), *sizes)
        random = RandomState(MT19937(SeedSequence(seed))) if self.sampled else None
        self._actors = Actors(made, layers_of(loaded.weights), static, random)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        return self._actors.act(observation)

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh traces of train worlds; see `Trainable`."""
        from mecbench.rl.p.learning import learn

        return learn(f"{cls.problem}/{cls.name}", cls.variant, run)


@dataclass
class HCMAPPOL(_Agent):
    """The paper's agent: learned deployment and allocation, users with central value and cost critics and a multiplier."""

    name: ClassVar[str] = "hc-mappo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=True)


@dataclass
class HMAPPO(_Agent):
    """Without the multiplier: users learn from their reward alone."""

    name: ClassVar[str] = "h-mappo"
    variant: ClassVar[Variant] = Variant(constrained=False, central=True)


@dataclass
class HCIPPOL(_Agent):
    """Without central critics: each sees what its own agent sees."""

    name: ClassVar[str] = "hc-ippo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=False)


@dataclass
class HIPPO(_Agent):
    """Without central critics and without the multiplier."""

    name: ClassVar[str] = "h-ippo"
    variant: ClassVar[Variant] = Variant(constrained=False, central=False)


@dataclass
class HeuristicMAPPOL(_Agent):
    """Users as in HC-MAPPO-L over LRU deployment and equal shares."""

    name: ClassVar[str] = "heuristic-mappo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=True, resources=False)
    # LRU leaves so many requests without their service that the others must be fast, which takes a higher price of delay.
    presets: ClassVar[Mapping[str, Hyperparameters]] = {
        **PRESETS,
        "default": replace(PRESETS["default"], multiplier=10.0, multiplier_step=0.1),
        "transfer": replace(PRESETS["transfer"], multiplier=25.0, multiplier_step=0.1),
    }


algorithms = (HCMAPPOL, HMAPPO, HCIPPOL, HIPPO, HeuristicMAPPOL)
