"""Whether a packing is possible, by values of the devices, what they rule out, and cases of a device's edge where that is not all.

Every node ascends the dual of Dantzig and Wolfe, leaves out the pairs that lose more than it leaves open, packs whoever has one edge
left, and begins anew on what remains; where too little falls away it tries all edges of a device. Depth first, where least is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_marl.tree import Residual, Tree, exclude, reduce, restrict
from mecbench.solvers.p_marl.dantzig_wolfe import Ascent
from mecbench.solvers.p_marl.epoch import Packing

__all__ = ["Branching"]

UNIT = 1e6  # mean of the values, which are whole numbers
FIRST_STEPS = 300  # of the ascent in the first node
STEPS = 20  # in each other, which begins with its parent's values
WORTHWHILE = 0.05  # of the pairs must fall away for other values before cases


class _Case(NamedTuple):
    """A case that is to be settled.

    Attributes
    ----------
    weight
        w_mn before the restriction, L + 1 for pairs that are left out, shape [R, N].
    value
        To begin the ascent with, shape [R].
    parent, row, edge
        Node before, and the restriction to it: a row of the packing and its edge 0..N-1, or -1 and -1.
    """

    weight: np.ndarray
    value: np.ndarray
    parent: int
    row: int
    edge: int


class Branching:
    """Search through the cases of a packing, which can be continued.

    Parameters
    ----------
    packing
        The packing.
    start
        Values to begin with, shape [R], at least 0 and not all 0.

    Attributes
    ----------
    edge
        Edges 0..N-1 of a packing that fits, shape [R]; ``None`` until one is found.
    value
        Values of the devices without any cases, shape [R].
    """

    def __init__(self, packing: Packing, start: np.ndarray) -> None:
        self.edge: np.ndarray | None = None
        self.value = start.copy()
        self._packing = packing
        self._open = [_Case(packing.weight, start, -1, -1, -1)]
        self._settled: list[tuple[np.ndarray, int, int, int]] = []  # values, parent, row and edge

    @property
    def impossible(self) -> bool:
        """Whether no case is left."""
        return self.edge is None and not self._open

    @property
    def nodes(self) -> int:
        """Cases looked at."""
        return len(self._settled)

    def run(self, nodes: int, go_on: Callable[[], bool]) -> None:
        """Settle cases until a packing is found, none is left, or so many more have been looked at."""
        for _ in range(nodes):
            if self.edge is not None or not self._open or not go_on():
                break
            self._settle(self._open.pop())

    def tree(self, threshold: float, devices: int) -> Tree:
        """Proof that a threshold above the packing's, of an epoch of M devices, is a bound, once the packing is impossible."""
        prices, parents, rows, edges = zip(*self._settled, strict=True)
        price = np.zeros((len(prices), devices), dtype=np.int64)
        price[:, self._packing.rest] = prices
        row = np.array(rows)
        device = np.where(row >= 0, self._packing.rest[row], -1)
        return Tree(threshold=threshold, device_price=price, parent=np.array(parents), device=device, edge=np.array(edges) + 1)

    def _settle(self, case: _Case) -> None:
        most, price = self._packing.capacity, np.zeros(len(case.weight), dtype=np.int64)
        node = len(self._settled)
        self._settled.append((price, case.parent, case.row, case.edge))
        residual = reduce(case.weight if case.row < 0 else restrict(case.weight, most, case.row, case.edge), most)
        if residual is None:
            return
        if not residual.device.size:
            self.edge = residual.edge
            return
        start = case.value[residual.device]
        ascent = Ascent(residual.weight, residual.capacity, start if start.any() else np.ones(start.size))
        value = ascent.run(STEPS if node else FIRST_STEPS).device
        price[residual.device] = np.rint(UNIT * value)
        if node == 0:
            self.value[residual.device] = value
        excluded = exclude(price[residual.device], residual)
        if excluded is None:
            return
        weight, known = np.full_like(case.weight, most + 1), case.value.copy()
        packed = np.flatnonzero(residual.edge >= 0)
        weight[packed, residual.edge[packed]] = self._packing.weight[packed, residual.edge[packed]]
        weight[residual.device], known[residual.device] = np.where(excluded.pairs, most + 1, residual.weight), value
        possible = residual.weight <= most
        if (excluded.pairs & possible).sum() >= WORTHWHILE * possible.sum():
            self._open.append(_Case(weight, known, node, -1, -1))
        else:
            self._branch(_Case(weight, known, node, -1, -1), residual, excluded.left)

    def _branch(self, case: _Case, residual: Residual, left: np.ndarray) -> None:
        """Open the cases of the device that leave least open together, so that the one that leaves most is next."""
        several = (left >= 0).sum(axis=1) > 1
        row = int(np.where(several, np.maximum(left, 0).sum(axis=1), np.inf).argmin())
        for edge in np.argsort(left[row], kind="stable").tolist():
            if left[row, edge] >= 0:
                self._open.append(case._replace(row=int(residual.device[row]), edge=edge))
