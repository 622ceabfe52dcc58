"""The value networks: graph convolutions, then for every node a head that values all blocks that the asked task may run there.

Answers are numbered as in `solvers.p1.answers`; values do not depend on the subcarrier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from mecbench.problems.p1.layout import LARGEST_SHARE
from mecbench.rl.dqn import dueling
from mecbench.rl.p1 import graph
from mecbench.rl.p1.encoding import Shows, features
from mecbench.rl.p1.graph import Detail, Graph, Norm
from mecbench.solvers.p1.answers import IMPOSSIBLE, admissible, values

__all__ = ["Base", "Embedded", "Head", "Network"]

Head = Literal["table", "smooth"]
"""Of every node and end of the block a value for each share, or one curve over the shares, both beside the value of the state."""

Base = Literal["nothing", "cost", "outlook"]
"""What values begin with: 0, what the answer itself costs, or also an estimate in closed form of what follows (`Encoder`)."""

POWERS = 4  # of the curve over the shares
_IMPOSSIBLE = np.float32(IMPOSSIBLE)
_SHARE = np.arange(1, LARGEST_SHARE + 1, dtype=np.float32)
_CURVE = ((_SHARE / LARGEST_SHARE) ** np.arange(POWERS)[:, None]).astype(np.float32)  # [POWERS, 100]


class Embedded(NamedTuple):
    """What the convolutions make of B rows, of which some may share a graph.

    Attributes
    ----------
    nodes
        Features of the nodes of G graphs, shape [G, M, F].
    task
        Features of the asked task of each row, shape [B, F].
    graph
        Graph of each row, shape [B].
    """

    nodes: Any
    task: Any
    graph: Any


@dataclass(frozen=True)
class Network:
    """A value network.

    Attributes
    ----------
    layers
        L.
    widths
        Features after each convolution.
    head_widths
        Units of the head's hidden layers.
    detail
        Whether all layers of the tasks are vertices of the graph, or one for each task.
    norm
        What follows each convolution.
    head
        Of every node and end a value for each share, exactly what (12) asks for, or a cubic curve over the shares beside the state's value.
    base
        What values begin with, so that only the rest is learned.
    dueling
        Whether it is the value of the state plus the advantage of the answer over the mean of what is admissible.
    shows
        What edges and context tell.
    unit
        Of curves: the smaller, the more of what all answers have in common is learned by the value of the state, not answer by answer.
    """

    layers: int
    widths: tuple[int, ...]
    head_widths: tuple[int, ...]
    detail: Detail
    norm: Norm
    head: Head
    base: Base
    dueling: bool
    shows: Shows
    unit: float

    @property
    def columns(self) -> int:
        """Answers at a node: L 100 + 1."""
        return self.layers * LARGEST_SHARE + 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that are learned, by name."""
        edges, context = features(self.shows)
        width, first = self.widths[-1], self.head_widths[0]
        outputs = 1 + self.layers * (LARGEST_SHARE if self.head == "table" else POWERS)
        found = graph.shapes(self.widths, self.norm)
        found |= {"head_task": (width, first), "head_node": (width, first), "head_edge": (edges, first), "head_bias_0": (first,)}
        if context:
            found["head_context"] = (context, first)
        sizes = (*self.head_widths, outputs)
        for turn in range(1, len(sizes)):
            found |= {f"head_weight_{turn}": (sizes[turn - 1], sizes[turn]), f"head_bias_{turn}": (sizes[turn],)}
        if self.dueling or self.head == "smooth":
            found |= {"value_weight_0": (2 * width + context, first), "value_bias_0": (first,)}
            found |= {"value_weight_1": (first, 1), "value_bias_1": (1,)}
        return found

    def gains(self) -> dict[str, float]:
        """Factors of the initial weights: where values begin with something, this is all at first."""
        return {} if self.base == "nothing" else {f"head_weight_{len(self.head_widths)}": 0.0, "value_weight_1": 0.0}

    def statistics(self) -> dict[str, tuple[int, ...]]:
        """Shapes of what batch normalisation knows of earlier batches."""
        return graph.statistics(self.widths, self.norm)

    def graphs(self, array: Any, seen: Mapping[str, Any]) -> Graph:
        """Graphs of all rows, as `graph.convolve` takes them."""
        return graph.union(array, seen, self.detail, len(self.widths))

    def embed(self, array: Any, weights: Mapping[str, Any], graphs: Graph, asked: Any, batch: dict[str, Any] | None = None) -> Embedded:
        """Convolve the graph of every row, of which one task is asked; `batch` as of `graph.convolve`."""
        nodes, rows = graph.convolve(array, weights, graphs, self.norm, batch)
        number = array.arange(len(asked))
        return Embedded(nodes, rows[graphs.place[number, asked]], number)

    @staticmethod
    def each_row(individuals: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Weights of several networks for `values`, each of which serves one row."""
        stacked = {name: np.stack([weights[name] for weights in individuals]) for name in individuals[0]}
        return {name: weights if weights.ndim == 3 else weights[:, None] for name, weights in stacked.items()}

    def values(self, array: Any, weights: Mapping[str, Any], embedded: Embedded, seen: Mapping[str, Any], offers: Any) -> Any:
        """Values of all answers, a large negative number where one is not admissible, shape [B, K, L 100 + 1].

        Parameters
        ----------
        array, weights
            The module, and its arrays by name; as of `each_row` where every row has a network of its own.
        embedded
            Of every row.
        seen
            What `Encoder.see` gives.
        offers
            Of `offers`.
        """
        nodes, task, row = embedded
        learned = self._head(array, weights, nodes[row[:, None], seen["offered"]], task, seen)
        if "value_bias_1" in weights:
            value = self._state_value(array, weights, nodes.mean(1)[row], task, seen)
            if self.dueling:
                allowed, shape = admissible(array, seen["mask"]), learned.shape
                learned = dueling(array, value[:, 0], learned.reshape(shape[0], -1), allowed.reshape(shape[0], -1)).reshape(shape)
            else:
                learned = learned + value
        return learned + offers

    def value_of(self, array: Any, weights: Mapping[str, Any], embedded: Embedded, seen: Mapping[str, Any], answer: Any) -> Any:
        """Value of one admissible answer of each row, shape [B]; without dueling the head is evaluated at its node alone."""
        rows = array.arange(len(answer))
        place, column = answer // self.columns, answer % self.columns
        if self.dueling:
            return self.values(array, weights, embedded, seen, self.offers(array, seen))[rows, place, column]
        narrow = dict(seen) | {name: seen[name][rows, place][:, None] for name in ("offered", "edges", "mask", "prices", "future")}
        return self.values(array, weights, embedded, narrow, self.offers(array, narrow))[rows, 0, column]

    def offers(self, array: Any, seen: Mapping[str, Any]) -> Any:
        """What values begin with whatever the weights, shape [B, K, L 100 + 1]: 0, or minus what is known of the cost of an answer.

        A large negative number where an answer is not admissible.
        """
        if self.base == "nothing":
            return ~admissible(array, seen["mask"]) * _IMPOSSIBLE
        return values(array, seen["mask"], seen["prices"], seen["work"], seen["future"])

    def _head(self, array: Any, weights: Mapping[str, Any], nodes: Any, task: Any, seen: Mapping[str, Any]) -> Any:
        shared = task[:, None] @ weights["head_task"] + weights["head_bias_0"]
        if self.shows == "extended":
            shared = shared + seen["context"][:, None] @ weights["head_context"]
        hidden = shared + nodes @ weights["head_node"] + seen["edges"] @ weights["head_edge"]
        for turn in range(1, len(self.head_widths) + 1):
            hidden = array.clip(hidden, 0, None) @ weights[f"head_weight_{turn}"] + weights[f"head_bias_{turn}"]
        if self.head == "table":
            return hidden
        curve = _CURVE if array is np else array.from_numpy(_CURVE)
        coefficients = hidden[..., 1:].reshape(*hidden.shape[:2], self.layers, POWERS)
        coefficients, hidden = self.unit * coefficients, self.unit * hidden
        return array.concatenate((hidden[..., :1], (coefficients @ curve).reshape(*hidden.shape[:2], -1)), -1)

    @staticmethod
    def _state_value(array: Any, weights: Mapping[str, Any], mean: Any, task: Any, seen: Mapping[str, Any]) -> Any:
        """Value of the state, shape [B, 1, 1], from the task, the mean of all nodes, and the context."""
        told = array.concatenate((task, mean, seen["context"]), -1)[:, None]
        hidden = told @ weights["value_weight_0"] + weights["value_bias_0"]
        return array.clip(hidden, 0, None) @ weights["value_weight_1"] + weights["value_bias_1"]
