"""What the rules share: they price every option of every device by what is observed, and decide epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p_edge.system import Attachment, Options
from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.layout import Layout
from mecbench.problems.p_marl.options import options_at
from mecbench.problems.p_marl.worlds import known
from mecbench.problems.task import Observation

__all__ = ["Rule"]


@dataclass
class Rule:
    """A policy that decides for all devices of one episode at a time, and sees every edge however far."""

    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({"coa": False, "perception": np.inf})

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is random."""
        self._worlds = known(static)
        self._layout = Layout.of(self._worlds[0], records=False)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the epoch at hand."""
        agents = observation["agents"]
        action = np.zeros(agents.shape[:2], dtype=np.int64)
        for row, world in enumerate(self._worlds):
            seen = agents[row, : world.devices]
            before = seen[:, self._layout.previous]
            previous = np.where(before.any(axis=1), before.argmax(axis=1), -1)
            latency, energy = world.local_at(seen[:, self._layout.battery])
            choices = options_at(world, world.bandwidth * seen[:, self._layout.efficiency], latency, energy, previous)
            action[row, : world.devices] = self._layout.encode(*self._decide(world, choices))
        return action

    def _decide(self, world: Instance, choices: Options) -> Attachment:
        """Decisions of all devices of an episode."""
        raise NotImplementedError
