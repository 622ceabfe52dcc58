"""Transitions: their replay memory, and their temporal-difference errors by any network, with what is common computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState

from mecbench.rl.p1 import graph
from mecbench.rl.p1.encoding import GRAPH
from mecbench.rl.p1.graph import Graph
from mecbench.rl.p1.network import Embedded, Network
from mecbench.rl.p1.packing import Packing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Memory", "Transitions", "over_steps"]

Weights = Mapping[str, Any]


def over_steps(rewards: np.ndarray, lengths: np.ndarray, steps: int, discount: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewards of every answer and the n - 1 after it, which step comes then, and the discount of what follows, 0 after an end.

    Parameters
    ----------
    rewards
        Of T steps of B episodes, 0 after their ends; shape [T, B].
    lengths
        Steps of each episode, shape [B].
    steps
        n.
    discount
        gamma.

    Returns
    -------
    tuple
        Shape [T, B] each.
    """
    total = len(rewards)
    returns = np.zeros(rewards.shape, dtype=np.float64)
    for ahead in range(min(steps, total)):
        returns[: total - ahead] += discount**ahead * rewards[ahead:]
    begin = np.arange(total)[:, None]
    end = np.minimum(begin + steps, lengths)
    return returns, end, np.where(end < lengths, float(discount) ** (end - begin), 0.0)


class Memory:
    """A ring of transitions.

    Parameters
    ----------
    size
        Of the ring.
    features
        Numbers of a row.
    """

    def __init__(self, size: int, features: int) -> None:
        self._rows = np.zeros((2, size, features), dtype=np.float32)
        self._answer = np.zeros(size, dtype=np.int64)
        self._gain = np.zeros((2, size), dtype=np.float32)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._answer.size)

    def add(self, seen: np.ndarray, answer: np.ndarray, reward: np.ndarray, after: np.ndarray, factor: np.ndarray) -> int:
        """Keep the transitions of rows that are not over, in the place of the oldest; how many they are.

        Parameters
        ----------
        seen, after
            Packed rows, shape [n, F].
        answer, reward, factor
            As in `Transitions`, shape [n].
        """
        alive = np.flatnonzero(seen.any(axis=1))
        place = (self._count + np.arange(alive.size)) % self._answer.size
        self._rows[0, place], self._rows[1, place] = seen[alive], after[alive]
        self._answer[place] = answer[alive]
        self._gain[0, place], self._gain[1, place] = reward[alive], factor[alive]
        self._count += alive.size
        return alive.size

    def sample(self, random: RandomState, number: int, network: Network, packing: Packing) -> Transitions:
        """Draw transitions, each alone."""
        import torch

        drawn = random.randint(len(self), size=number)
        rows = torch.from_numpy(self._rows[:, drawn])
        reward, factor = torch.from_numpy(self._gain[:, drawn])
        return Transitions.of(network, packing, rows, torch.from_numpy(self._answer[drawn]), reward, factor)

    def state_dict(self) -> dict[str, Any]:
        """What is kept."""
        held = len(self)
        return {"rows": self._rows[:, :held], "answer": self._answer[:held], "gain": self._gain[:, :held], "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Keep what another kept."""
        held = len(state["answer"])
        self._rows[:, :held], self._answer[:held], self._gain[:, :held] = state["rows"], state["answer"], state["gain"]
        self._count = state["count"]


@dataclass(frozen=True)
class Transitions:
    """A batch of n transitions, ready for any weights; PyTorch tensors.

    Attributes
    ----------
    network
        What the weights are for.
    slots
        Of what is seen, what concerns the slots: of the n states, then of those after; shape [2n, ...].
    changed
        Whether a new slot has begun in the state after, shape [n].
    seen, after
        What concerns the answers, before and after.
    offers
        Of the states after, see `Network.offers`.
    answer, reward, factor
        The answer, what it and those up to the state after earned, and the discount of what follows, 0 after an end; shape [n].
    """

    network: Network
    slots: dict[str, Any]
    changed: Tensor
    seen: dict[str, Any]
    after: dict[str, Any]
    offers: Tensor
    answer: Tensor
    reward: Tensor
    factor: Tensor

    @classmethod
    def of(cls, network: Network, packing: Packing, rows: Tensor, answer: Tensor, reward: Tensor, factor: Tensor) -> Transitions:
        """Unpack transitions, whose packed rows before and after have the shape [2, n, F]."""
        import torch

        number = rows.shape[1]
        changed = (rows[0, :, packing.graph] != rows[1, :, packing.graph]).any(1) & (factor > 0)
        both = packing.unpack(torch, torch.cat((rows[0], rows[1])))
        seen, after = ({name: part[half] for name, part in both.items()} for half in (slice(0, number), slice(number, None)))
        return cls(
            network=network,
            slots={name: both[name] for name in GRAPH},
            changed=changed,
            seen=seen,
            after=after,
            offers=network.offers(torch, after),
            answer=answer,
            reward=reward,
            factor=factor,
        )

    def values(self, weights: Weights, batch: dict[str, Any] | None = None) -> Tensor:
        """Q of the answers taken, shape [n]; `batch` as of `graph.convolve`."""
        import torch

        embedded = self.network.embed(torch, weights, self._before, self.seen["asked"], batch)
        return self.network.value_of(torch, weights, embedded, self.seen, self.answer)

    def goals(self, weights: Weights, batch: dict[str, Any] | None = None) -> Tensor:
        """What the values should be by a target network: r + gamma max Q' (17), shape [n]."""
        import torch

        return self._goals(weights, self.network.embed(torch, weights, self._then, self.after["asked"], batch))

    def errors(self, weights: Weights, batch: dict[str, Any] | None = None) -> Tensor:
        """Temporal-difference errors of a network that is its own target, shape [n]; no slot is convolved twice."""
        import torch

        graphs = self._distinct
        nodes, rows = graph.convolve(torch, weights, graphs, self.network.norm, batch)
        number = torch.arange(len(self.answer))
        slot = torch.where(self.changed, len(number) + self.changed.cumsum(0) - 1, number)
        before, then = (
            Embedded(nodes, rows[graphs.place[each, seen["asked"]]], each) for each, seen in ((number, self.seen), (slot, self.after))
        )
        return self._goals(weights, then) - self.network.value_of(torch, weights, before, self.seen, self.answer)

    @cached_property
    def _before(self) -> Graph:
        """Graphs of the n states."""
        return self._graphs(slice(0, len(self.answer)))

    @cached_property
    def _then(self) -> Graph:
        """Graphs of the n states after."""
        import torch

        number = torch.arange(len(self.answer))
        return self._graphs(torch.where(self.changed, len(number) + number, number))

    @cached_property
    def _distinct(self) -> Graph:
        """Graphs of the n states, then those of states after in which a new slot has begun."""
        import torch

        number = len(self.answer)
        return self._graphs(torch.cat((torch.arange(number), number + self.changed.nonzero()[:, 0])))

    def _graphs(self, rows: Any) -> Graph:
        import torch

        return self.network.graphs(torch, {name: part[rows] for name, part in self.slots.items()})

    def _goals(self, weights: Weights, embedded: Embedded) -> Tensor:
        import torch

        best = self.network.values(torch, weights, embedded, self.after, self.offers).flatten(1).amax(1)
        return self.reward + torch.where(self.factor > 0, self.factor * best, 0.0)
