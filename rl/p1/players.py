"""Value networks at work in NumPy: a graph is convolved once per slot, then every answer is the best admissible one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mecbench.rl.p1 import graph
from mecbench.rl.p1.encoding import GRAPH
from mecbench.rl.p1.network import Embedded, Network

__all__ = ["Player", "Players", "rows_of"]


class Player:
    """One network that answers for a batch of episodes.

    Parameters
    ----------
    network
        What it is.
    weights
        Arrays by name, with the statistics of batch normalisation if there is any.
    """

    def __init__(self, network: Network, weights: Mapping[str, np.ndarray]) -> None:
        self._network, self._weights = network, weights
        self._nodes = self._tasks = np.zeros((0, 0, 0), dtype=np.float32)

    def values(self, seen: Mapping[str, np.ndarray]) -> np.ndarray:
        """Values of all answers, a large negative number where one is not admissible; float32, shape [B, K (L 100 + 1)].

        Parameters
        ----------
        seen
            What `Encoder.see` gives, observation after observation of the same episodes.
        """
        network = self._network
        if seen["fresh"].any():
            self._embed(seen, np.flatnonzero(seen["fresh"]))
        rows = np.arange(len(seen["asked"]))
        embedded = Embedded(self._nodes, self._tasks[rows, seen["asked"]], rows)
        values: np.ndarray = network.values(np, self._weights, embedded, seen, network.offers(np, seen))
        return values.reshape(len(values), -1)

    def answer(self, seen: Mapping[str, np.ndarray]) -> np.ndarray:
        """Best admissible answer of every row, int64, shape [B]; 0 where an episode is over."""
        return self.values(seen).argmax(axis=1)

    def _embed(self, seen: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
        """Convolve the graphs of some rows."""
        width = max(1, int(seen["tasks"][rows, :, 0].sum(axis=1).max()))
        part = {name: seen[name][rows] for name in GRAPH}
        part |= {name: part[name][:, :width] for name in ("tasks", "places")}
        nodes, tasks = self._convolve(part, rows)
        count, whole = seen["tasks"].shape[:2]
        if self._tasks.shape[:2] != (count, whole):
            held, self._tasks = self._tasks, np.zeros((count, whole, tasks.shape[2]), dtype=np.float32)
            if held.size:
                self._tasks[:, : held.shape[1]] = held
        if len(self._nodes) != count:
            self._nodes = np.zeros((count, *nodes.shape[1:]), dtype=np.float32)
        self._nodes[rows], self._tasks[rows, :width] = nodes, tasks

    def _convolve(self, part: Mapping[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of nodes [n, M, F] and tasks [n, W, F] of the graphs of n rows."""
        return _convolved(self._network, self._weights, part)


class Players(Player):
    """Several networks, each of which answers for one episode.

    Parameters
    ----------
    network
        What they are.
    individuals
        Arrays of each by name.
    """

    def __init__(self, network: Network, individuals: Sequence[Mapping[str, np.ndarray]]) -> None:
        super().__init__(network, network.each_row(individuals))
        self._individuals = individuals

    def _convolve(self, part: Mapping[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As of `Player`, each by its own network."""
        found = [
            _convolved(self._network, self._individuals[row], rows_of(part, slice(place, place + 1))) for place, row in enumerate(rows)
        ]
        nodes, tasks = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return nodes, tasks


def _convolved(network: Network, weights: Mapping[str, np.ndarray], part: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    graphs = network.graphs(np, part)
    nodes, ends = graph.convolve(np, weights, graphs, network.norm)
    return nodes, ends[graphs.place]


def rows_of(seen: Mapping[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    """Part of what is seen."""
    return {name: values[rows] for name, values in seen.items()}
