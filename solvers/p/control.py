"""Controllers of P in the task: a rule for the multiplier on C8 becomes a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from mecbench.problems.p.layout import ASSOCIATION, DEPLOYMENT, Layout
from mecbench.problems.p.worlds import known
from mecbench.problems.task import Observation
from mecbench.solvers.p.episode import Episode, Settled

__all__ = ["Control", "Multiplier"]


class Multiplier(Protocol):
    """How a controller sets the multiplier lambda on C8 in one episode [1/s]."""

    def of_interval(self, episode: Episode) -> float:
        """Multiplier to deploy at, before the deployment."""

    def deployed(self, episode: Episode) -> None:
        """Take note of the new deployment."""

    def of_slot(self, episode: Episode) -> float:
        """Multiplier of the slot whose requests were asked."""

    def paid(self, episode: Episode, settled: Settled) -> None:
        """Take note of what the slot took; `episode.slot` is the next one."""


class Control:
    """Episodes side by side, each under its own multiplier; what `act` of a policy delegates to.

    Parameters
    ----------
    static
        What the task gives `reset`.
    multipliers
        One per episode.
    deploy
        Deployment of an episode at a multiplier, bool, shape [I, J].
    """

    def __init__(
        self, static: dict[str, np.ndarray], multipliers: Sequence[Multiplier], deploy: Callable[[Episode, float], np.ndarray]
    ) -> None:
        self._layout = Layout.of(static)
        self._steady = "gain" in static
        self._multipliers = multipliers
        self._deploy = deploy
        self._episodes = [
            Episode(world, slots, (world.downlink_efficiency[0], world.uplink_efficiency[0]) if self._steady else None)
            for world, slots in zip(known(static), static["slots"].tolist(), strict=True)
        ]

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand in every episode."""
        phase, layout = observation["phase"][0], self._layout
        if phase == DEPLOYMENT:
            return layout.deploy(np.stack([self._placed(row) for row in range(len(self._episodes))]))
        if phase == ASSOCIATION:
            server, cut, self._bandwidth, self._compute = self._paid(observation)
            return layout.associate(server, cut)
        return layout.allocate(self._bandwidth, self._compute)

    def _placed(self, row: int) -> np.ndarray:
        """Priorities of the interval's deployment, 1 for what is deployed, shape [J, I]."""
        episode, multiplier = self._episodes[row], self._multipliers[row]
        episode.held = self._deploy(episode, multiplier.of_interval(episode))
        multiplier.deployed(episode)
        return episode.held.T.astype(np.float64)

    def _paid(self, observation: Observation) -> np.ndarray:
        """Server, cut and parts of bandwidth and compute of every user of every episode, shape [4, B, K]."""
        service, batch = self._layout.requests(observation)
        links = None if self._steady else self._layout.links(observation)
        decisions = np.zeros((4, len(self._episodes), self._layout.users))
        for row, (episode, multiplier) in enumerate(zip(self._episodes, self._multipliers, strict=True)):
            users = episode.world.users
            now = None if links is None else (links[0][row, :, :users], links[1][row, :, :users])
            episode.ask(service[row, :users], batch[row, :users], now)
            settled = episode.asked.settle(episode.held, multiplier.of_slot(episode))
            for decision, values in zip(decisions, episode.pay(settled), strict=True):
                decision[row, :users] = values
            multiplier.paid(episode, settled)
        return decisions
