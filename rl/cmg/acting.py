"""The actors at work on a batch of episodes, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mecbench.problems.task import Observation
from mecbench.rl.cmg.networks import Network

__all__ = ["Actors"]


class Actors:
    """Devices that say what their network says to what they see.

    Parameters
    ----------
    made
        The network, for at least as many devices as there are.
    weights
        Its weights by name.
    """

    def __init__(self, made: Network, weights: Mapping[str, np.ndarray]) -> None:
        self._network, self._weights = made, weights

    def reset(self, static: dict[str, np.ndarray]) -> None:
        """Learn the worlds."""
        self._network.interface.reset(static)

    def act(self, observation: Observation) -> np.ndarray:
        """Action of the slot at hand, shape [B, A, 5 K]."""
        through = self._network.interface
        return through.decide(observation, self._network.say(np, self._weights, through.encode(observation)))
