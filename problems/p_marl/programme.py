"""The one-hot programme of P-MARL as plain data, whatever library solves it.

A binary x_tmnl says that device m holds l multiprocessors of edge n in epoch t; the cut is eliminated, since the cheapest one that is in
time is known for each of them. theta is the epochs' worst cost, or the worst mean cost. Switches of later epochs couple the epochs; those
of the first are part of its costs.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array

from mecbench.problems.errors import InputError
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import least_shares, options
from mecbench.problems.p_marl.solution import Solution

__all__ = ["Cells", "OneHot", "ceiling", "cells", "check_modelled"]


class Cells(NamedTuple):
    """What every device pays in an epoch for every number of multiprocessors, switches of later epochs apart.

    Attributes
    ----------
    cost
        At the cheapest cut that is in time, shape [M, N, L] for l = 1..L; infinite where none is.
    cut
        That cut, shape [M, N, L].
    local
        Cost of running locally, shape [M]; infinite where that is late.
    """

    cost: np.ndarray
    cut: np.ndarray
    local: np.ndarray


def check_modelled(instance: Instance) -> None:
    """Refuse what the programmes do not say.

    Raises
    ------
    InputError
        If over several epochs batteries depend on the decisions, or l divides a switch cost.
    """
    if instance.epochs == 1:
        return
    if instance.drain == "endogenous":
        raise InputError("instance: field drain: expected 'exogenous' for a programme over several epochs, found 'endogenous'")
    if instance.divided_switch_cost and instance.switch_cost > 0:
        raise InputError("instance: field divided_switch_cost: expected false for a programme over several epochs, found true")


def cells(instance: Instance, epoch: int) -> Cells:
    """Costs of all numbers of multiprocessors in an epoch."""
    choices = options(instance, epoch, instance.previous_edge if epoch == 0 else None)
    least = least_shares(instance, choices)
    shares, shared = np.arange(1, instance.multiprocessors + 1), np.broadcast_to(choices.shared, least.shape)
    cost = np.full((*least.shape[:2], shares.size), np.inf)
    cut = np.zeros(cost.shape, dtype=np.int64)
    for k in range(instance.groups):
        paid = choices.fixed[:, :, k, None] + shared[:, :, k, None] / shares
        paid[shares < least[:, :, k, None]] = np.inf
        better = paid < cost
        cost[better], cut[better] = paid[better], k
    return Cells(cost, cut, np.where(choices.local_latency <= instance.latest, choices.local, np.inf))


def ceiling(instance: Instance, table: Cells) -> float:
    """Limit of what is worth considering: with one epoch the cost of running everything locally, otherwise none."""
    return float(table.local.max()) if instance.epochs == 1 else np.inf


class OneHot:
    """The programme min c x: lower <= A x <= upper.

    Columns are the cells, then T M local devices, (T - 1) M switches and the thresholds: T for the mean worst cost, one for the worst
    mean cost. All but the thresholds are binary.

    Parameters
    ----------
    instance
        The instance.

    Attributes
    ----------
    place
        Epoch, device, edge, multiprocessors and cut of each cell, int64, shape [5, C]; edges from 0.
    cost
        Of each column in the objective, shape [V].
    most
        Upper limit of each column, shape [V]; the lower one is 0.
    rows
        A, shape [R, V].
    lower, upper
        Of the rows, shape [R].
    """

    def __init__(self, instance: Instance) -> None:
        check_modelled(instance)
        self.instance = instance
        tables = [cells(instance, epoch) for epoch in range(instance.epochs)]
        limit = ceiling(instance, tables[0])
        places, paid = [], []
        for epoch, table in enumerate(tables):
            device, edge, share = np.nonzero(table.cost <= min(limit, np.finfo(float).max))
            places.append(np.stack([np.full(device.size, epoch), device, edge, share + 1, table.cut[device, edge, share]]))
            paid.append(table.cost[device, edge, share])
        self.place = np.concatenate(places, axis=1)
        self._paid = np.concatenate(paid)
        self._local = np.stack([table.local for table in tables])
        self.cost = np.concatenate((np.zeros(self.thresholds.start), instance.weights if self._per_epoch else [1.0]))
        self.most = np.ones(self.cost.size)
        self.most[self.locals] = np.isfinite(self._local).ravel()
        self.most[self.thresholds] = limit
        self._assemble()

    @property
    def _per_epoch(self) -> bool:
        return self.instance.objective == "mean-worst"

    @property
    def locals(self) -> slice:
        """Columns of the local devices, [T, M]."""
        return slice(self.place.shape[1], self.place.shape[1] + self.instance.epochs * self.instance.devices)

    @property
    def switches(self) -> slice:
        """Columns of the switches, [T - 1, M]."""
        return slice(self.locals.stop, self.locals.stop + (self.instance.epochs - 1) * self.instance.devices)

    @property
    def thresholds(self) -> slice:
        """Columns of the thresholds."""
        return slice(self.switches.stop, self.switches.stop + (self.instance.epochs if self._per_epoch else 1))

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns: x_t_m_n_l with edges from 1, local_t_m, switch_t_m and theta_t."""
        t, m, n, share, _ = self.place.tolist()
        epochs, devices = range(self.instance.epochs), range(self.instance.devices)
        return [
            *(f"x_{a}_{b}_{c + 1}_{d}" for a, b, c, d in zip(t, m, n, share, strict=True)),
            *(f"local_{a}_{b}" for a in epochs for b in devices),
            *(f"switch_{a}_{b}" for a in epochs[1:] for b in devices),
            *(f"theta_{a}" for a in range(self.thresholds.stop - self.thresholds.start)),
        ]

    def solution(self, values: np.ndarray) -> Solution:
        """Solution of the columns' values, shape [V]."""
        instance = self.instance
        edge = np.zeros((instance.epochs, instance.devices), dtype=np.int64)
        cut, allocation = np.full_like(edge, instance.groups), np.zeros_like(edge)
        t, m, n, share, k = self.place[:, values[: self.locals.start] > 0.5]
        edge[t, m], cut[t, m], allocation[t, m] = n + 1, k, share
        return Solution(edge=edge, cut=cut, allocation=allocation)

    def _assemble(self) -> None:
        instance, (t, m, n, share, _) = self.instance, self.place
        epochs, devices, edges = instance.epochs, instance.devices, instance.edges
        column = np.arange(t.size)
        at = np.arange(epochs * devices)  # a device in an epoch
        later = np.arange((epochs - 1) * devices)
        owner = t * devices + m
        entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        lower: list[np.ndarray] = []
        upper: list[np.ndarray] = []

        def add(row: np.ndarray, place: np.ndarray, value: np.ndarray) -> None:
            entries.append((row + sum(block.size for block in upper), place, value))

        def close(low: np.ndarray, high: np.ndarray) -> None:
            lower.append(low)
            upper.append(high)

        def ones(array: np.ndarray) -> np.ndarray:
            return np.ones(array.size)

        # Everybody does one thing.
        add(owner, column, ones(column))
        add(at, self.locals.start + at, ones(at))
        close(ones(at), ones(at))
        # Edges hold what they have.
        add(t * edges + n, column, share.astype(float))
        close(np.full(epochs * edges, -np.inf), np.full(epochs * edges, float(instance.multiprocessors)))
        # Nobody costs more than theta.
        part = np.ones(epochs) if self._per_epoch else instance.weights
        per = epochs * devices if self._per_epoch else devices  # rows: a device in an epoch, or a device
        finite = np.isfinite(self._local).ravel()
        add(owner % per, column, part[t] * self._paid)
        add(at[finite] % per, self.locals.start + at[finite], (part[:, None] * self._local).ravel()[finite])
        add((later + devices) % per, self.switches.start + later, part[later // devices + 1] * instance.switch_cost)
        add(np.arange(per), self.thresholds.start + np.arange(per) // devices, -np.ones(per))
        close(np.full(per, -np.inf), np.zeros(per))
        # Whoever attaches to an edge that it did not have switches.
        now, before = t > 0, t < epochs - 1
        key = owner * edges + n
        add(key[now] - devices * edges, column[now], ones(column[now]))
        add(key[before], column[before], -ones(column[before]))
        every = np.arange((epochs - 1) * devices * edges)
        add(every, self.switches.start + every // edges, -ones(every))
        close(np.full(every.size, -np.inf), np.zeros(every.size))

        rows, places, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        self.lower, self.upper = np.concatenate(lower), np.concatenate(upper)
        self.rows = csc_array((values, (rows, places)), shape=(self.upper.size, self.cost.size))
