"""Lyapunov drift-plus-penalty: a virtual queue of delay, and no model of what comes.

Source: Neely, "Stochastic Network Optimization with Application to Communication and Queueing Systems", 2010, chapters 4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p.control import Control
from mecbench.solvers.p.episode import LARGEST, LEAST, Episode, Settled, expected_deployment, least_multiplier

__all__ = ["DriftPlusPenalty", "VirtualQueue", "algorithms"]

REHEARSALS = 3  # passes over the warm-up that charge the queue
FIRST = 2.0  # multiplier at which they begin [1/s]
SLACK = 0.3  # least multiplier that the reserve is counted from: lower ones cost next to nothing [1/s]


@dataclass
class DriftPlusPenalty:
    """Every slot minimises penalty * cost + queue * delay, the queue gathering what delay exceeds its limit by.

    That is coordinate descent and the closed-form split at the multiplier queue / penalty; a deployment minimises the
    same in expectation over the estimated demand. Two things fit the method to a finite horizon. The queue starts
    with the backlog that the warm-up, rehearsed, leaves in it; else the first slots would be spent on learning the
    multiplier. And a slot may not take so much that the rest, at `reserve` times the multiplier and with bad luck,
    could not make up for it: then, as in the last slot, the multiplier is the least that leaves enough.

    The parameters were chosen on the validation instances of the seeds 10000 to 10019 of paper-50, from penalties 2 to 20,
    reserves 1.5 to 10 and margins 0 to 2; no test instance was used.

    Attributes
    ----------
    penalty
        V, weight of the cost against the drift of the queue [s^2].
    reserve
        How many times the present multiplier the last slots may need.
    margin
        Bad luck, in standard deviations of the delay that slots take.
    """

    name: ClassVar[str] = "drift-plus-penalty"
    kind: ClassVar[Kind] = "controller"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    penalty: float = 5.0
    reserve: float = 5.0
    margin: float = 2.0
    _control: Control = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is random."""
        queues = [VirtualQueue(self.penalty, self.reserve, self.margin) for _ in range(batch)]
        self._control = Control(static, queues, expected_deployment)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        return self._control.act(observation)


class VirtualQueue:
    """Queue Q <- max(0, Q + tau(t) - tau_bar) [s]; parameters as those of the policy.

    Attributes
    ----------
    backlog
        Q [s].
    """

    def __init__(self, penalty: float, reserve: float, margin: float) -> None:
        self.backlog = FIRST * penalty
        self._penalty, self._reserve, self._margin = penalty, reserve, margin
        self._mean, self._deviation = 0.0, 0.0

    @property
    def multiplier(self) -> float:
        """Q / V, within the multipliers that slots are settled at."""
        return min(max(LEAST, self.backlog / self._penalty), LARGEST)

    def of_interval(self, episode: Episode) -> float:
        """Multiplier that the queue stands for; at first, after rehearsals with everything everywhere."""
        if episode.slot == 0:
            self._charge(episode)
        return self.multiplier

    def deployed(self, episode: Episode) -> None:
        """See what slots take when they must."""
        if episode.slot == 0:
            self._charge(episode)
        delay = episode.past().settle(episode.held, min(self._reserve * max(self.multiplier, SLACK), LARGEST)).delay
        self._mean, self._deviation = float(delay.mean()), float(delay.std())

    def of_slot(self, episode: Episode) -> float:
        """Multiplier of the queue, or the least that leaves the rest enough."""
        asked, held, after = episode.asked, episode.held, episode.after
        most = episode.left - after * self._mean - np.sqrt(after) * self._margin * self._deviation
        if after and float(asked.settle(held, self.multiplier).delay[0]) <= most:
            return self.multiplier
        return least_multiplier(lambda value: float(asked.settle(held, value).delay[0]) - most)

    def paid(self, episode: Episode, settled: Settled) -> None:
        """Add what the slot's delay exceeds the limit by."""
        self._add(episode, float(settled.delay[0]))

    def _charge(self, episode: Episode) -> None:
        """Let the warm-up pass the queue."""
        for _ in range(REHEARSALS):
            for slot in range(episode.world.interval):
                settled = episode.past(slice(slot, slot + 1)).settle(episode.held, self.multiplier)
                episode.load[slot] = settled.load[0]
                self._add(episode, float(settled.delay[0]))

    def _add(self, episode: Episode, delay: float) -> None:
        world = episode.world
        self.backlog = max(0.0, self.backlog + delay / world.users - world.delay_limit)


algorithms = (DriftPlusPenalty,)
