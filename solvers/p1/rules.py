"""What the paper's heuristics share: they answer for one task after the other, by what they saw when the slot began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p1 import Instance, physics
from mecbench.problems.p1.layout import ASKED, SHARED_FEATURES, TASK_FEATURES, Layout
from mecbench.problems.p1.worlds import known
from mecbench.problems.task import Observation

__all__ = ["IDLE", "Answer", "Rule", "Seen", "cheapest_share"]

Answer = tuple[int, int, int]
"""Node, layers done after the block or 0 for none, share; the subcarrier is the lowest free one."""

IDLE = None


@dataclass(frozen=True, eq=False)
class Seen:
    """One episode as it is observed; W tasks so far, M nodes, L layers.

    Attributes
    ----------
    slot, asked
        The slot, and the number of the task that is asked.
    active
        Whether a task is active, bool, shape [W].
    source, node, layers_done, slots_left
        Of the active tasks, int64, shape [W].
    seconds_left
        What the deadline leaves of them [s], shape [W].
    availability
        Of the nodes in this slot and, with forecast, the next K - 1 [%], int64, shape [M, 1 or K].
    mask
        As `Layout` says, int64, shape [M, L + 2].
    """

    slot: int
    asked: int
    active: np.ndarray
    source: np.ndarray
    node: np.ndarray
    layers_done: np.ndarray
    slots_left: np.ndarray
    seconds_left: np.ndarray
    availability: np.ndarray
    mask: np.ndarray


class Rule:
    """A policy that answers for one task of one episode at a time."""

    forecast: ClassVar[bool] = False

    _layout: Layout
    _worlds: list[Instance]

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        self._layout = Layout.of(static, self.forecast)
        self._worlds = known(static)
        self._slots = [-1] * batch

    def act(self, observation: Observation) -> np.ndarray:
        """Answer for the asked task of every episode."""
        action = self._layout.empty(observation)
        availability = self._layout.availability(observation)
        for row in np.flatnonzero(observation["phase"] == ASKED).tolist():
            seen = self._see(observation, availability[row], row)
            if seen.slot != self._slots[row]:
                self._slots[row] = seen.slot
                self._begin(row, seen)
            if answer := self._answer(row, seen):
                action[row, :3] = answer
        return action

    def _see(self, observation: Observation, availability: np.ndarray, row: int) -> Seen:
        tasks = observation["agents"][row].astype(np.int64)
        columns = {name: tasks[:, TASK_FEATURES.index(name)] for name in ("source", "node", "layers_done", "slots_left")}
        return Seen(
            slot=int(observation["shared"][row, SHARED_FEATURES.index("slot")]),
            asked=int(observation["asked"][row]),
            active=tasks[:, TASK_FEATURES.index("active")] > 0,
            **columns,
            seconds_left=observation["agents"][row, :, TASK_FEATURES.index("seconds_left")],
            availability=availability,
            mask=observation["mask"][row].astype(np.int64),
        )

    def _new(self, seen: Seen) -> np.ndarray:
        """Whether each task is active and released in this slot, bool, shape [W]."""
        new: np.ndarray = seen.active & (seen.slots_left == self._layout.window)
        return new

    def _begin(self, row: int, seen: Seen) -> None:
        """Take note of a slot that begins."""

    def _answer(self, row: int, seen: Seen) -> Answer | None:
        """Answer for the asked task; `IDLE` for no hop and no block."""
        raise NotImplementedError


def cheapest_share(instance: Instance, node: int, least: int, most: int) -> int:
    """Share in least..most at which a node runs any block at least cost, the smallest of equal ones; 0 if there is none.

    Parameters
    ----------
    instance
        What is known.
    node
        Where.
    least, most
        Shares that are admissible [%]; a `least` of 0 says that none is.
    """
    if not 0 < least <= most:
        return 0
    share = np.arange(least, most + 1)
    cycles = instance.block_cycles[0, -1:]  # the best share is the same for every block
    rate = physics.computing_rate(instance.frequency[node], share)
    energy = physics.computation_energy(instance.energy_coefficient[node], cycles, rate)
    cost = physics.cost(instance.energy_weight, energy, instance.delay_weight, physics.computation_time(cycles, rate))
    return int(share[cost.argmin()])
