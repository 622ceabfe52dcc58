"""The value networks: graph convolutions, then for every node a head that values all blocks that the asked task may run there.

An answer is numbered ``k (L 100 + 1) + c``: k is the place of its node among those that are offered, c = 0 stands for no block there
and ``c = 1 + 100 (j - 1) + x - 1`` for a block that ends after layer j at x per cent. Values do not depend on the subcarrier, which is
always the lowest free one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mecbench.problems.p1.layout import LARGEST_SHARE
from mecbench.rl.dqn import dueling
from mecbench.rl.mlp import IMPOSSIBLE
from mecbench.rl.p1 import graph
from mecbench.rl.p1.encoding import Shows, features
from mecbench.rl.p1.graph import Detail, Norm

__all__ = ["Base", "Head", "Network", "action_of"]

Head = Literal["table", "smooth"]
"""Of every node and end of the block a value for each share, or one curve over the shares, both beside the value of the state."""

Base = Literal["nothing", "cost", "outlook"]
"""What values begin with: 0, what the answer itself costs, or also an estimate in closed form of what follows (`Encoder`)."""

DEVIATION = 0.002  # unit of curves, so that what all answers have in common is learned by the value of the state, not answer by answer
POWERS = 4  # of the curve over the shares
_SHARE = np.arange(1, LARGEST_SHARE + 1, dtype=np.float32)
_CURVE = ((_SHARE / LARGEST_SHARE) ** np.arange(POWERS)[:, None]).astype(np.float32)  # [POWERS, 100]


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

    def embed(self, array: Any, weights: Mapping[str, Any], seen: Mapping[str, Any]) -> tuple[Any, Any]:
        """Features of the nodes [B, M, F] and tasks [B, W, F] of the graph of every row."""
        embedded: tuple[Any, Any] = graph.convolve(array, weights, graph.blocks(array, seen, self.detail), self.norm)
        return embedded

    def values(self, array: Any, weights: Mapping[str, Any], embedded: tuple[Any, Any], seen: Mapping[str, Any], offers: Any) -> Any:
        """Values of all answers, a large negative number where one is not admissible, shape [B, K, L 100 + 1].

        Parameters
        ----------
        array, weights
            The module, and its arrays by name.
        embedded
            Features of nodes and tasks, as of `embed`.
        seen
            What `Encoder.see` gives.
        offers
            Of `offers`.
        """
        nodes, tasks = embedded
        rows = array.arange(len(seen["asked"]))
        task = tasks[rows, seen["asked"]]
        learned = self._head(array, weights, nodes[rows[:, None], seen["offered"]], task, seen)
        if "value_bias_1" in weights:
            value = self._state_value(array, weights, nodes, task, seen)
            if self.dueling:
                allowed, shape = self.admissible(array, seen["mask"]), learned.shape
                learned = dueling(array, value, learned.reshape(shape[0], -1), allowed.reshape(shape[0], -1)).reshape(shape)
            else:
                learned = learned + value[:, None]
        return learned + offers

    def value_of(self, array: Any, weights: Mapping[str, Any], embedded: tuple[Any, Any], seen: Mapping[str, Any], answer: Any) -> Any:
        """Value of one admissible answer of each row, shape [B]; without dueling the head is evaluated at its node alone."""
        rows = array.arange(len(answer))
        place, column = answer // self.columns, answer % self.columns
        if self.dueling:
            return self.values(array, weights, embedded, seen, self.offers(array, seen))[rows, place, column]
        narrow = dict(seen) | {name: seen[name][rows, place][:, None] for name in ("offered", "edges", "mask", "prices", "future")}
        return self.values(array, weights, embedded, narrow, self.offers(array, narrow))[rows, 0, column]

    def admissible(self, array: Any, mask: Any) -> Any:
        """Whether each answer is admissible, bool, shape [B, K, L 100 + 1]; `mask` is the task's."""
        share = array.arange(1, LARGEST_SHARE + 1)
        least, most = mask[..., 1:-1, None], mask[..., -1:, None]
        blocks = (least > 0) & (share >= least) & (share <= most)
        return array.concatenate((mask[..., :1] > 0, blocks.reshape(*mask.shape[:2], -1)), -1)

    def offers(self, array: Any, seen: Mapping[str, Any]) -> Any:
        """What values begin with whatever the weights, shape [B, K, L 100 + 1]: 0, or minus what is known of the cost of an answer.

        A large negative number where an answer is not admissible.
        """
        mask, prices = seen["mask"], seen["prices"]
        share = _SHARE if array is np else array.from_numpy(_SHARE)
        least, most = mask[..., 1:-1, None], mask[..., -1:, None]
        allowed = (least > 0) & (share >= least) & (share <= most)  # [B, K, L, 100]
        idle = 0.0 * prices[..., :1]
        blocks = idle[..., None]
        if self.base != "nothing":
            each = prices[..., 1:2] * share**2 + prices[..., 2:3] / share  # [B, K, 100], of a gigacycle
            ended = -prices[..., :1] - seen["future"]
            idle = ended[..., :1]
            blocks = ended[..., 1:, None] - seen["work"][:, None, :, None] * each[:, :, None] - (prices[..., 3:] * share)[:, :, None]
        idle = array.where(mask[..., :1] > 0, idle, IMPOSSIBLE)
        return array.concatenate((idle, array.where(allowed, blocks, IMPOSSIBLE).reshape(*mask.shape[:2], -1)), -1)

    def _head(self, array: Any, weights: Mapping[str, Any], nodes: Any, task: Any, seen: Mapping[str, Any]) -> Any:
        shared = task @ weights["head_task"] + weights["head_bias_0"]
        if self.shows == "extended":
            shared = shared + seen["context"] @ weights["head_context"]
        hidden = shared[:, None] + nodes @ weights["head_node"] + seen["edges"] @ weights["head_edge"]
        for turn in range(1, len(self.head_widths) + 1):
            hidden = array.clip(hidden, 0, None) @ weights[f"head_weight_{turn}"] + weights[f"head_bias_{turn}"]
        if self.head == "table":
            return hidden
        curve = _CURVE if array is np else array.from_numpy(_CURVE)
        coefficients = hidden[..., 1:].reshape(*hidden.shape[:2], self.layers, POWERS)
        coefficients, hidden = DEVIATION * coefficients, DEVIATION * hidden
        return array.concatenate((hidden[..., :1], (coefficients @ curve).reshape(*hidden.shape[:2], -1)), -1)

    @staticmethod
    def _state_value(array: Any, weights: Mapping[str, Any], nodes: Any, task: Any, seen: Mapping[str, Any]) -> Any:
        """Value of the state, shape [B, 1], from the task, the mean of all nodes, and the context."""
        told = array.concatenate((task, nodes.mean(1), seen["context"]), -1)
        hidden = told @ weights["value_weight_0"] + weights["value_bias_0"]
        return array.clip(hidden, 0, None) @ weights["value_weight_1"] + weights["value_bias_1"]


def action_of(answer: np.ndarray, offered: np.ndarray, layers: int) -> np.ndarray:
    """Actions of the task, int64, shape [B, 4].

    Parameters
    ----------
    answer
        Numbers of answers, shape [B].
    offered
        Of `Encoder.see`.
    layers
        L.
    """
    place, column = np.divmod(answer, layers * LARGEST_SHARE + 1)
    end, share = np.divmod(column - 1, LARGEST_SHARE)
    runs, node = column > 0, offered[np.arange(len(answer)), place]
    return np.stack((node, np.where(runs, end + 1, 0), np.where(runs, share + 1, 0), np.zeros_like(node)), axis=-1).astype(np.int64)
