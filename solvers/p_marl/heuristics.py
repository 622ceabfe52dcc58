"""Rules that look at no other device: all-local processing, Neurosurgeon, chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p_edge.system import Attachment, Options, neurosurgeon
from mecbench.problems.p_marl import Instance
from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p_marl.rules import Rule

__all__ = ["AllLocal", "Neurosurgeon", "Random", "algorithms"]


class _Plain:
    """What policies share that price nothing."""

    kind: ClassVar[Kind] = "trivial"
    sees: ClassVar[Sees] = "local"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({"coa": False})


@dataclass
class AllLocal(_Plain):
    """Devices run everything themselves (the paper's ALP)."""

    name: ClassVar[str] = "alp"

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Nothing is to be known."""

    def act(self, observation: Observation) -> np.ndarray:
        """Local, all of them."""
        return np.zeros(observation["agents"].shape[:2], dtype=np.int64)


@dataclass
class Neurosurgeon(Rule):
    """Every device takes the option that costs it least if it has the whole edge for itself, switch cost included (the paper's NSG)."""

    name: ClassVar[str] = "neurosurgeon"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "local"

    def _decide(self, world: Instance, choices: Options) -> Attachment:
        return neurosurgeon(choices, world.multiprocessors)


@dataclass
class Random(_Plain):
    """Any of the admissible actions, all as likely as each other: local, or any cut of any edge within the perception radius."""

    name: ClassVar[str] = "random"

    _random: RandomState = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Seed the draws."""
        self._random = RandomState(MT19937(SeedSequence(seed)))

    def act(self, observation: Observation) -> np.ndarray:
        """Draw an action for everybody."""
        mask = observation["mask"]
        number = np.floor(self._random.random_sample(mask.shape[:2]) * mask.sum(axis=2))
        action: np.ndarray = (mask.cumsum(axis=2) > number[..., None]).argmax(axis=2)
        return action


algorithms = (AllLocal, Neurosurgeon, Random)
