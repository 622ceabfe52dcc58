"""Reduced costs of the arcs of P1's network: which of them a solution below a cutoff may use at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.problems.p1 import Certificate, Instance, bound
from mecbench.problems.p1.network import FAIL, MOVE, WORK, Arcs
from mecbench.problems.p1.tables import plain_prices, tables

__all__ = ["useful"]

SAFETY = 1e-9  # of the cutoff, against rounding


def useful(instance: Instance, certificate: Certificate, cutoff: float) -> Callable[[Arcs], np.ndarray]:
    """Test of the arcs of a task: whether a solution that costs no more than a cutoff may use them.

    At the prices of a certificate, a solution costs at least the certificate's bound, and more by the reduced costs of its
    plans. The least reduced cost of a plan through an arc is that of the shortest paths to it and from it, at any multiplier
    on the seconds of the task.

    Parameters
    ----------
    instance
        The instance.
    certificate
        Prices, without branches.
    cutoff
        Cost of a known solution.

    Raises
    ------
    ValueError
        If the certificate has branches, each leaf of which has prices of its own.
    """
    from mecbench.problems.p1.pricing import MULTIPLIERS, price

    if certificate.branches:
        raise ValueError(f"expected a certificate without branches, found {len(certificate.branches)}")
    share, hop = certificate.share_price[0], certificate.hop_price[0]
    known = tables(instance)
    least = price(known, plain_prices(known, share, hop)).value
    most = least + (cutoff - bound(instance, certificate)) + SAFETY * abs(cutoff)

    def test(arcs: Arcs) -> np.ndarray:
        q = int(arcs.task[0])
        slot = instance.release[q] + arcs.k
        hops = (arcs.kind == MOVE) & (arcs.node != arcs.target)
        charge = arcs.cost + share[arcs.target, slot] * arcs.share + hop[slot] * hops
        left = np.arange(arcs.kind.size)
        for multiplier in MULTIPLIERS.tolist():  # each on what the others have left
            own = arcs.subset(left)
            through = _through(instance, own, charge[left] + multiplier * own.time) - multiplier * known.deadline
            left = left[np.where(own.kind == FAIL, own.cost, through) <= most[instance.groups.of_task[q]]]
        kept = np.zeros(arcs.kind.size, dtype=bool)
        kept[left] = True
        return kept

    return test


def _through(instance: Instance, arcs: Arcs, length: np.ndarray) -> np.ndarray:
    """Length of the shortest path of a task through each arc, shape [A]; those that fail lie on none."""
    shape = (instance.window + 1, 2, instance.layers + 1, instance.nodes)  # before and after the hop of a slot
    work = (arcs.kind == WORK).astype(np.int64)
    tail = np.ravel_multi_index((arcs.k, work, arcs.done, arcs.node), shape)
    head = np.ravel_multi_index((arcs.k + work, 1 - work, arcs.end, arcs.target), shape)
    lengths = np.full((2, *shape), np.inf)  # to each state from the source, and on from it to the end
    lengths[0, 0, 0, 0, instance.source[arcs.task[0]]] = 0.0
    lengths[1, :, 0, instance.layers] = 0.0
    to, onwards = lengths.reshape(2, -1)
    stages = [np.flatnonzero((arcs.k == k) & (arcs.kind == kind)) for k in range(instance.window) for kind in (MOVE, WORK)]
    for stage in stages:
        np.minimum.at(to, head[stage], to[tail[stage]] + length[stage])
    for stage in reversed(stages):
        np.minimum.at(onwards, tail[stage], onwards[head[stage]] + length[stage])
    return to[tail] + length + onwards[head]
