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

__all__ = [
    "Ceiling",
    "Decisions",
    "Leaves",
    "Marginals",
    "Priced",
    "ceiling",
    "company",
    "free",
    "least_shares",
    "marginals",
    "price",
    "whole",
]

SHARES = 32  # cells of all shares of a channel, in which company is looked at
IMPOSSIBLE = -1e200  # value of what decisions rule out


class Decisions(NamedTuple):
    """What is decided of plans.

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


class Leaves(NamedTuple):
    """Sets of plans, each of one device, which together hold all plans of interest; E leaves.

    Attributes
    ----------
    device
        n of each, int64, shape [E].
    worth
        What is added to the value of its chunks, shape [E].
    decisions
        What is decided in it, arrays of shape [E, T, K]. What has a share of at least `least_shares` is offloaded, what has less is not.
    taken
        Whether another device offloads, so that this one may only do so beside it; bool, shape [E, T, K].
    """

    device: np.ndarray
    worth: np.ndarray
    decisions: Decisions
    taken: np.ndarray


class Ceiling(NamedTuple):
    """Upper bounds at given prices.

    Attributes
    ----------
    value
        Of each device where shares of channels are sold in cells, shape [N].
    capacity
        What the devices on each channel pay at most, shape [T, K].
    single
        Value of each device where channels are sold as a whole, shape [N]: with `capacity` = pi a bound only of plans with at most
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
    energy_price, channel_price = (np.array(prices, dtype=float, order="C") for prices in (energy_price, channel_price))
    return Priced(*_price(tables, energy_price, channel_price, decisions or free(tables)))


def marginals(tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray) -> Marginals:
    """Find what each single offload is worth; parameters as in `price`, nothing decided."""
    return Marginals(*_marginals(tables, np.ascontiguousarray(energy_price, dtype=float), np.ascontiguousarray(channel_price, dtype=float)))


def whole(tables: Tables) -> Leaves:
    """One leaf for each device, with all its plans."""
    shape = tables.gain.shape
    return Leaves(np.arange(shape[0]), np.zeros(shape[0]), free(tables), np.zeros(shape, dtype=np.bool_))


def least_shares(tables: Tables, energy_price: np.ndarray, device: np.ndarray) -> np.ndarray:
    """Share of a channel's received power below which an offload is worth less than computing locally, whatever the leaf; shape [N, T].

    Parameters
    ----------
    tables
        The instance.
    energy_price, device
        eta in each leaf, shape [E, T], and its device, int64, shape [E].
    """
    _, share, _ = _costs(tables, device, np.array(energy_price, dtype=float, order="C"))
    least = np.ones(tables.gain.shape[:2])
    np.minimum.at(least, device, share)
    return least


def ceiling(
    tables: Tables,
    energy_price: np.ndarray,
    channel_price: np.ndarray,
    cells: int,
    leaves: Leaves | None = None,
    least: np.ndarray | None = None,
) -> Ceiling:
    """Bound what devices and channels are worth, whoever shares a channel with whom.

    Of each device that is its best leaf. The fee of a share is what the share is worth to the device by itself, and a part of what
    the channel's price leaves; so where no two devices gain enough by sharing, hardly any does.

    Parameters
    ----------
    tables, channel_price
        As in `price`.
    energy_price
        eta in each leaf, shape [E, T].
    cells
        J >= 1, cells of the shares of each device at which it may have company on a channel.
    leaves
        By default `whole`.
    least
        At most what `least_shares` says of these leaves, and what it says by default.
    """
    energy_price, channel_price = (np.array(prices, dtype=float, order="C") for prices in (energy_price, channel_price))
    leaves = leaves or whole(tables)
    least = least_shares(tables, energy_price, leaves.device) if least is None else least
    return Ceiling(*_ceiling(tables, energy_price, channel_price, cells, leaves, least)[:3])


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
    energy_price, channel_price = (np.array(prices, dtype=float, order="C") for prices in (energy_price, channel_price))
    leaves = whole(tables)
    _, capacity, _, stage = _ceiling(tables, energy_price, channel_price, cells, leaves, least_shares(tables, energy_price, leaves.device))
    return np.asarray(_company(tables, energy_price, capacity, stage, SHARES))


@njit(cache=True, error_model="numpy")
def _costs(tables: Tables, device: np.ndarray, energy_price: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """kappaL and theta* [E, T]; kappaAlone [E, T, K], infinite for who cannot be secure or never gains. Of devices [E]."""
    _, slots, chunks = tables.gain.shape
    local, share = np.empty(energy_price.shape), np.empty(energy_price.shape)
    alone = np.full((device.size, slots, chunks), np.inf)
    for e in range(device.size):
        n = device[e]
        for t in range(slots):
            eta = energy_price[e, t]
            local[e, t] = stages.local_cost(tables, eta, n)
            share[e, t] = stages.useful_share(tables, eta, local[e, t])
            for k in range(chunks):
                if tables.tightness[n, t, k] > 0.0:
                    cost = stages.alone_cost(tables, eta, n, tables.gain[n, t, k])
                    if cost < local[e, t]:
                        alone[e, t, k] = cost
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
    local, _, alone = _costs(tables, np.arange(devices), energy_price)
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
    local, _, alone = _costs(tables, np.arange(devices), energy_price)
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
    tables: Tables, energy_price: np.ndarray, channel_price: np.ndarray, cells: int, leaves: Leaves, least: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    devices, slots, chunks = tables.gain.shape
    count, rows, decided = tables.frames.size, leaves.device.size, leaves.decisions.offload
    local, _, alone = _costs(tables, leaves.device, energy_price)

    # Who may offload, who may have company, and in which cells.
    may = np.zeros((devices, slots, chunks), dtype=np.bool_)
    for e in range(rows):
        n = leaves.device[e]
        for t in range(slots):
            for k in range(chunks):
                if decided[e, t, k] < 0 or tables.tightness[n, t, k] <= 0.0:
                    alone[e, t, k] = np.inf
                elif decided[e, t, k] > 0:
                    # Even where it costs more than computing locally.
                    alone[e, t, k] = stages.alone_cost(tables, energy_price[e, t], n, tables.gain[n, t, k])
                may[n, t, k] |= alone[e, t, k] < np.inf
    top, capacity = np.empty((slots, chunks, devices)), np.empty((slots, chunks))
    number = np.full((devices, slots, chunks), -1)
    shared, inner = 0, 0
    for t in range(slots):
        for k in range(chunks):
            lowest = np.where(may[:, t, k], least[:, t], 1.0)
            capacity[t, k] = channel_price[t, k] if may[:, t, k].any() else 0.0
            if channels.top_shares(tables, t, k, lowest, top[t, k]):
                for n in range(devices):
                    if top[t, k, n] > 0.0:
                        number[n, t, k] = shared
                        shared += 1
    place = np.full((rows, slots, chunks), -1)
    for e in range(rows):
        for t in range(slots):
            for k in range(chunks):
                if number[leaves.device[e], t, k] >= 0 and alone[e, t, k] < np.inf:
                    place[e, t, k] = inner
                    inner += 1

    single, value = np.full(devices, -np.inf), np.full(devices, -np.inf)
    chunk, total = np.empty((rows, chunks)), leaves.worth.copy()
    stage = np.empty((rows, chunks, slots, count))
    inside = np.empty((inner, cells, count))  # stages of the cells
    gain = np.full((inner, cells), -np.inf)
    low, benefit, fee = np.zeros((shared, cells)), np.full((shared, cells), -np.inf), np.empty((shared, cells))
    own, other, before, after = np.empty((slots, count)), np.empty(count), np.empty((slots, count)), np.empty((slots, count))
    transposed = tables.smoothness.T.copy()
    for e in range(rows):
        n = leaves.device[e]
        _fill(tables, local[e], own)
        for k in range(chunks):
            company = False
            for t in range(slots):
                here = stage[e, k, t]
                for i in range(count):
                    here[i] = own[t, i] if decided[e, t, k] <= 0 else IMPOSSIBLE
                company |= place[e, t, k] >= 0
                if alone[e, t, k] < np.inf and not leaves.taken[e, t, k]:
                    stages.stage_values(tables, t, alone[e, t, k], other)
                    for i in range(count):
                        here[i] = max(here[i], other[i] - channel_price[t, k])
                here[: leaves.decisions.lowest[e, t, k]] = IMPOSSIBLE
                here[leaves.decisions.highest[e, t, k] + 1 :] = IMPOSSIBLE
            chunk[e, k] = programme.forward(tables, stage[e, k], before)
            total[e] += chunk[e, k]
            if not company:
                continue
            programme.backward(tables, transposed, stage[e, k], after)
            for t in range(slots):
                at = place[e, t, k]
                if at < 0:
                    continue
                width = (top[t, k, n] - least[n, t]) / cells
                for j in range(cells):
                    share = least[n, t] + j * width
                    low[number[n, t, k], j] = share
                    cost = stages.share_cost(tables, energy_price[e, t], tables.gain[n, t, k], share, share + width)
                    cost = max(cost, alone[e, t, k])
                    if cost < local[e, t] or decided[e, t, k] > 0:
                        stages.stage_values(tables, t, cost, inside[at, j])
                        inside[at, j, : leaves.decisions.lowest[e, t, k]] = IMPOSSIBLE
                        inside[at, j, leaves.decisions.highest[e, t, k] + 1 :] = IMPOSSIBLE
                        gain[at, j] = (before[t] + inside[at, j] + after[t]).max() - chunk[e, k]
        single[n] = max(single[n], total[e])

    for e in range(rows):
        n = leaves.device[e]
        for t in range(slots):
            for k in range(chunks):
                if place[e, t, k] >= 0:
                    for j in range(cells):
                        worth = total[e] + gain[place[e, t, k], j] - single[n]
                        benefit[number[n, t, k], j] = max(benefit[number[n, t, k], j], worth)
    for t in range(slots):
        for k in range(chunks):
            members = np.flatnonzero(number[:, t, k] >= 0)
            if members.size:
                most = channels.largest_set(tables, t, k, least[:, t].copy(), top[t, k])
                first = number[members[0], t, k]  # they are numbered in a row
                at = slice(first, first + members.size)
                capacity[t, k] = channels.fees(tables, t, k, members, low[at], benefit[at], most, channel_price[t, k], fee[at])

    for e in range(rows):
        n = leaves.device[e]
        worth = leaves.worth[e]
        for k in range(chunks):
            company = False
            for t in range(slots):
                at = place[e, t, k]
                if at < 0:
                    continue
                for j in range(cells):
                    if gain[at, j] > -np.inf:
                        company = True
                        for i in range(count):
                            stage[e, k, t, i] = max(stage[e, k, t, i], inside[at, j, i] - fee[number[n, t, k], j])
            worth += programme.forward(tables, stage[e, k], before) if company else chunk[e, k]
        value[n] = max(value[n], worth)
    return value, capacity, single, stage


@njit(cache=True, error_model="numpy")
def _company(tables: Tables, energy_price: np.ndarray, capacity: np.ndarray, stage: np.ndarray, cells: int) -> np.ndarray:
    devices, slots, chunks = tables.gain.shape
    count = tables.frames.size
    gain = np.full((slots, chunks, devices, cells), -np.inf)
    before, after = np.empty((slots, count)), np.empty((slots, count))
    inside = np.empty(count)
    transposed = tables.smoothness.T.copy()
    for n in range(devices):
        for k in range(chunks):
            value = programme.forward(tables, stage[n, k], before)
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
                    gain[t, k, n, j] = (before[t] + inside + after[t]).max() - value
    worth = np.empty((slots, chunks))
    low = np.arange(cells) / cells
    for t in range(slots):
        for k in range(chunks):
            worth[t, k] = channels.best_company(tables, t, k, low, gain[t, k]) - capacity[t, k]
    return worth
