"""Prices of serving a request, compiled: what certificates recompute and the Lagrangian bound maximises over.

At a multiplier on C8 the split costs ``S^2`` per server and slot, ``S = sum_r s_r`` over the requests there. For every
reference load S0 >= 0 and binary choices ``S^2 >= sum_r h(S0, s_r) - S0^2`` with the capped tangent h: by convexity,
``S^2 = min { sum s_r^2 / b_r : 0 <= b_r <= 1, sum b_r <= 1 }``, and the multiplier S0^2 on ``sum b_r <= 1`` gives
``min { s^2 / b + S0^2 b : 0 <= b <= 1 } = h(S0, s)`` for each request.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import Options

__all__ = [
    "FREE",
    "IN",
    "OUT",
    "Packing",
    "capped_tangent",
    "free_storage",
    "knapsack",
    "least_price",
    "packing",
    "prices",
    "relaxed_value",
]

FREE, OUT, IN = -1, 0, 1  # whether a server holds a service: undecided, no, yes
COMBINATIONS = 4096  # of a packing's list, beyond which knapsacks are only bounded


@njit(cache=True, error_model="numpy")
def capped_tangent(reference: float, square: float) -> float:
    """h(S0, s) = 2 S0 s if s <= S0, else s^2 + S0^2; the second argument is s^2."""
    if square <= reference * reference:
        return 2.0 * reference * np.sqrt(square)
    return square + reference * reference


def prices(
    instance: Instance, options: Options, multiplier: float, bandwidth_load: np.ndarray, compute_load: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least price of serving each request at each server, over all cuts.

    ``v = min_z c + lambda d + h(S0^B, (mu2 P U + lambda A) / B_j) + h(S0^F, lambda W / f_j)``.

    Parameters
    ----------
    instance, options
        The world and S slots of requests.
    multiplier
        lambda on C8.
    bandwidth_load, compute_load
        Reference loads S0^B and S0^F, shape [S, J].

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        v and the cut that attains it (int64), shape [S, K, J] each.
    """
    return _prices(*_arguments(instance, options), float(multiplier), bandwidth_load, compute_load)


def _arguments(instance: Instance, options: Options) -> tuple[np.ndarray, ...]:
    return (
        options.cuts,
        options.cost,
        options.delay,
        options.work,
        options.upload,
        options.download,
        options.uplink,
        options.downlink,
        instance.energy_weight * instance.user_watts,
        instance.bandwidth,
        instance.server_flops,
    )


@njit(cache=True, error_model="numpy")
def least_price(
    cuts: int,
    cost: np.ndarray,
    delay: np.ndarray,
    work: np.ndarray,
    upload: np.ndarray,
    download: np.ndarray,
    per_upload: float,
    per_download: float,
    per_work: float,
    multiplier: float,
    bandwidth_load: float,
    compute_load: float,
) -> tuple[float, int]:
    """Price of the best cut of one request at one server, and this cut; options have shape [Z]."""
    least, argument = np.inf, 0
    for z in range(cuts + 1):
        value = cost[z] + multiplier * delay[z]
        if value >= least:  # the rest is not negative
            continue
        value += capped_tangent(bandwidth_load, per_upload * upload[z] + per_download * download[z])
        value += capped_tangent(compute_load, per_work * work[z])
        if value < least:
            least, argument = value, z
    return least, argument


@njit(cache=True, error_model="numpy")
def _prices(
    cuts: np.ndarray,
    cost: np.ndarray,
    delay: np.ndarray,
    work: np.ndarray,
    upload: np.ndarray,
    download: np.ndarray,
    uplink: np.ndarray,
    downlink: np.ndarray,
    power: np.ndarray,
    bandwidth: np.ndarray,
    flops: np.ndarray,
    multiplier: float,
    bandwidth_load: np.ndarray,
    compute_load: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    slots, users = cuts.shape
    servers = bandwidth.size
    price = np.empty((slots, users, servers))
    best = np.empty((slots, users, servers), dtype=np.int64)
    for t in range(slots):
        for k in range(users):
            for j in range(servers):
                price[t, k, j], best[t, k, j] = least_price(
                    cuts[t, k],
                    cost[t, k],
                    delay[t, k],
                    work[t, k],
                    upload[t, k],
                    download[t, k],
                    (power[k] + multiplier) / (uplink[t, j, k] * bandwidth[j]),
                    multiplier / (downlink[t, j, k] * bandwidth[j]),
                    multiplier / flops[j],
                    multiplier,
                    bandwidth_load[t, j],
                    compute_load[t, j],
                )
    return price, best


class Packing(NamedTuple):
    """What knapsacks over the services have in common, whatever the values and the capacity.

    Services of one size differ in value alone, so a packing is a number of each of the G sizes: the most valuable
    first. The sizes stand in three lists, and the combinations of numbers of each list are enumerated once.

    Attributes
    ----------
    size
        Sizes, falling, int64, shape [G].
    first, member
        Services of size g are ``member[first[g] : first[g + 1]]``; int64, shapes [G + 1] and [I].
    sizes
        Sizes g of list l are those from ``sizes[l]`` up to ``sizes[l + 1]``; int64, shape [4].
    combinations
        Rows of list l are those from ``combinations[l]`` up to ``combinations[l + 1]``; int64, shape [4].
    number
        Numbers of each size in each row, rows of a list by rising weight; int64, shape [C, G]. Empty if there are too
        many: then knapsacks are bounded only.
    weight
        Size of what is taken in each row, int64, shape [C].
    """

    size: np.ndarray
    first: np.ndarray
    member: np.ndarray
    sizes: np.ndarray
    combinations: np.ndarray
    number: np.ndarray
    weight: np.ndarray


def packing(size: np.ndarray) -> Packing:
    """Prepare knapsacks over services of given sizes, int64, shape [I]."""
    falling, group = np.unique(-size, return_inverse=True)
    distinct, copies = -falling, np.bincount(group)
    reach = np.concatenate(([0.0], np.cumsum(np.log(copies + 1.0))))
    third = np.searchsorted(reach, reach[-1] * np.array([1 / 3, 2 / 3]) + 1e-9, side="right") - 1
    sizes = np.array([0, *third, distinct.size])
    rows, weights = [], []
    if np.exp(np.diff(reach[sizes]).max()) <= COMBINATIONS + 0.5:
        for low, high in pairwise(sizes.tolist()):
            numbers = np.array(list(product(*(range(n + 1) for n in copies[low:high].tolist()))), dtype=np.int64)
            weight = numbers @ distinct[low:high]
            order = np.argsort(weight, kind="stable")
            row = np.zeros((order.size, distinct.size), dtype=np.int64)
            row[:, low:high] = numbers[order]
            rows.append(row)
            weights.append(weight[order].astype(np.int64))
    return Packing(
        size=distinct,
        first=np.concatenate(([0], np.cumsum(copies))),
        member=np.argsort(group, kind="stable"),
        sizes=sizes.astype(np.int64),
        combinations=np.cumsum([0, *map(len, rows)]) if rows else np.zeros(4, dtype=np.int64),
        number=np.concatenate(rows) if rows else np.zeros((0, distinct.size), dtype=np.int64),
        weight=np.concatenate(weights) if weights else np.zeros(0, dtype=np.int64),
    )


@njit(cache=True, error_model="numpy")
def knapsack(value: np.ndarray, packing: Packing, capacity: int, taken: np.ndarray) -> float:
    """Bound from above on the total value of services within a capacity: the best one, if the packing has combinations.

    Parameters
    ----------
    value
        Value of each service, at least 0, shape [I].
    packing
        The services' sizes.
    capacity
        Size of all that is taken.
    taken
        Receives what is taken of each service, shape [I].

    Returns
    -------
    float
        The value of what is taken.
    """
    total, used = 0.0, 0
    for g in range(packing.size.size):
        for m in range(packing.first[g], packing.first[g + 1]):
            taken[packing.member[m]] = 0.0
            if value[packing.member[m]] > 0.0:
                taken[packing.member[m]] = 1.0
                total += value[packing.member[m]]
                used += packing.size[g]
    if used <= capacity:
        return total
    if packing.number.shape[0] == 0:
        return _fractional(value, packing, capacity, taken)
    return _enumerated(value, packing, capacity, taken)


@njit(cache=True, error_model="numpy")
def _fractional(value: np.ndarray, packing: Packing, capacity: int, taken: np.ndarray) -> float:
    """Dantzig's bound: what is most valuable for its size first, and the last service in part."""
    total, left = 0.0, capacity
    taken[:] = 0.0
    while left > 0:
        item, size, density = -1, 0, 0.0
        for g in range(packing.size.size):
            for m in range(packing.first[g], packing.first[g + 1]):
                if taken[packing.member[m]] == 0.0 and value[packing.member[m]] > density * max(packing.size[g], 1):
                    item, size = packing.member[m], packing.size[g]
                    density = value[item] / max(size, 1)
        if item < 0:
            break
        taken[item] = 1.0 if size <= left else left / size
        total += value[item] * taken[item]
        left -= size
    return total


@njit(cache=True, error_model="numpy")
def _enumerated(value: np.ndarray, packing: Packing, capacity: int, taken: np.ndarray) -> float:
    """Best value: of each list only the rows that outweigh no better one, then a row of the first with a pair of the others."""
    member, groups = packing.member.copy(), packing.size.size
    most = 0
    for g in range(groups):
        most = max(most, packing.first[g + 1] - packing.first[g])
    worth = np.zeros((groups, most + 1))  # of the n most valuable services of each size
    for g in range(groups):
        for m in range(packing.first[g], packing.first[g + 1]):
            item, place = member[m], m
            while place > packing.first[g] and value[member[place - 1]] < value[item]:
                member[place] = member[place - 1]
                place -= 1
            member[place] = item
        for m in range(packing.first[g], packing.first[g + 1]):
            n = m - packing.first[g]
            worth[g, n + 1] = worth[g, n] + value[member[m]]

    rows = np.empty(packing.weight.size, dtype=np.int64)
    gain = np.empty(packing.weight.size)
    ends = np.empty(4, dtype=np.int64)
    ends[0] = 0
    kept = 0
    for part in range(3):
        record = -1.0
        for row in range(packing.combinations[part], packing.combinations[part + 1]):
            if packing.weight[row] > capacity:
                break
            total = 0.0
            for g in range(packing.sizes[part], packing.sizes[part + 1]):
                total += worth[g, packing.number[row, g]]
            if total > record:
                record = total
                rows[kept], gain[kept] = row, total
                kept += 1
        ends[part + 1] = kept

    best, chosen = -1.0, (0, 0, 0)
    rest = gain[ends[2] - 1] + gain[ends[3] - 1]
    for a in range(ends[1] - 1, -1, -1):
        if gain[a] + rest <= best:
            break  # lighter rows are worth less
        left = capacity - packing.weight[rows[a]]
        c = ends[3] - 1
        for b in range(ends[1], ends[2]):
            while c >= ends[2] and packing.weight[rows[b]] + packing.weight[rows[c]] > left:
                c -= 1
            if c < ends[2]:
                break
            if gain[a] + gain[b] + gain[c] > best:
                best, chosen = gain[a] + gain[b] + gain[c], (rows[a], rows[b], rows[c])
    for g in range(groups):
        number = packing.number[chosen[0], g] + packing.number[chosen[1], g] + packing.number[chosen[2], g]
        for m in range(packing.first[g], packing.first[g + 1]):
            taken[member[m]] = 1.0 if m - packing.first[g] < number else 0.0
    return best


def relaxed_value(
    instance: Instance,
    options: Options,
    packing: Packing,
    multiplier: float,
    bandwidth_load: np.ndarray,
    compute_load: np.ndarray,
    offer: np.ndarray,
    fixed: np.ndarray,
) -> tuple[float, float]:
    """Bound from below on what an interval's requests cost at a multiplier on C8.

    Requests pay servers for holding their services: ``mu_rj = max(0, m_r - v_rj)`` for an offer m_r, which is the least
    that makes the request cost m_r anywhere. Every server then holds the packing that is paid most.

    Parameters
    ----------
    instance, options
        The world and the S slots of requests of one interval.
    packing
        Of the services' sizes.
    multiplier
        lambda on C8.
    bandwidth_load, compute_load
        Reference loads S0^B and S0^F, shape [S, J].
    offer
        m, shape [S, K]; at most what failing costs and at least what the cheapest server does, or else counted as such.
    fixed
        `FREE`, `OUT` or `IN` for each server and service, int8, shape [J, I].

    Returns
    -------
    tuple[float, float]
        The value, infinite if the services fixed in do not fit, and the sum of its absolute terms.
    """
    failure = options.failure + multiplier * instance.failure_delay
    serve, _ = prices(instance, options, multiplier, bandwidth_load, compute_load)
    load = float((bandwidth_load**2).sum() + (compute_load**2).sum())
    requests, stored = _traded(serve, failure, options.service, offer, fixed, packing, instance.storage)
    return requests - stored - load, requests + abs(stored) + load


@njit(cache=True, error_model="numpy")
def _traded(
    serve: np.ndarray,
    failure: np.ndarray,
    service: np.ndarray,
    offer: np.ndarray,
    fixed: np.ndarray,
    packing: Packing,
    storage: np.ndarray,
) -> tuple[float, float]:
    """What requests cost and what servers are paid of it; the latter minus infinity if the services fixed in do not fit."""
    slots, users, servers = serve.shape
    worth, taken = np.zeros(fixed.shape), np.empty(fixed.shape[1])
    requests, stored = 0.0, 0.0
    for t in range(slots):
        for k in range(users):
            i = service[t, k]
            least = failure[t, k]
            for j in range(servers):
                if fixed[j, i] != OUT and serve[t, k, j] < least:
                    least = serve[t, k, j]
            price = min(max(offer[t, k], least), failure[t, k])
            requests += price
            for j in range(servers):
                if fixed[j, i] != OUT and serve[t, k, j] < price:
                    worth[j, i] += price - serve[t, k, j]
    for j in range(servers):
        room = free_storage(packing, storage[j], fixed[j])
        if room < 0:
            return requests, -np.inf
        for i in range(fixed.shape[1]):
            if fixed[j, i] == IN:
                stored += worth[j, i]
                worth[j, i] = 0.0
        stored += knapsack(worth[j], packing, room, taken)
    return requests, stored


@njit(cache=True, error_model="numpy")
def free_storage(packing: Packing, storage: int, fixed: np.ndarray) -> int:
    """Storage that a server's services fixed in leave free; negative if they do not fit."""
    for g in range(packing.size.size):
        for m in range(packing.first[g], packing.first[g + 1]):
            if fixed[packing.member[m]] == IN:
                storage -= packing.size[g]
    return storage
