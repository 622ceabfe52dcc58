"""One epoch of P-MARL as a packing problem: below a threshold of the cost, every device needs so and so much of each edge.

With the threshold fixed, an epoch (P-ORIG, eq. 2) is a generalised assignment problem: devices that cannot run locally each go to one
edge, and edges hold L multiprocessors. The optimum is the least threshold at which that is feasible.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_edge.allocation import required
from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.allocation import share_in_time
from mecbench.problems.p_marl.options import Demand, least_shares, options, stays_local

__all__ = ["Decisions", "Epoch", "Packing"]

CLOSE = 1e-12  # relative; nearer to the optimum than this, every cost is tried


class Packing(NamedTuple):
    """Who has to go to an edge to stay below a threshold, and what it then needs.

    Attributes
    ----------
    rest
        The devices that are not local, int64, shape [R].
    weight
        w_mn of each of them, int64, shape [R, N]; L + 1 where no number suffices.
    capacity
        L.
    """

    rest: np.ndarray
    weight: np.ndarray
    capacity: int

    @property
    def possible(self) -> np.ndarray:
        """Where a device can go at all, bool, shape [R, N]."""
        fits: np.ndarray = self.weight <= self.capacity
        return fits


class Decisions(NamedTuple):
    """Decisions of an epoch and its worst cost.

    Attributes
    ----------
    edge, cut, allocation
        u, k and l of each device, int64, shape [M].
    cost
        theta.
    """

    edge: np.ndarray
    cut: np.ndarray
    allocation: np.ndarray
    cost: float


class Epoch:
    """An epoch after what was decided before it.

    Parameters
    ----------
    instance, epoch
        The instance and t.
    previous
        u of the epoch before, shape [M], -1 for none; ``None`` leaves switching out.
    battery
        Charges as the epoch begins [Wh], shape [M], where the drain is endogenous.

    Attributes
    ----------
    choices
        All options of the devices.
    floor
        Cost below which some device cannot stay even alone; infinite if it is late everywhere.
    ceiling
        Threshold from which on packings no longer change: whoever can be served then is.
    """

    def __init__(self, instance: Instance, epoch: int, previous: np.ndarray | None, battery: np.ndarray | None = None) -> None:
        self.instance, self.epoch = instance, epoch
        self.choices = options(instance, epoch, previous, battery)
        self._least = least_shares(instance, self.choices)
        self._shared = np.ascontiguousarray(np.broadcast_to(self.choices.shared, self.choices.fixed.shape))
        local = np.where(self.choices.local_latency <= instance.latest, self.choices.local, np.inf)
        in_time = self._least <= instance.multiprocessors
        alone = np.where(in_time, self.choices.fixed + self._shared / instance.multiprocessors, np.inf)
        dearest = np.where(in_time, self.choices.fixed + self._shared / np.minimum(self._least, instance.multiprocessors), -np.inf)
        self.floor = float(np.minimum(local, alone.min(axis=(1, 2))).max())
        self.ceiling = float(max(local[np.isfinite(local)].max(initial=-np.inf), dearest.max()))

    def local_at(self, threshold: float) -> np.ndarray:
        """Devices that run locally at a threshold, bool, shape [M]."""
        return stays_local(self.instance, self.choices, threshold)

    def demand(self, threshold: float) -> Demand:
        """What every device needs of each edge at a threshold, exact under the evaluator's comparisons."""
        from mecbench.problems.p_marl.options_compiled import demand

        return Demand(*demand(self.choices.fixed, self._shared, self._least, threshold, self.instance.multiprocessors + 1))

    def packing(self, threshold: float) -> Packing:
        """Packing problem at a threshold."""
        rest = np.flatnonzero(~self.local_at(threshold))
        return Packing(rest, np.ascontiguousarray(self.demand(threshold).multiprocessors[rest]), self.instance.multiprocessors)

    def next_cost(self, threshold: float) -> float:
        """Least cost of any option above a threshold, below which packings stay as they are there; beyond the ceiling if there is none."""
        most = self.instance.multiprocessors
        fewer = required(self.choices.fixed, self._shared, threshold, most + 1) - 1
        useful = (fewer >= self._least) & (fewer >= 1)
        costs = (self.choices.fixed + self._shared / np.maximum(fewer, 1))[useful]
        local = self.choices.local[(self.choices.local > threshold) & (self.choices.local_latency <= self.instance.latest)]
        return float(min(costs.min(initial=np.inf), local.min(initial=np.inf), math.nextafter(max(self.ceiling, threshold), math.inf)))

    def attach(self, packing: Packing, edge: np.ndarray) -> np.ndarray:
        """u of all devices, shape [M], from the edges 0..N-1 of those of a packing, shape [R]."""
        attached = np.zeros(self.instance.devices, dtype=np.int64)
        attached[packing.rest] = edge + 1
        return attached

    def decide(self, edge: np.ndarray) -> Decisions | None:
        """Best decisions with given edges; exact.

        Parameters
        ----------
        edge
            u of each device, shape [M].

        Returns
        -------
        Decisions or None
            Cuts and shares of least worst cost, max-min fair within each edge; ``None`` if somebody cannot be in time.
        """
        attached = np.flatnonzero(edge)
        if (self.choices.local_latency[edge == 0] > self.instance.latest).any():
            return None
        fixed, shared, least = (table[attached, edge[attached] - 1] for table in (self.choices.fixed, self._shared, self._least))
        most = self.instance.multiprocessors

        def needed(threshold: float) -> np.ndarray:
            """Multiprocessors at each cut, shape [A, K]."""
            return np.maximum(required(fixed, shared, threshold, most + 1), least)

        def fits(need: np.ndarray) -> bool:
            return bool(np.bincount(edge[attached], weights=need.min(axis=1), minlength=1).max() <= most)

        need = needed(self.ceiling)
        if not fits(need):
            return None
        low = float(np.where(least <= most, fixed + shared / most, np.inf).min(axis=1).max(initial=-np.inf))
        high = self._realised(fixed, shared, need)
        while low < high:
            # The optimum is a cost of some option: from a feasible threshold one goes on below what it really costs.
            below, middle = math.nextafter(high, -math.inf), 0.5 * (low + high)
            threshold = middle if high - low > CLOSE * abs(high) else below
            tried = needed(threshold)
            if fits(tried):
                need, high = tried, self._realised(fixed, shared, tried)
            elif threshold == below:
                break
            else:
                low = threshold
        cut = np.full(edge.size, self.instance.groups)
        cut[attached] = need.argmin(axis=1)
        return self.share(edge, cut)

    @staticmethod
    def _realised(fixed: np.ndarray, shared: np.ndarray, need: np.ndarray) -> float:
        """Worst cost if every device takes the cut that needs least, and no more than that."""
        row, cut = np.arange(len(need)), need.argmin(axis=1)
        return float((fixed[row, cut] + shared[row, cut] / need[row, cut]).max(initial=-np.inf))

    def share(self, edge: np.ndarray, cut: np.ndarray) -> Decisions:
        """Share the edges max-min fairly among devices that are known to be served in time; edges u and cuts k of shape [M]."""
        fixed, shared, least = self._chosen(edge, cut)
        allocation = share_in_time(edge, fixed, shared, least, self.instance.multiprocessors, self.instance.edges)
        assert allocation is not None
        decisions = Decisions(edge, cut, allocation, math.nan)
        return decisions._replace(cost=float(self.costs(decisions).max()))

    def costs(self, decisions: Decisions) -> np.ndarray:
        """What each device pays, shape [M]."""
        fixed, shared, _ = self._chosen(decisions.edge, decisions.cut)
        return np.where(decisions.edge > 0, fixed + shared / np.maximum(decisions.allocation, 1), fixed)

    def _chosen(self, edge: np.ndarray, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fixed and shared cost of each device's option and the least share with which it is in time, shape [M]."""
        attached = np.flatnonzero(edge)
        option = attached, edge[attached] - 1, cut[attached]
        fixed, shared, least = self.choices.local.copy(), np.zeros(edge.size), np.ones(edge.size, dtype=np.int64)
        fixed[attached], shared[attached], least[attached] = self.choices.fixed[option], self._shared[option], self._least[option]
        return fixed, shared, least
