"""FOCI, its ablations and its rivals as policies in NumPy, from the checkpoints that ship with the package or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p_marl.layout import Layout
from mecbench.problems.p_marl.worlds import known
from mecbench.problems.task import Observation
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.choices import greedy
from mecbench.rl.dqn import Network
from mecbench.rl.p_marl.hyperparameters import Hyperparameters, presets
from mecbench.rl.p_marl.method import Method
from mecbench.rl.p_marl.networks import network_of
from mecbench.rl.p_marl.sight import Sight
from mecbench.rl.policies import LearnedPolicy
from mecbench.solvers.outcome import Sees

if TYPE_CHECKING:
    from mecbench.rl.training import Run

__all__ = ["AMFQ", "COA", "FOCI", "IQL", "OFR", "Player", "algorithms"]


class Player:
    """Devices of a batch of episodes at work, each by the same network and what it sees and remembers itself.

    Parameters
    ----------
    network, weights
        Q-network.
    layout
        Of the task.
    devices
        M of each episode, shape [B].
    hyperparameters
        The agent was trained with.
    random
        What actions are drawn with from the softmax of the values, by the last temperature of training; the best ones are taken if there
        is none.
    """

    def __init__(
        self,
        network: Network,
        weights: Mapping[str, np.ndarray],
        layout: Layout,
        devices: np.ndarray,
        hyperparameters: Hyperparameters,
        random: RandomState | None = None,
    ) -> None:
        self._network, self._weights, self._random = network, weights, random
        self._temperature = hyperparameters.dqn.least
        self._sight = Sight(layout, devices, hyperparameters.memory, hyperparameters.network == "edges")

    def act(self, observation: Observation) -> np.ndarray:
        """Action of every device, shape [B, A]."""
        encoded = self._network.encode(np, self._sight.rows(observation))
        values = self._network.values(np, self._weights, encoded)
        if self._random is not None:
            values = values / self._temperature + self._random.gumbel(size=values.shape)
        action: np.ndarray = greedy(np, values, encoded.mask)
        return action.reshape(observation["agents"].shape[:2])


@dataclass
class _Agent(LearnedPolicy):
    """What the agents share."""

    method: ClassVar[Method]
    problem: ClassVar[str] = "p-marl"
    sees: ClassVar[Sees] = "local"
    scale: ClassVar[tuple[str, ...]] = ("devices", "edges", "groups")
    presets: ClassVar[Mapping[str, Hyperparameters]] = presets("epsilon", records=False)

    task_options: dict[str, Any] = field(init=False, repr=False, compare=False)
    _player: Player = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.task_options = self.method.options

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Choose the checkpoint by the size of the instances, and seed the draws where there are any."""
        world = known(static)[0]
        devices = int(static["devices"].max())
        sizes = devices, world.edges, world.groups
        loaded = self.fitting(*sizes)
        chosen, layout = self.hyperparameters_of(loaded), self.method.layout(world)
        network = network_of(layout, world, chosen)
        self.expect_shapes(loaded, network.shapes(), *sizes)
        random = RandomState(MT19937(SeedSequence(seed))) if self._draws else None
        self._player = Player(network, loaded.weights, layout, static["devices"], chosen, random)

    @property
    def _draws(self) -> bool:
        """Whether actions are drawn by chance."""
        return False

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the epoch at hand."""
        return self._player.act(observation)

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on episodes of the train split; see `Trainable`."""
        from mecbench.rl.p_marl.learning import learn

        return learn(f"{cls.problem}/{cls.name}", cls.method, run)


@dataclass
class FOCI(_Agent):
    """The paper's agent: oracle-shaping fairness rewards and competitor-aware observations."""

    name: ClassVar[str] = "foci"
    method: ClassVar[Method] = Method(ofr=True, coa=True)
    presets: ClassVar[Mapping[str, Hyperparameters]] = presets("epsilon", records=True)


@dataclass
class OFR(_Agent):
    """Oracle-shaping fairness rewards alone: devices see nothing of others."""

    name: ClassVar[str] = "ofr"
    method: ClassVar[Method] = Method(ofr=True, coa=False)


@dataclass
class COA(_Agent):
    """Competitor-aware observations alone: every device is paid its own cost."""

    name: ClassVar[str] = "coa"
    method: ClassVar[Method] = Method(ofr=False, coa=True)
    presets: ClassVar[Mapping[str, Hyperparameters]] = presets("epsilon", records=True)


@dataclass
class IQL(_Agent):
    """Independent Q-learning: own observation, own cost (Liang et al., 2019), with one network for all devices."""

    name: ClassVar[str] = "iql"
    method: ClassVar[Method] = Method(ofr=False, coa=False)


@dataclass
class AMFQ(_Agent):
    """Mean field Q-learning: own cost, the mean action of devices near by, actions drawn from the softmax (Zhang et al., 2023).

    Parameters
    ----------
    sampled
        Draw actions as at the end of training, instead of the best ones.
    """

    name: ClassVar[str] = "amfq"
    method: ClassVar[Method] = Method(ofr=False, coa=False, mean_field=True)
    presets: ClassVar[Mapping[str, Hyperparameters]] = presets("boltzmann", records=False)

    sampled: bool = False

    @property
    def _draws(self) -> bool:
        return self.sampled


algorithms = (FOCI, OFR, COA, IQL, AMFQ)
