"""CPO-MADDPG and its rivals as policies in NumPy, from the checkpoints that ship with the package or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mecbench.problems.cmg.instance import Instance
from mecbench.problems.task import Observation
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.cmg.acting import Actors
from mecbench.rl.cmg.hyperparameters import MAPPO_PRESETS, PRESETS, Common, Variant
from mecbench.rl.cmg.networks import network
from mecbench.rl.policies import LearnedPolicy
from mecbench.solvers.outcome import Sees

if TYPE_CHECKING:
    from mecbench.rl.training import Run

__all__ = ["CPOMADDPG", "LMADDPG", "MADDPG", "MAPPO", "MATD3", "algorithms"]

TINY = 1e-9  # in place of a harvest of nothing, whose logarithm is compared


@dataclass
class _Learned(LearnedPolicy):
    """What the agents share.

    Parameters
    ----------
    checkpoint
        File of another checkpoint, as ``mecbench train`` leaves it.
    strict
        Whether the task turns into the fallback what exceeds the energy limit, so that solutions are feasible.
    """

    problem: ClassVar[str] = "cmg"
    scale: ClassVar[tuple[str, ...]] = ("devices", "mean_harvest")
    sees: ClassVar[Sees] = "local"

    strict: bool = False

    task_options: dict[str, Any] = field(init=False, repr=False, compare=False)
    _actors: Actors = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = {self._chosen(loaded).interface for loaded in self._available}
        self.task_options = {"paper_obs": kinds == {"text"}, "strict": self.strict}

    def header_for(self, instance: Instance) -> dict[str, Any]:
        """Of the checkpoint that is run on an instance; empty if there is none."""
        return self._fitting(instance.devices, instance.mean_harvest).header if self._available else {}

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Choose the checkpoint by the size of the instances."""
        devices, chunks = int(static["devices"].max()), int(static["chunks"][0])
        loaded = self._fitting(devices, float(static["mean_harvest"].mean()))
        made = network(self._chosen(loaded), static["most_power"].shape[1], chunks)
        self.expect_shapes(loaded, made.shapes(), devices, float(static["mean_harvest"].mean()))
        self._actors = Actors(made, loaded.weights)
        self._actors.reset(static)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the slot at hand."""
        return self._actors.act(observation)

    def _fitting(self, devices: int, mean_harvest: float) -> Checkpoint:
        return self.fitting(devices, max(mean_harvest, TINY))

    @classmethod
    def _chosen(cls, loaded: Checkpoint) -> Common:
        chosen: Common = cls.hyperparameters_of(loaded)
        return chosen


@dataclass
class _FromReplay(_Learned):
    """What those share that learn from replay."""

    variant: ClassVar[Variant]

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh episodes; see `Trainable`."""
        from mecbench.rl.cmg.learning import learn_from_replay

        return learn_from_replay(f"{cls.problem}/{cls.name}", cls.variant, run)


@dataclass
class CPOMADDPG(_FromReplay):
    """The paper's agent: critics of reward and cost on one trunk, gradients of both matched, replay that heeds both."""

    name: ClassVar[str] = "cpo-maddpg"
    variant: ClassVar[Variant] = Variant(penalty="channel")
    presets: ClassVar[Mapping[str, Common]] = PRESETS["cpo-maddpg"]


@dataclass
class MADDPG(_FromReplay):
    """Reward alone, uniform replay."""

    name: ClassVar[str] = "maddpg"
    variant: ClassVar[Variant] = Variant()
    presets: ClassVar[Mapping[str, Common]] = PRESETS["maddpg"]


@dataclass
class LMADDPG(_FromReplay):
    """MADDPG whose reward pays lambda for every joule above the limit."""

    name: ClassVar[str] = "lmaddpg"
    variant: ClassVar[Variant] = Variant(penalty="reward")
    presets: ClassVar[Mapping[str, Common]] = PRESETS["lmaddpg"]


@dataclass
class MATD3(_FromReplay):
    """MADDPG with twin critics, delayed actors and smoothed targets."""

    name: ClassVar[str] = "matd3"
    variant: ClassVar[Variant] = Variant(twins=2)
    presets: ClassVar[Mapping[str, Common]] = PRESETS["matd3"]


@dataclass
class MAPPO(_Learned):
    """PPO with normal actions and a critic that sees all devices."""

    name: ClassVar[str] = "mappo"
    presets: ClassVar[Mapping[str, Common]] = MAPPO_PRESETS

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh episodes; see `Trainable`."""
        from mecbench.rl.cmg.learning import learn_on_policy

        return learn_on_policy(f"{cls.problem}/{cls.name}", run)


algorithms = (CPOMADDPG, MADDPG, LMADDPG, MATD3, MAPPO)
