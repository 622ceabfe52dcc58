"""Dantzig-Wolfe bound of an epoch's packing by stabilised column generation over packings of edges.

The master programme ``min t: sum of packings that serve m, + t >= 1; at most one packing an edge`` says by how much the known packings fail
to serve everybody; its prices are what devices are worth, mean 1. Packings are priced not there, where prices jump from one extreme to
another, but between there and the best values so far (Wentges 1997), and at the master's own prices when that finds nothing new.
"""

from __future__ import annotations

import numpy as np

from mecbench.solvers.p_marl.dantzig_wolfe import MARGIN, Values

__all__ = ["ColumnGeneration"]

SMOOTHING = 0.8  # weight of the best values where packings are priced
CLOSE = 1e-9  # reduced cost, in values of all devices, from which a packing is of use


class ColumnGeneration:
    """Column generation from given values, which can be continued; beside `mecbench.solvers.p_marl.dantzig_wolfe.Ascent`.

    Parameters
    ----------
    weight
        Multiprocessors that each device needs of each edge, int64, shape [R, N]; above all capacities for never. Everybody fits somewhere.
    capacity
        Multiprocessors of each edge, int64, shape [N].
    start
        Values to begin with, shape [R], at least 0 and not all 0.

    Attributes
    ----------
    best
        The best values so far.
    limit
        What no values' surplus exceeds, as far as the packings known tell, in mean values of a device.
    """

    def __init__(self, weight: np.ndarray, capacity: np.ndarray, start: np.ndarray) -> None:
        import highspy

        devices, edges = weight.shape
        most = int(capacity.max())
        self.best = Values(start / start.mean(), -np.inf, False)
        self.limit = np.inf
        self._weight, self._capacity = weight, capacity
        self._rows = np.zeros((devices + 1, most + 1)), np.zeros(weight.shape, dtype=np.bool_)
        self._master = highspy.Highs()
        self._master.silent()
        self._master.setOptionValue("threads", 1)
        infinity = highspy.kHighsInf
        for _ in range(devices):
            self._master.addRow(1.0, infinity, 0, np.zeros(0, dtype=np.int32), np.zeros(0))
        for _ in range(edges):
            self._master.addRow(-infinity, 1.0, 0, np.zeros(0, dtype=np.int32), np.zeros(0))
        # t may be negative: the packings known may serve everybody more than once.
        self._master.addCol(1.0, -infinity, infinity, devices, np.arange(devices, dtype=np.int32), np.ones(devices))

    @property
    def ended(self) -> bool:
        """Whether no other values are better, or none prove anything."""
        return self.limit <= max(self.best.surplus, 0.0) + CLOSE * self.best.device.size

    def run(self, steps: int) -> Values:
        """Generate packings until all together are proved impossible, steps are used up or no packing is missing."""
        own = self.best.device
        self._price(own, own)
        for _ in range(steps):
            if self.best.proves or self.ended:
                break
            self._master.run()
            own = self._prices()
            self.limit = own.size * float(self._master.getInfo().objective_function_value)
            between = SMOOTHING * self.best.device + (1.0 - SMOOTHING) * own
            if not self._price(between, own):
                self._price(own, own)
        return self.best

    def _prices(self) -> np.ndarray:
        """The master's values of the devices, mean 1."""
        dual = np.maximum(np.array(self._master.getSolution().row_dual)[: len(self._weight)], 0.0)
        return dual / dual.mean()

    def _price(self, value: np.ndarray, own: np.ndarray) -> bool:
        """Pack every edge at some values; whether these are better or a packing is of use at the master's own."""
        from mecbench.solvers.p_marl.packing_compiled import pack

        devices, edges = self._weight.shape
        packed = self._rows[1]
        collected = pack(value, self._weight, self._capacity, *self._rows)
        surplus = float(value.sum()) - collected
        better = surplus > self.best.surplus
        if better:
            self.best = Values(value, surplus, surplus > MARGIN * max(collected, 1.0))
        dual = np.array(self._master.getSolution().row_dual) if self.limit < np.inf else np.zeros(devices + edges)
        useful = False
        for n in range(edges):
            chosen = np.flatnonzero(packed[:, n])
            paid = -devices * dual[devices + n]
            if chosen.size and (self.limit == np.inf or own[chosen].sum() > paid + CLOSE * devices):
                index = np.append(chosen, devices + n).astype(np.int32)
                self._master.addCol(0.0, 0.0, 1e30, index.size, index, np.ones(index.size))
                useful = True
        return better or useful
