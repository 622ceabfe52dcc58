"""The master problem of one device at given prices of channels: share chunks among known paths within limit and battery, by HiGHS.

It is kept for all cases in which the device is looked at, as they differ in prices of channels and in which paths are allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.master import plentiful

if TYPE_CHECKING:
    from mecbench.problems.cmg.pricing import Decisions, Priced

__all__ = ["DeviceMaster", "Shares"]

DEAREST = 1e5  # price of a joule at which limits may be exceeded, so that every case has a solution


class Shares(NamedTuple):
    """Solution of a master problem.

    Attributes
    ----------
    value
        Of the linear programme.
    prices
        sigma, nu and zeta, shape [3, T].
    offload
        Mean of whether each chunk is offloaded, shape [T, K].
    frames, spread
        Mean of its number of frame rate, and its variance; shape [T, K].
    """

    value: float
    prices: np.ndarray
    offload: np.ndarray
    frames: np.ndarray
    spread: np.ndarray


class DeviceMaster:
    """The linear programme over all paths so far.

    Attributes
    ----------
    columns
        Number of paths.
    """

    def __init__(self, instance: Instance, tables: Tables, device: int) -> None:
        import highspy

        _, self._slots, self._chunks = instance.gain.shape
        slots, chunks = self._slots, self._chunks
        self._average, self._plentiful = instance.limit == "average", plentiful(instance)
        self._highs = highs = highspy.Highs()
        highs.silent()
        highs.setOptionValue("threads", 1)
        highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        limits = np.array([slots * tables.energy_limit]) if self._average else np.full(slots, tables.energy_limit)
        self._balance = chunks + limits.size
        upper = [np.ones(chunks), limits]
        if not self._plentiful:
            balance, battery = instance.harvest[device] + tables.energy_tolerance, np.full(slots, tables.energy_tolerance)
            balance[0] += instance.battery[device]
            battery[0] += instance.battery[device]
            upper += [balance, battery]
        above = np.concatenate(upper)
        below = np.where(np.arange(above.size) < chunks, above, -highspy.kHighsInf)
        empty = np.zeros(0, dtype=np.int32)
        highs.addRows(above.size, below, above, 0, np.zeros(above.size, dtype=np.int32), empty, np.zeros(0))
        rows = np.arange(chunks, above.size)
        self._constant = 0.0
        for row in rows.tolist():
            self._add(-DEAREST, highspy.kHighsInf, np.array([row]), np.array([-1.0]))
        if not self._plentiful:
            self._add_levels(instance)
        self._first, self.columns = highs.getNumCol(), 0
        self._known: set[bytes] = set()
        capacity = 64
        self._chunk = np.zeros(capacity, dtype=np.int64)
        self._worth = np.zeros(capacity)
        self._offload = np.zeros((capacity, slots), dtype=bool)
        self._frames = np.zeros((capacity, slots), dtype=np.int64)

    def _add_levels(self, instance: Instance) -> None:
        """Battery levels, below the reserve and above."""
        slots = self._slots
        reserve, saved = min(instance.reserve, instance.capacity), instance.chunks * instance.reserve_price
        self._constant = -saved * instance.reserve * slots
        for worth, width in ((saved, reserve), (0.0, instance.capacity - reserve)):
            for t in range(slots):
                row = self._balance + t
                if t < slots - 1:
                    self._add(worth, width, np.array([row, row + 1, row + 1 + slots]), np.array([1.0, -1.0, -1.0]))
                else:
                    self._add(worth, width, np.array([row]), np.array([1.0]))

    def _add(self, cost: float, upper: float, rows: np.ndarray, values: np.ndarray) -> None:
        self._highs.addCol(cost, 0.0, upper, rows.size, rows.astype(np.int32), values)

    def add(self, found: Priced, eta: np.ndarray, channel_price: np.ndarray) -> int:
        """Add the paths that pricing found, and say how many are new.

        Parameters
        ----------
        found
            Of the device alone.
        eta, channel_price
            Prices at which it was found, shapes [T] and [T, K].
        """
        new, times = 0, np.arange(self._slots)
        net = found.value[0] + eta @ found.energy[0]
        worth = net + (channel_price * found.offload[0]).sum(axis=0)
        for k in range(self._chunks):
            spent, used, frames = found.energy[0, :, k], found.offload[0, :, k], found.frames[0, :, k]
            key = bytes((k,)) + spent.tobytes() + used.tobytes() + frames.tobytes()
            if key in self._known or found.value[0, k] < -1e100:
                continue
            self._known.add(key)
            rows = [[k], [self._chunks] if self._average else self._chunks + times]
            values = [[1.0], [spent.sum()] if self._average else spent]
            if not self._plentiful:
                rows += [self._balance + times, self._balance + self._slots + times]
                values += [spent, spent]
            self._add(net[k], np.inf, np.concatenate(rows), np.concatenate(values))
            self._note(k, worth[k], used, frames)
            new += 1
        return new

    def _note(self, k: int, worth: float, used: np.ndarray, frames: np.ndarray) -> None:
        if self.columns == self._chunk.size:
            for name in ("_chunk", "_worth", "_offload", "_frames"):
                known = getattr(self, name)
                setattr(self, name, np.concatenate((known, np.zeros_like(known))))
        at = self.columns
        self._chunk[at], self._worth[at], self._offload[at], self._frames[at] = k, worth, used, frames
        self.columns += 1

    def restrict(self, decisions: Decisions, channel_price: np.ndarray) -> None:
        """Allow the paths that keep to decisions of the device alone, at some prices of channels, shape [T, K]."""
        size = self.columns
        chunk, used, frames = self._chunk[:size], self._offload[:size], self._frames[:size]
        wanted, lowest, highest = (array[0].T[chunk] for array in decisions)
        allowed = ((wanted == 0) | ((wanted > 0) == used)).all(axis=1) & ((frames >= lowest) & (frames <= highest)).all(axis=1)
        cost = self._worth[:size] - (channel_price.T[chunk] * used).sum(axis=1)
        index = np.arange(self._first, self._first + size, dtype=np.int32)
        self._highs.changeColsCost(size, index, cost)
        self._highs.changeColsBounds(size, index, np.zeros(size), np.where(allowed, np.inf, 0.0))

    def solve(self) -> Shares:
        """Solve to optimality."""
        self._highs.run()
        solution, slots = self._highs.getSolution(), self._slots
        dual = np.maximum(np.array(solution.row_dual), 0.0)
        prices = np.zeros((3, slots))
        prices[0] = dual[self._chunks : self._balance]
        if not self._plentiful:
            prices[1:] = dual[self._balance :].reshape(2, slots)
        weight = np.array(solution.col_value)[self._first :]
        used = np.flatnonzero(weight > 1e-9)
        offload, frames, squares = np.zeros((3, self._chunks, slots))
        np.add.at(offload, self._chunk[used], weight[used, None] * self._offload[used])
        np.add.at(frames, self._chunk[used], weight[used, None] * self._frames[used])
        np.add.at(squares, self._chunk[used], weight[used, None] * self._frames[used] ** 2)
        value = float(self._highs.getInfo().objective_function_value) + self._constant
        return Shares(value, prices, offload.T, frames.T, np.maximum(squares - frames**2, 0.0).T)
