"""CERL, DDQN and D2QN as policies in NumPy, from the checkpoints that ship with the package or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mecbench.problems.p1.layout import Layout
from mecbench.problems.task import Observation
from mecbench.rl.p1.encoding import Encoder
from mecbench.rl.p1.hyperparameters import CERL_PRESETS, D2QN_PRESETS, DDQN_PRESETS
from mecbench.rl.p1.players import Player
from mecbench.rl.policies import LearnedPolicy
from mecbench.solvers.outcome import Sees
from mecbench.solvers.p1.answers import action_of

if TYPE_CHECKING:
    from mecbench.rl.checkpoints import Checkpoint
    from mecbench.rl.training import Run

__all__ = ["CERL", "D2QN", "DDQN", "algorithms"]


@dataclass
class _Agent(LearnedPolicy):
    """What the agents share: each answers by its value network; networks serve any number of devices."""

    dueling: ClassVar[bool]
    problem: ClassVar[str] = "p1"
    sees: ClassVar[Sees] = "central"
    scale: ClassVar[tuple[str, ...]] = ("devices",)

    _encoder: Encoder = field(init=False, repr=False, compare=False)
    _player: Player = field(init=False, repr=False, compare=False)
    _layers: int = field(init=False, repr=False, compare=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Choose the checkpoint by the number of devices; nothing is random."""
        layout = Layout.of(static)
        devices = layout.nodes - 1
        loaded = self.fitting(devices)
        chosen = self.hyperparameters_of(loaded).network
        network = chosen.network(layout, self.dueling)
        self.expect_shapes(loaded, network.shapes() | network.statistics(), devices)
        self._encoder = Encoder(static, layout, chosen.shows, network.base == "outlook")
        self._player, self._layers = Player(network, loaded.weights), layout.layers

    def act(self, observation: Observation) -> np.ndarray:
        """Answer for the asked task of every episode."""
        seen = self._encoder.see(observation)
        return action_of(self._player.answer(seen), seen["offered"], self._layers)


@dataclass
class CERL(_Agent):
    """The paper's agent: a population of value networks under the cross-entropy method, and one that gradients train among them."""

    name: ClassVar[str] = "cerl"
    dueling: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, Any]] = CERL_PRESETS

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh instances; see `Trainable`."""
        from mecbench.rl.p1.learning import evolve

        return evolve(f"{cls.problem}/{cls.name}", run)


@dataclass
class DDQN(_Agent):
    """Double deep Q-network with random answers now and then."""

    name: ClassVar[str] = "ddqn"
    dueling: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, Any]] = DDQN_PRESETS

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh instances; see `Trainable`."""
        from mecbench.rl.p1.learning import train

        return train(f"{cls.problem}/{cls.name}", cls.dueling, run)


@dataclass
class D2QN(DDQN):
    """Dueling double deep Q-network that explores by noise on its parameters, as strong as suits its decisions."""

    name: ClassVar[str] = "d2qn"
    dueling: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Any]] = D2QN_PRESETS


algorithms = (CERL, DDQN, D2QN)
