"""Multiprocessors of all edges at once, once everybody has decided: the edges of an epoch are P-EDGE problems side by side."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mecbench.problems.p_edge.allocation import allocate_batch, apportion

__all__ = ["Attached", "Rule", "share_edges", "share_in_time"]

Rule = Literal["maxmin", "prop", "equal"]


class Attached:
    """Devices gathered by their edges: B episodes of N edges are R = B N rows of a table as wide as the fullest edge.

    Parameters
    ----------
    edge
        u of every device, shape [B, A].
    edges
        N.

    Attributes
    ----------
    mask
        Where the table holds a device, shape [R, W].
    counts
        Devices of each edge, shape [B, N].
    """

    def __init__(self, edge: np.ndarray, edges: int) -> None:
        self._shape = edge.shape
        self._who = np.flatnonzero(edge > 0)
        key = self._who // edge.shape[1] * edges + edge.ravel()[self._who] - 1
        order = np.argsort(key, kind="stable")
        self._who, self._row = self._who[order], key[order]
        count = np.bincount(key, minlength=len(edge) * edges)
        self._place = np.arange(key.size) - np.repeat(np.cumsum(count) - count, count)
        self.mask = np.arange(max(1, int(count.max(initial=0)))) < count[:, None]
        self.counts = count.reshape(len(edge), edges)

    def table(self, values: np.ndarray) -> np.ndarray:
        """Values of the devices [B, A] by edge, shape [R, W]; 0 where there is none."""
        table = np.zeros(self.mask.shape, dtype=values.dtype)
        table[self._row, self._place] = values.ravel()[self._who]
        return table

    def devices(self, table: np.ndarray) -> np.ndarray:
        """Values of a table by device, shape [B, A]; 0 for local devices."""
        values = np.zeros(self._shape, dtype=table.dtype)
        values.ravel()[self._who] = table[self._row, self._place]
        return values


def share_edges(attached: Attached, fixed: np.ndarray, shared: np.ndarray, multiprocessors: int, rule: Rule = "maxmin") -> np.ndarray:
    """Multiprocessors of every device, all of each edge that has any; the latency limit is not looked at.

    Parameters
    ----------
    attached
        Who is where; no edge may hold more devices than multiprocessors.
    fixed, shared
        a = R_c and b = R_f of each device's decision (eq. 11), shape [B, A].
    multiprocessors
        L.
    rule
        ``maxmin``, the optimum of P-EDGE (eq. 4); ``prop``, in proportion to b, at least one each; ``equal``.

    Returns
    -------
    np.ndarray
        l, int64, shape [B, A]; 0 for local devices.
    """
    mask = attached.mask
    capacity = np.full(len(mask), multiprocessors)
    if rule == "maxmin":
        table = allocate_batch(attached.table(fixed), attached.table(shared), capacity, mask)
    else:
        weights = attached.table(shared) if rule == "prop" else np.ones(mask.shape)
        table = np.zeros(mask.shape, dtype=np.int64)
        used = mask.any(axis=1)
        table[used] = apportion(weights[used], capacity[used], mask[used])
    return attached.devices(table)


def share_in_time(
    edge: np.ndarray, fixed: np.ndarray, shared: np.ndarray, least: np.ndarray, multiprocessors: int, edges: int
) -> np.ndarray | None:
    """Max-min fair multiprocessors of one epoch that meet the latency limit; exact.

    A device whose fair share would be late gets what it needs to be in time, and costs no more than the others then do; so the
    rest is allocated again among what is left, until nobody is late.

    Parameters
    ----------
    edge
        u of each device, shape [M].
    fixed, shared
        a and b of each device's decision, shape [M].
    least
        Fewest multiprocessors with which each device is in time, shape [M]; not read of local devices.
    multiprocessors, edges
        L and N.

    Returns
    -------
    np.ndarray or None
        l, int64, shape [M]; ``None`` if some edge cannot serve its devices in time.
    """
    needed = np.bincount(edge, weights=np.where(edge > 0, least, 0), minlength=edges + 1)[1:]
    if needed.max() > multiprocessors:
        return None
    allocation, late = np.zeros(edge.shape, dtype=np.int64), np.zeros(edge.shape, dtype=bool)
    while True:
        rest = Attached(np.where(late, 0, edge)[None], edges)
        taken = np.bincount(edge[late], weights=least[late], minlength=edges + 1)[1:].astype(np.int64)
        table = allocate_batch(rest.table(fixed[None]), rest.table(shared[None]), multiprocessors - taken, rest.mask)
        allocation = np.where(late, least, rest.devices(table)[0])
        found = (edge > 0) & (allocation < least)
        if not found.any():
            return allocation
        late |= found
