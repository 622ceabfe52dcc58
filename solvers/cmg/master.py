"""The master problem: share each chunk among known paths within energy limits, batteries and one offload on a channel, by HiGHS."""

from __future__ import annotations

from typing import Any

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.duals import Duals

__all__ = ["Master", "plentiful"]


def plentiful(instance: Instance) -> bool:
    """Whether batteries bind in no plan: spending the limit in every slot leaves them above the reserve and the limit."""
    if instance.limit == "average":
        return False
    level, least = instance.battery, max(instance.reserve, instance.energy_limit)
    lowest = level.min()
    for harvest in instance.harvest.T:
        level = np.minimum(level - instance.energy_limit + harvest, instance.capacity)
        lowest = min(lowest, level.min())
    return bool(lowest >= least)


class Master:
    """The linear programme over all columns so far.

    A battery level is the sum of what is below the reserve, where each joule saves its penalty, and what is above.

    Attributes
    ----------
    value
        Of the last solution, no bound.
    duals
        Of its rows.
    """

    def __init__(self, instance: Instance, tables: Tables) -> None:
        import highspy

        self._shape = devices, slots, chunks = instance.gain.shape
        self._average, self._plentiful = instance.limit == "average", plentiful(instance)
        self._highs = highs = highspy.Highs()
        self._infinity = highspy.kHighsInf
        highs.silent()
        highs.setOptionValue("threads", 1)
        highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        self._limit = devices * chunks
        limits = np.full(devices, slots * tables.energy_limit) if self._average else np.full(devices * slots, tables.energy_limit)
        self._channel = self._limit + limits.size
        self._balance = self._channel + slots * chunks
        upper = [np.ones(devices * chunks), limits, np.ones(slots * chunks)]
        if not self._plentiful:
            balance, battery = instance.harvest.copy(), np.zeros((devices, slots))
            balance[:, 0] += instance.battery
            battery[:, 0] = instance.battery
            upper += [balance.ravel(), battery.ravel()]
        limits = np.concatenate(upper)
        lower = np.where(np.arange(limits.size) < devices * chunks, limits, -self._infinity)
        empty = np.zeros(0, dtype=np.int32)
        highs.addRows(limits.size, lower, limits, 0, np.zeros(limits.size, dtype=np.int32), empty, np.zeros(0))
        self._constant = 0.0
        if not self._plentiful:
            self._add_batteries(instance)
        self._known: set[bytes] = set()
        self.columns = 0
        self.value, zero = -np.inf, np.zeros((devices, slots))
        self.duals = Duals(zero, zero, zero, np.zeros((slots, chunks)))

    def _add_batteries(self, instance: Instance) -> None:
        devices, slots, chunks = self._shape
        reserve, saved = min(instance.reserve, instance.capacity), chunks * instance.reserve_price
        self._constant = -saved * instance.reserve * devices * slots
        n, t = np.divmod(np.arange(devices * slots), slots)
        row = self._balance + n * slots + t
        for worth, width in ((saved, reserve), (0.0, instance.capacity - reserve)):
            index: list[int] = []
            value: list[float] = []
            start: list[int] = []
            for r, last in zip(row.tolist(), (t == slots - 1).tolist(), strict=True):
                start.append(len(index))
                index += [r] if last else [r, r + 1, r + 1 + devices * slots]
                value += [1.0] if last else [1.0, -1.0, -1.0]
            self._add(np.full(row.size, worth), np.full(row.size, width), start, index, value)

    def _add(self, cost: np.ndarray, upper: np.ndarray, start: Any, index: Any, value: Any) -> None:
        start, index = np.array(start, dtype=np.int32), np.array(index, dtype=np.int32)
        self._highs.addCols(cost.size, cost, np.zeros(cost.size), upper, index.size, start, index, np.array(value, dtype=float))

    def add(self, worth: np.ndarray, energy: np.ndarray, offload: np.ndarray) -> int:
        """Add a path of every chunk, and say how many are new.

        Parameters
        ----------
        worth
            Objective of the paths, penalty aside, shape [N, K].
        energy, offload
            What they spend [J] and where they offload, shape [N, T, K].
        """
        devices, slots, chunks = self._shape
        cost: list[float] = []
        start = [0]
        index: list[np.ndarray] = []
        value: list[np.ndarray] = []
        times = np.arange(slots)
        for n in range(devices):
            for k in range(chunks):
                spent, used = energy[n, :, k], np.flatnonzero(offload[n, :, k])
                key = bytes((n, k)) + spent.tobytes() + used.tobytes()
                if key in self._known:
                    continue
                self._known.add(key)
                cost.append(worth[n, k])
                rows = [[n * chunks + k], [self._limit + n] if self._average else self._limit + n * slots + times]
                rows.append(self._channel + used * chunks + k)
                values = [[1.0], [spent.sum()] if self._average else spent, np.ones(used.size)]
                if not self._plentiful:
                    rows += [self._balance + n * slots + times, self._balance + (devices + n) * slots + times]
                    values += [spent, spent]
                index.append(np.concatenate(rows))
                start.append(start[-1] + index[-1].size)
                value.append(np.concatenate(values))
        if cost:
            self._add(np.array(cost), np.full(len(cost), self._infinity), start[:-1], np.concatenate(index), np.concatenate(value))
        self.columns += len(cost)
        return len(cost)

    def solve(self) -> None:
        """Solve to optimality."""
        devices, slots, chunks = self._shape
        highs = self._highs
        highs.run()
        self.value = float(highs.getInfo().objective_function_value) + self._constant
        prices = np.maximum(np.array(highs.getSolution().row_dual), 0.0)
        limit = prices[self._limit : self._channel]
        balance = battery = np.zeros((devices, slots))
        if not self._plentiful:
            balance, battery = prices[self._balance :].reshape(2, devices, slots)
        self.duals = Duals(
            np.repeat(limit[:, None], slots, axis=1) if self._average else limit.reshape(devices, slots),
            balance,
            battery,
            prices[self._channel : self._balance].reshape(slots, chunks),
        )
