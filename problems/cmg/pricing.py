"""Pricing of CMG: the best plan of each chunk at prices of energy and channels, and what channels are worth at most, compiled.

With eta a price of a device's energy in a slot and pi a price of a channel, the chunks are independent: each is a dynamic programme over
frame rates whose stage is the better of computing locally and offloading at the least cost that a lone offload has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.cmg import channels_compiled as channels
from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables

__all__ = ["Ceiling", "Decisions", "Marginals", "Priced", "ceiling", "company", "free", "marginals", "price"]

SHARES = 32  # cells of all shares of a channel, in which company is looked at
IMPOSSIBLE = -1e200  # value of what decisions rule out


class Decisions(NamedTuple):
    """What is decided of plans with at most one offload on each channel.

    Attributes
    ----------
    offload
        1 where a chunk is offloaded, -1 where it is not, 0 where that is free; int8, shape [N, T, K].
    lowest, highest
        Number of its frame rate at least and at most, int64, shape [N, T, K].
    """

    offload: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


class Priced(NamedTuple):
    """Best plan of each chunk.

    Attributes
    ----------
    value
        Objective less what energy and channels cost, shape [N, K].
    frames
        Number of the frame rate in each slot, int64, shape [N, T, K].
    offload
        Whether it is offloaded, bool, shape [N, T, K].
    energy
        What it spends [J], shape [N, T, K].
    """

    value: np.ndarray
    frames: np.ndarray
    offload: np.ndarray
    energy: np.ndarray


class Marginals(NamedTuple):
    """What offloading is worth to each chunk.

    Attributes
    ----------
    value
        As in `Priced`, shape [N, K].
    offload, local
        Value of the best plan that offloads in a slot, price not paid there, and of the best that does not; shapes [N, T, K].
        The former is minus infinity for who cannot be secure or never gains.
    """

    value: np.ndarray
    offload: np.ndarray
    local: np.ndarray


class Ceiling(NamedTuple):
    """Upper bounds at given prices.

    Attributes
    ----------
    value
        Of each chunk where shares of channels are sold in cells, shape [N, K].
    capacity
        What the devices on each channel pay at most, shape [T, K].
    single
        Value of each chunk where channels are sold as a whole, shape [N, K]: with `capacity` = pi a bound only of plans with at most
        one offload on each channel.
    """

    value: np.ndarray
    capacity: np.ndarray
    single: np.ndarray


def free(tables: Tables) -> Decisions:
    """Nothing decided."""
    shape = tables.gain.shape
    return Decisions(np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.int64), np.full(shape, tables.frames.size - 1))


def price(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, decisions: Decisions | None = None) -> Priced:
    """Find the best plan of every chunk where a channel costs the same at any share.

    Parameters
    ----------
    tables
        The instance.
    energy_price
        eta >= 0, of a joule, shape [N, T].
    channel_price
        pi >= 0, shape [T, K].
    decisions
        What is decided, by default nothing. Where decisions leave no plan the value of a chunk is below -1e199.
    """
    energy_price, channel_price = (np.ascontiguousarray(prices, dtype=float) for prices in (energy_price, channel_price))
    return Priced(*_price(tables, energy_price, channel_price, decisions or free(tables)))


def marginals(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray) -> Marginals:
    """Find what each single offload is worth; parameters as in `price`, nothing decided."""
    return Marginals(*_marginals(tables, np.ascontiguousarray(energy_price, dtype=float), np.ascontiguousarray(channel_price, dtype=float)))


def ceiling(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, cells: int) -> Ceiling:
    """Bound what chunks and channels are worth.

    Parameters
    ----------
    tables, energy_price, channel_price
        As in `price`.
    cells
        J >= 1, cells of the shares of each device at which it may have company on a channel.
    """
    energy_price, channel_price = (np.ascontiguousarray(prices, dtype=float) for prices in (energy_price, channel_price))
    return Ceiling(*_ceiling(tables, energy_price, channel_price, cells)[:3])


def company(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, cells: int) -> np.ndarray:
    """Bound what plans are worth in which two or more devices offload on a channel.

    Such a plan is worth at most the ceiling, values and capacities together, and this, which mostly is negative: what a secure set of two
    or more gains over the best plans of its chunks, which need not offload there, less what the ceiling counts for the channel.
    Members that lose are left out of a set while more than two are left, as subsets are secure; so a pair is worst, or a set in
    which all gain, of which there are no more than shares of their cells sum to less than 1.

    Parameters
    ----------
    tables, energy_price, channel_price, cells
        As in `ceiling`.

    Returns
    -------
    np.ndarray
        Of each channel, shape [T, K]; minus infinity where nobody can have company.
    """
    energy_price, channel_price = (np.ascontiguousarray(prices, dtype=float) for prices in (energy_price, channel_price))
    value, capacity, _, stage = _ceiling(tables, energy_price, channel_price, cells)
    return np.asarray(_company(tables, energy_price, value, capacity, stage, SHARES))


@njit(cache=True, error_model="numpy")
def _costs(tables: Tables, energy_price: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """kappaL and theta* [N, T]; kappaAlone [N, T, K], infinite for who cannot be secure or never gains."""
    devices, slots, chunks = tables.gain.shape
    local, share = np.empty((devices, slots)), np.empty((devices, slots))
    alone = np.full((devices, slots, chunks), np.inf)
    for n in range(devices):
        for t in range(slots):
            eta = energy_price[n, t]
            local[n, t] = stages.local_cost(tables, eta, n)
            share[n, t] = stages.useful_share(tables, eta, local[n, t])
            for k in range(chunks):
                if tables.tightness[n, t, k] > 0.0:
                    cost = stages.alone_cost(tables, eta, n, tables.gain[n, t, k])
                    if cost < local[n, t]:
                        alone[n, t, k] = cost
    return local, share, alone


@njit(cache=True, error_model="numpy")
def _fill(tables: Tables, local: np.ndarray, value: np.ndarray) -> None:
    """Stages of a device's local chunks, shape [T, F]."""
    for t in range(local.size):
        stages.stage_values(tables, t, local[t], value[t])


@njit(cache=True, error_model="numpy")
def _price(
    tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, decisions: Decisions
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    devices, slots, chunks = tables.gain.shape
    count = tables.frames.size
    local, _, alone = _costs(tables, energy_price)
    value = np.empty((devices, chunks))
    frames = np.empty((devices, slots, chunks), dtype=np.int64)
    offload = np.zeros((devices, slots, chunks), dtype=np.bool_)
    energy = np.empty((devices, slots, chunks))
    own, other = np.empty((slots, count)), np.empty(count)
    stage, before = np.empty((slots, count)), np.empty((slots, count))
    path = np.empty(slots, dtype=np.int64)
    for n in range(devices):
        _fill(tables, local[n], own)
        for k in range(chunks):
            for t in range(slots):
                decided = decisions.offload[n, t, k]
                if decided > 0 and tables.tightness[n, t, k] > 0.0:
                    # Even where it costs more than computing locally.
                    alone[n, t, k] = stages.alone_cost(tables, energy_price[n, t], n, tables.gain[n, t, k])
                for i in range(count):
                    stage[t, i] = own[t, i] if decided <= 0 else IMPOSSIBLE
                if decided >= 0 and alone[n, t, k] < np.inf:
                    stages.stage_values(tables, t, alone[n, t, k], other)
                    for i in range(count):
                        stage[t, i] = max(stage[t, i], other[i] - channel_price[t, k])
                stage[t, : decisions.lowest[n, t, k]] = IMPOSSIBLE
                stage[t, decisions.highest[n, t, k] + 1 :] = IMPOSSIBLE
            value[n, k] = programme.forward(tables, stage, before)
            programme.trace(tables, stage, before, path)
            for t in range(slots):
                frames[n, t, k] = path[t]
                offload[n, t, k] = decisions.offload[n, t, k] > 0 or stage[t, path[t]] > own[t, path[t]]
                per_bit = stages.energy_per_bit(tables, energy_price[n, t], n, tables.gain[n, t, k], offload[n, t, k])
                cost = alone[n, t, k] if offload[n, t, k] else local[n, t]
                bits = tables.bits_per_pixel * tables.frames[path[t]]
                energy[n, t, k] = per_bit * bits * stages.best_resolution(tables, tables.weight[t], cost * bits) ** 2
    return value, frames, offload, energy


@njit(cache=True, error_model="numpy")
def _marginals(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    devices, slots, chunks = tables.gain.shape
    count = tables.frames.size
    local, _, alone = _costs(tables, energy_price)
    value = np.empty((devices, chunks))
    offloaded, kept = np.full((devices, slots, chunks), -np.inf), np.empty((devices, slots, chunks))
    own, other, stage = np.empty((slots, count)), np.empty((slots, count)), np.empty((slots, count))
    before, after = np.empty((slots, count)), np.empty((slots, count))
    transposed = tables.smoothness.T.copy()
    for n in range(devices):
        _fill(tables, local[n], own)
        for k in range(chunks):
            for t in range(slots):
                stage[t] = own[t]
                if alone[n, t, k] < np.inf:
                    stages.stage_values(tables, t, alone[n, t, k], other[t])
                    for i in range(count):
                        stage[t, i] = max(own[t, i], other[t, i] - channel_price[t, k])
            value[n, k] = programme.forward(tables, stage, before)
            programme.backward(tables, transposed, stage, after)
            for t in range(slots):
                kept[n, t, k] = (before[t] + own[t] + after[t]).max()
                if alone[n, t, k] < np.inf:
                    offloaded[n, t, k] = (before[t] + other[t] + after[t]).max()
    return value, offloaded, kept


@njit(cache=True, error_model="numpy")
def _ceiling(
    tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    devices, slots, chunks = tables.gain.shape
    count = tables.frames.size
    local, share, alone = _costs(tables, energy_price)

    # Who may have company, and in which cells.
    top, capacity = np.empty((slots, chunks, devices)), np.empty((slots, chunks))
    least = np.empty(devices)
    number = np.full((devices, slots, chunks), -1)
    shared = 0
    for t in range(slots):
        for k in range(chunks):
            useful = False
            for n in range(devices):
                least[n] = share[n, t] if alone[n, t, k] < np.inf else 1.0
                useful |= least[n] < 1.0
            capacity[t, k] = channel_price[t, k] if useful else 0.0
            if channels.top_shares(tables, t, k, least, top[t, k]):
                for n in range(devices):
                    if top[t, k, n] > 0.0:
                        number[n, t, k] = shared
                        shared += 1

    value, single = np.empty((devices, chunks)), np.empty((devices, chunks))
    stage = np.empty((devices, chunks, slots, count))
    inside = np.empty((shared, cells, count))  # stages of the cells
    low, benefit, fee = np.zeros((shared, cells)), np.full((shared, cells), -1.0), np.empty((shared, cells))
    own, before, after = np.empty((slots, count)), np.empty((slots, count)), np.empty((slots, count))
    transposed = tables.smoothness.T.copy()
    for n in range(devices):
        _fill(tables, local[n], own)
        for k in range(chunks):
            company = False
            for t in range(slots):
                stage[n, k, t] = own[t]
                company |= number[n, t, k] >= 0
                if alone[n, t, k] < np.inf:
                    stages.stage_values(tables, t, alone[n, t, k], after[t])
                    for i in range(count):
                        stage[n, k, t, i] = max(own[t, i], after[t, i] - channel_price[t, k])
            single[n, k] = programme.forward(tables, stage[n, k], before)
            if not company:
                continue
            programme.backward(tables, transposed, stage[n, k], after)
            for t in range(slots):
                at = number[n, t, k]
                if at < 0:
                    continue
                width = (top[t, k, n] - share[n, t]) / cells
                for j in range(cells):
                    low[at, j] = share[n, t] + j * width
                    cost = stages.share_cost(tables, energy_price[n, t], tables.gain[n, t, k], low[at, j], low[at, j] + width)
                    cost = max(cost, alone[n, t, k])
                    if cost < local[n, t]:
                        stages.stage_values(tables, t, cost, inside[at, j])
                        benefit[at, j] = max(0.0, (before[t] + inside[at, j] + after[t]).max() - single[n, k])

    for t in range(slots):
        for k in range(chunks):
            members = np.flatnonzero(number[:, t, k] >= 0)
            if members.size:
                for n in range(devices):
                    least[n] = share[n, t]
                most = channels.largest_set(tables, t, k, least, top[t, k])
                first = number[members[0], t, k]  # they are numbered in a row
                at = slice(first, first + members.size)
                capacity[t, k] = channels.fees(tables, t, k, members, low[at], benefit[at], most, channel_price[t, k], fee[at])

    for n in range(devices):
        for k in range(chunks):
            value[n, k] = single[n, k]
            company = False
            for t in range(slots):
                at = number[n, t, k]
                if at < 0:
                    continue
                for j in range(cells):
                    if benefit[at, j] >= 0.0:
                        company = True
                        for i in range(count):
                            stage[n, k, t, i] = max(stage[n, k, t, i], inside[at, j, i] - fee[at, j])
            if company:
                value[n, k] = programme.forward(tables, stage[n, k], before)
    return value, capacity, single, stage


@njit(cache=True, error_model="numpy")
def _company(
    tables: Tables, energy_price: np.ndarray, value: np.ndarray, capacity: np.ndarray, stage: np.ndarray, cells: int
) -> np.ndarray:
    devices, slots, chunks = tables.gain.shape
    count = tables.frames.size
    gain = np.full((slots, chunks, devices, cells), -np.inf)
    before, after = np.empty((slots, count)), np.empty((slots, count))
    inside = np.empty(count)
    transposed = tables.smoothness.T.copy()
    for n in range(devices):
        for k in range(chunks):
            programme.forward(tables, stage[n, k], before)
            programme.backward(tables, transposed, stage[n, k], after)
            for t in range(slots):
                if tables.tightness[n, t, k] <= 0.0:
                    continue
                eta, strength = energy_price[n, t], tables.gain[n, t, k]
                least = stages.alone_cost(tables, eta, n, strength)
                for j in range(cells):
                    high = min((j + 1) / cells, 1.0 - 1e-12)
                    cost = max(least, stages.share_cost(tables, eta, strength, j / cells, high))
                    stages.stage_values(tables, t, cost, inside)
                    gain[t, k, n, j] = (before[t] + inside + after[t]).max() - value[n, k]
    worth = np.empty((slots, chunks))
    low = np.arange(cells) / cells
    for t in range(slots):
        for k in range(chunks):
            worth[t, k] = channels.best_company(tables, t, k, low, gain[t, k]) - capacity[t, k]
    return worth
