"""Transitions: their replay memory, and their temporal-difference errors by any network, with what is common computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState

from mecbench.rl.p1 import graph
from mecbench.rl.p1.network import Network
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
    graphs
        Blocks of the slots' graphs: those of the n states, then those of states after in which a new slot has begun.
    after_graph
        Graph of each state after, shape [n].
    seen, after
        What concerns the answers, before and after.
    offers
        Of the states after, see `Network.offers`.
    answer, reward, factor
        The answer, what it and those up to the state after earned, and the discount of what follows, 0 after an end; shape [n].
    """

    network: Network
    graphs: dict[str, Any]
    after_graph: Tensor
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
        after_graph = torch.where(changed, number + changed.cumsum(0) - 1, torch.arange(number))
        both = packing.unpack(torch, torch.cat((rows[0], rows[1])))
        of_graphs = torch.cat((torch.arange(number), number + changed.nonzero()[:, 0]))
        seen, after = ({name: part[half] for name, part in both.items()} for half in (slice(0, number), slice(number, None)))
        return cls(
            network=network,
            graphs=graph.blocks(torch, {name: part[of_graphs] for name, part in both.items()}, network.detail),
            after_graph=after_graph,
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

        own = {name: block[: len(self.answer)] for name, block in self.graphs.items()}
        embedded = graph.convolve(torch, weights, own, self.network.norm, batch)
        return self.network.value_of(torch, weights, embedded, self.seen, self.answer)

    def goals(self, weights: Weights, batch: dict[str, Any] | None = None) -> Tensor:
        """What the values should be by a target network: r + gamma max Q' (17), shape [n]."""
        import torch

        used = {name: block[self.after_graph] for name, block in self.graphs.items()}
        embedded = graph.convolve(torch, weights, used, self.network.norm, batch)
        return self._goals(weights, embedded)

    def errors(self, weights: Weights, batch: dict[str, Any] | None = None) -> Tensor:
        """Temporal-difference errors of a network that is its own target, shape [n]."""
        import torch

        nodes, tasks = graph.convolve(torch, weights, self.graphs, self.network.norm, batch)
        number, after = len(self.answer), self.after_graph
        values = self.network.value_of(torch, weights, (nodes[:number], tasks[:number]), self.seen, self.answer)
        return self._goals(weights, (nodes[after], tasks[after])) - values

    def _goals(self, weights: Weights, embedded: Any) -> Tensor:
        import torch

        best = self.network.values(torch, weights, embedded, self.after, self.offers).flatten(1).amax(1)
        return self.reward + torch.where(self.factor > 0, self.factor * best, 0.0)
