"""Replay of the family: uniform, or prioritised by reward and cost errors alike (CA-PER, section 4.2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import RandomState

from mecbench.rl.sum_tree import SumTree

__all__ = ["Batch", "Prioritised", "Replay", "importance_weights", "priorities"]

Prioritised = Literal["constraint-aware", "reward", "uniform"]


class Batch(NamedTuple):
    """Transitions that were drawn.

    Attributes
    ----------
    places
        Where they stand in the buffer, shape [n].
    observation, next_observation
        What the devices saw before and after, shape [n, A, ...]; after the end of an episode anything.
    action
        What they said, shape [n, A, M].
    reward, cost
        Of each device, shape [n, A].
    terminated
        Whether the episode ended, 0 or 1, shape [n].
    weight
        Importance weight, at most 1, shape [n].
    """

    places: np.ndarray
    observation: np.ndarray
    next_observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    cost: np.ndarray
    terminated: np.ndarray
    weight: np.ndarray


def priorities(errors: np.ndarray, exponent: float, floor: float, deviation_floor: float) -> np.ndarray:
    """Priorities of the transitions of a batch, (52) and (53), shape [n].

    Parameters
    ----------
    errors
        Temporal-difference errors of each channel, shape [channels, n]: reward and cost, or reward alone.
    exponent, floor
        alpha and epsilon of (53).
    deviation_floor
        delta of (52).
    """
    centred = errors - errors.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=1, keepdims=True))
    normalised = centred / (deviation + deviation_floor)
    return (np.abs(normalised).sum(axis=0) + floor) ** exponent


def importance_weights(probability: np.ndarray, size: int, exponent: float) -> np.ndarray:
    """Importance weights of a batch (55), the largest 1, shape [n].

    Parameters
    ----------
    probability
        P(i) of (54) of each transition, shape [n].
    size
        N, number of transitions in the buffer.
    exponent
        beta_t.
    """
    weight = (size * probability) ** -exponent
    return weight / weight.max()


class Replay:
    """The last transitions of several episodes that are stepped side by side.

    An observation stands once, beside the transition that it begins: the one after it is that of the same episode a step later. So the
    places that come next are not drawn; they hold what was seen last.

    Parameters
    ----------
    capacity
        Most transitions; rounded down to whole steps of all episodes.
    shape
        Of what all devices see, [A, ...].
    actions
        M.
    episodes
        Number of episodes side by side.
    prioritised
        ``"constraint-aware"`` is CA-PER, ``"reward"`` heeds errors of reward only, ``"uniform"`` none.
    exponent, floor, deviation_floor
        See `priorities`.
    random
        What is drawn with.
    """

    def __init__(
        self,
        capacity: int,
        shape: tuple[int, ...],
        actions: int,
        episodes: int,
        *,
        prioritised: Prioritised,
        exponent: float,
        floor: float,
        deviation_floor: float,
        random: RandomState,
    ) -> None:
        rows = (capacity // episodes + 1) * episodes
        self._episodes, self._prioritised = episodes, prioritised
        self._exponent, self._floor, self._deviation_floor = exponent, floor, deviation_floor
        self._held = {
            "observation": np.zeros((rows, *shape), dtype=np.float32),
            "action": np.zeros((rows, shape[0], actions), dtype=np.float32),
            "reward": np.zeros((rows, shape[0]), dtype=np.float32),
            "cost": np.zeros((rows, shape[0]), dtype=np.float32),
            "terminated": np.zeros(rows, dtype=np.float32),
        }
        self._tree = SumTree(rows)
        self._most = 1.0
        self._next = 0
        self.size = 0
        self.random = random

    def add(
        self,
        observation: np.ndarray,
        next_observation: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        cost: np.ndarray,
        terminated: np.ndarray,
    ) -> None:
        """Keep a step of all episodes, with the largest priority so far: nothing is known of its errors."""
        rows = len(self._held["reward"])
        places = self._next + np.arange(self._episodes)
        values = (observation, action.reshape(self._held["action"][places].shape), reward, cost, terminated)
        for held, value in zip(self._held.values(), values, strict=True):
            held[places] = value
        self._next = (self._next + self._episodes) % rows
        self._held["observation"][self._next + np.arange(self._episodes)] = next_observation
        self.size = min(self.size + self._episodes, rows - self._episodes)
        if self._prioritised != "uniform":
            self._tree[places] = self._most
            self._tree[self._next + np.arange(self._episodes)] = 0.0

    def draw(self, number: int, importance: float) -> Batch:
        """Draw transitions, uniformly or by priority; `importance` is beta_t of (55)."""
        rows = len(self._held["reward"])
        if self._prioritised == "uniform":
            places = (self._next - 1 - self.random.randint(self.size, size=number)) % rows
            weight = np.ones(number)
        else:
            places = self._tree.draw(number, self.random)
            weight = importance_weights(self._tree[places] / self._tree.total, self.size, importance)
        return Batch(
            places=places,
            observation=self._held["observation"][places],
            next_observation=self._held["observation"][(places + self._episodes) % rows],
            action=self._held["action"][places],
            reward=self._held["reward"][places],
            cost=self._held["cost"][places],
            terminated=self._held["terminated"][places],
            weight=weight.astype(np.float32),
        )

    def learned(self, places: np.ndarray, errors: np.ndarray) -> None:
        """Take note of the errors of transitions that were drawn, of reward and, where there is one, of cost; shape [channels, n]."""
        if self._prioritised == "uniform":
            return
        heeded = errors[:1] if self._prioritised == "reward" else errors
        found = priorities(heeded.astype(np.float64), self._exponent, self._floor, self._deviation_floor)
        self._most = max(self._most, float(found.max()))
        self._tree[places] = found

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next draw depends on, without the places that were never used."""
        used = self.size + self._episodes
        return {
            "held": {name: array[:used] for name, array in self._held.items()},
            "priorities": self._tree[np.arange(used)],
            "most": self._most,
            "next": self._next,
            "size": self.size,
            "random": self.random,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another buffer of the same shape was."""
        for name, array in state["held"].items():
            self._held[name][: len(array)] = array
        self._tree[np.arange(len(state["priorities"]))] = state["priorities"]
        self._most, self._next, self.size = state["most"], state["next"], state["size"]
        self.random = state["random"]
