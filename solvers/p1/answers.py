"""Answers of P1's task by number, and what each of them costs at once.

An answer is numbered ``k (L 100 + 1) + c``: k is the place of its node among those that are offered, c = 0 stands for no block there
and ``c = 1 + 100 (j - 1) + x - 1`` for a block that ends after layer j at x per cent. The subcarrier is always the lowest free one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mecbench.problems.p1.layout import LARGEST_SHARE

__all__ = ["GIGA", "IMPOSSIBLE", "Charges", "action_of", "admissible", "values"]

GIGA = 1e9
IMPOSSIBLE = -1e9  # value of an answer that is not admissible
_SHARE = np.arange(1, LARGEST_SHARE + 1, dtype=np.float32)


class Charges:
    """What hops and blocks cost by (1) to (6), for a batch of episodes.

    Parameters
    ----------
    static
        What `Task.static` gives.

    Attributes
    ----------
    energy, time
        Weighted energy and time of a gigacycle at one per cent of each node: a block of W costs W (energy x^2 + time / x); [B, M].
    total
        Cycles up to the end of layer l = 0..L, shape [B, L + 1].
    bits
        Input and outputs of the layers, shape [B, L + 1].
    hop_weight
        Cost of a second of a hop, shape [B].
    """

    def __init__(self, static: dict[str, np.ndarray]) -> None:
        cycles = static["layer_cycles"].astype(float)
        self.total = np.concatenate((np.zeros((len(cycles), 1)), np.cumsum(cycles, axis=1)), axis=1)
        self.bits = np.concatenate((static["input_bits"][:, None], static["layer_bits"]), axis=1).astype(float)
        speed = static["frequency"] / 100.0
        self.energy = static["energy_weight"][:, None] * static["energy_coefficient"] * GIGA * speed**2
        self.time = static["delay_weight"][:, None] * GIGA / speed
        self._link, self._rate = static["link"], static["rate"]
        self.hop_weight = static["energy_weight"] * static["transmission_power"] + static["delay_weight"]

    def hop(self, node: np.ndarray, done: np.ndarray) -> np.ndarray:
        """Seconds of a hop to every node from where each episode's asked task is, infinite without a link; shape [B, M]."""
        rows = np.arange(len(node))
        seconds = self.bits[rows, done][:, None] / self._rate[rows, node]
        seconds[rows, node] = 0.0
        linked = self._link[rows, node]
        linked[rows, node] = True
        found: np.ndarray = np.where(linked, seconds, np.inf)
        return found

    def prices(self, hop: np.ndarray) -> np.ndarray:
        """Cost of the hop, 0 without a link, and energy and time as above; shape [B, M, 3]."""
        return np.stack((np.where(np.isfinite(hop), hop, 0.0) * self.hop_weight[:, None], self.energy, self.time), axis=-1)

    def work(self, done: np.ndarray) -> np.ndarray:
        """Gigacycles from layers done up to the end of each layer, 0 before; shape [B, L]."""
        left: np.ndarray = np.maximum(self.total[:, 1:] - self.total[np.arange(len(done)), done][:, None], 0.0) / GIGA
        return left


def admissible(array: Any, mask: Any) -> Any:
    """Whether each answer is admissible, bool, shape [B, K, L 100 + 1].

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    mask
        The task's, at the nodes that are offered; shape [B, K, L + 2].
    """
    share = array.arange(1, LARGEST_SHARE + 1, dtype=mask.dtype)
    least, most = mask[..., 1:-1, None], mask[..., -1:, None]
    blocks = (least > 0) & (share >= least) & (share <= most)
    return array.concatenate((mask[..., :1] > 0, blocks.reshape(*mask.shape[:2], -1)), -1)


def values(array: Any, mask: Any, prices: Any, work: Any, future: Any) -> Any:
    """Minus what every answer costs at once and what follows, `IMPOSSIBLE` where it is not admissible; shape [B, K, L 100 + 1].

    Parameters
    ----------
    array, mask
        As of `admissible`.
    prices
        Of `Charges.prices`, and what a per cent of the node is worth to others; shape [B, K, 4].
    work
        Of `Charges.work`, shape [B, L].
    future
        What follows once the task stands after l layers at each node, shape [B, K, L + 1]; first, where it stands without a block.
    """
    if array is np:
        from mecbench.solvers.p1 import answers_compiled

        return answers_compiled.values(mask, prices, work, future, IMPOSSIBLE)
    share = array.from_numpy(_SHARE)
    least, most = mask[..., 1:-1, None], mask[..., -1:, None]
    allowed = (least > 0) & (share >= least) & (share <= most)  # [B, K, L, 100]
    each = prices[..., 1:2] * share**2 + prices[..., 2:3] / share  # [B, K, 100], of a gigacycle
    ended = -prices[..., :1] - future
    blocks = ended[..., 1:, None] - work[:, None, :, None] * each[:, :, None] - (prices[..., 3:] * share)[:, :, None]
    idle = array.where(mask[..., :1] > 0, ended[..., :1], IMPOSSIBLE)
    return array.concatenate((idle, array.where(allowed, blocks, IMPOSSIBLE).reshape(*mask.shape[:2], -1)), -1)


def action_of(answer: np.ndarray, offered: np.ndarray, layers: int) -> np.ndarray:
    """Actions of the task, int64, shape [B, 4].

    Parameters
    ----------
    answer
        Numbers of answers, shape [B].
    offered
        Nodes in the order of their places, shape [B, K].
    layers
        L.
    """
    place, column = np.divmod(answer, layers * LARGEST_SHARE + 1)
    end, share = np.divmod(column - 1, LARGEST_SHARE)
    runs, node = column > 0, offered[np.arange(len(answer)), place]
    return np.stack((node, np.where(runs, end + 1, 0), np.where(runs, share + 1, 0), np.zeros_like(node)), axis=-1).astype(np.int64)
