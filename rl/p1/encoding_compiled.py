"""What the networks see of every answer, compiled: nodes that are offered, the edges to them and what they cost.

Numba compiles on first use and keeps the result on disk. Everything is computed in double precision and kept in single.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import NODE_FEATURES, SHARED_FEATURES, TASK_FEATURES

__all__ = ["Known", "Shown", "count_offered", "describe"]

_RATE = 4e7  # unit of rates [bit/s]
_UNLINKED = 1.0  # time that stands for no link [s]; links take less by far
_FREE = NODE_FEATURES.index("free")
_ACTIVE, _DUE, _NODE, _DONE, _SLOTS_LEFT, _SECONDS_LEFT = (
    TASK_FEATURES.index(name) for name in ("active", "due", "node", "layers_done", "slots_left", "seconds_left")
)
_SLOT, _FREE_HOPS = SHARED_FEATURES.index("slot"), SHARED_FEATURES.index("free_hops")


class Known(NamedTuple):
    """What stays as it is throughout B episodes; M nodes, L layers.

    Attributes
    ----------
    window
        K.
    link, rate
        Between nodes, bool and [bit/s], shape [B, M, M].
    bits, total
        What is sent after l layers [bit], and the work up to there [gigacycle], shape [B, L + 1].
    energy, time, best
        Weighted energy and time of a gigacycle at one per cent, and the share at which it costs least, shape [B, M].
    hop_weight, penalty, deadline
        Cost of a second of a hop, of a lost task, and seconds that a task has; shape [B].
    slots, arrivals
        H, int64, and tasks to be expected in a slot; shape [B].
    """

    window: int
    link: np.ndarray
    rate: np.ndarray
    bits: np.ndarray
    total: np.ndarray
    energy: np.ndarray
    time: np.ndarray
    best: np.ndarray
    hop_weight: np.ndarray
    penalty: np.ndarray
    deadline: np.ndarray
    slots: np.ndarray
    arrivals: np.ndarray


class Shown(NamedTuple):
    """What is seen of an answer, as `Encoder.see` names it; written by `describe`."""

    offered: np.ndarray
    edges: np.ndarray
    context: np.ndarray
    mask: np.ndarray
    prices: np.ndarray
    work: np.ndarray
    future: np.ndarray


@njit(cache=True, error_model="numpy")
def _is_open(mask: np.ndarray) -> bool:
    """Whether anything is admissible at a node, of its row of the mask."""
    found = False
    for column in range(mask.size - 1):
        found |= mask[column] > 0
    return found


@njit(cache=True, error_model="numpy")
def count_offered(mask: np.ndarray) -> int:
    """Largest number of nodes of an episode at which anything is admissible, at least 1; `mask` is the task's."""
    most = 1
    for b in range(mask.shape[0]):
        number = 0
        for m in range(mask.shape[1]):
            number += _is_open(mask[b, m])
        most = max(most, number)
    return most


@njit(cache=True, error_model="numpy")
def describe(
    known: Known,
    asked: np.ndarray,
    mask: np.ndarray,
    nodes: np.ndarray,
    agents: np.ndarray,
    shared: np.ndarray,
    toll: np.ndarray,
    future: np.ndarray,
    shown: Shown,
) -> None:
    """Write what is seen of every episode's answer; edges and context as wide as they are to be.

    Parameters
    ----------
    known
        Of the episodes.
    asked, mask, nodes, agents, shared
        Of the observation.
    toll, future
        Of `Estimate.look`.
    shown
        With room for as many nodes as `count_offered` says.
    """
    layers = known.bits.shape[1] - 1
    for b in range(asked.size):
        own = agents[b, asked[b]]
        node, done = int(own[_NODE]), int(own[_DONE])
        for j in range(layers):
            shown.work[b, j] = max(known.total[b, j + 1] - known.total[b, done], 0.0)
        place = 0
        for closed in range(2):
            for m in range(known.link.shape[1]):
                if place < shown.offered.shape[1] and _is_open(mask[b, m]) != bool(closed):
                    _describe_node(known, b, m, place, node, done, mask, nodes, shared, toll, shown)
                    shown.offered[b, place] = m
                    for column in range(layers + 2):
                        shown.mask[b, place, column] = mask[b, m, column]
                    for j in range(layers + 1):
                        shown.future[b, place, j] = future[b, m, j]
                    place += 1
        if shown.context.shape[1]:
            _describe_state(known, b, own, agents[b], shared[b], nodes[b, SERVER, _FREE], shown.context[b])


@njit(cache=True, error_model="numpy")
def _describe_node(
    known: Known,
    b: int,
    m: int,
    place: int,
    node: int,
    done: int,
    mask: np.ndarray,
    nodes: np.ndarray,
    shared: np.ndarray,
    toll: np.ndarray,
    shown: Shown,
) -> None:
    """Write edge and prices of a node."""
    layers = known.bits.shape[1] - 1
    stays, bits = m == node, known.bits[b, done]
    linked = stays or known.link[b, node, m]
    hop = 0.0 if stays else bits / known.rate[b, node, m] if linked else _UNLINKED
    hop_cost = hop * known.hop_weight[b] if linked else 0.0
    energy, time = known.energy[b, m], known.time[b, m]
    edge, prices = shown.edges[b, place], shown.prices[b, place]
    prices[0], prices[1], prices[2], prices[3] = hop_cost, energy, time, toll[b, m]
    edge[0] = stays
    edge[1] = linked
    edge[2] = known.rate[b, node, m] / _RATE if linked and not stays else 0.0
    edge[3] = 10.0 * hop
    edge[4] = nodes[b, m, _FREE]
    edge[5] = shared[b, _FREE_HOPS]
    if edge.size == 6:
        return
    # What it would cost to finish here, and how far the result would be from the server.
    least, most, penalty = float(mask[b, m, layers]), float(mask[b, m, layers + 1]), known.penalty[b]
    finishing = penalty
    if least > 0.0:
        rest = known.total[b, layers] - known.total[b, done]
        share = min(max(known.best[b, m], max(least, 1.0)), max(most, 1.0))
        finishing = min(hop_cost + rest * (energy * share**2 + time / share), penalty)
    reaches = m == SERVER or known.link[b, m, SERVER]
    onward = 0.0 if m == SERVER else bits / known.rate[b, m, SERVER] if reaches else _UNLINKED
    edge[6] = mask[b, m, 0] > 0
    edge[7] = least > 0.0
    edge[8] = least / 100.0
    edge[9] = np.log1p(10.0 * finishing) / 4.0
    edge[10] = reaches
    edge[11] = 10.0 * onward
    edge[12] = m == SERVER


@njit(cache=True, error_model="numpy")
def _describe_state(
    known: Known, b: int, own: np.ndarray, agents: np.ndarray, shared: np.ndarray, free: float, context: np.ndarray
) -> None:
    """Write where the asked task is, how many others there are or are to be expected, what of server and hops is left for each."""
    layers = known.bits.shape[1] - 1
    number, waiting, late = 0, 0, 0
    for q in range(agents.shape[0]):
        if agents[q, _ACTIVE] > 0:
            if agents[q, _DUE] > 0:
                number += 1
                late += agents[q, _SLOTS_LEFT] <= 1
            else:
                waiting += 1
    slot, slots, free_hops = shared[_SLOT], known.slots[b], shared[_FREE_HOPS]
    expected = known.arrivals[b] * max(slots - known.window - slot, 0.0)
    later = max(slots - 1.0 - slot, 0.0)
    each = max(number, 1)
    everybody = each + waiting + expected
    context[0] = own[_SLOTS_LEFT] / known.window
    context[1] = own[_SLOTS_LEFT] <= 1
    context[2] = own[_DONE] / layers
    context[3] = max(known.total[b, layers] - known.total[b, int(own[_DONE])], 0.0)
    context[4] = own[_SECONDS_LEFT] / known.deadline[b]
    context[5] = later / slots
    context[6] = np.log1p(number)
    context[7] = np.log1p(waiting)
    context[8] = np.log1p(late)
    context[9] = np.log1p(expected)
    context[10] = min((free + later) / everybody, 1.0)
    context[11] = min(free / each, 1.0)
    context[12] = min(free_hops / each, 1.0)
    context[13] = min((free_hops + later) / everybody, 1.0)
