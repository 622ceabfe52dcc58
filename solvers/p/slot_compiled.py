"""Slots of P settled at a multiplier on C8, and what a request would add to them, compiled.

At a multiplier the split costs ``S^2`` per server and slot and resource, ``S = sum_r s_r`` over the requests there (C.1
of the closed form). A request that joins loads (S^B, S^F) therefore adds ``c + lambda d + (2 S^B + s^B) s^B + (2 S^F +
s^F) s^F``. A controller settles each slot at a dozen multipliers and each time in two or three sweeps, so that, unlike a
search that stays at one multiplier (`local_search_compiled`), it does not gain from tables of sorted options.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import Options

__all__ = ["FAILS", "Slots", "marginal_prices", "place", "settle", "slots_of"]

FAILS = -1  # server of a request that fails
SWEEPS = 20  # bound on the sweeps of a descent; three are typical
EPSILON = 1e-12  # least improvement, relative, so that rounding makes no endless loops


class Slots(NamedTuple):
    """Options of S slots of K requests, in the form that the kernels read.

    Attributes
    ----------
    cuts, cost, delay, work, upload, download, failure
        As in `Options`.
    sending, receiving
        1 / (eta^ul B_j) and 1 / (eta^dl B_j) [s/bit], shape [S, K, J].
    power
        mu2 P_k, shape [K].
    flops
        f_j [FLOP/s], shape [J].
    failure_delay
        tau_fail [s].
    """

    cuts: np.ndarray
    cost: np.ndarray
    delay: np.ndarray
    work: np.ndarray
    upload: np.ndarray
    download: np.ndarray
    failure: np.ndarray
    sending: np.ndarray
    receiving: np.ndarray
    power: np.ndarray
    flops: np.ndarray
    failure_delay: float


def slots_of(instance: Instance, options: Options) -> Slots:
    """Put options into the form that the kernels read."""
    sending, receiving = (
        np.ascontiguousarray((1.0 / (link * instance.bandwidth[:, None])).swapaxes(1, 2)) for link in (options.uplink, options.downlink)
    )
    return Slots(
        cuts=options.cuts,
        cost=options.cost,
        delay=options.delay,
        work=options.work,
        upload=options.upload,
        download=options.download,
        failure=options.failure,
        sending=sending,
        receiving=receiving,
        power=instance.energy_weight * instance.user_watts,
        flops=instance.server_flops,
        failure_delay=instance.failure_delay,
    )


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _roots(slots: Slots, t: int, k: int, j: int, multiplier: float, band: np.ndarray, compute: np.ndarray) -> None:
    """Fill the roots s^B and s^F of the cuts of a request at a server; arrays of shape [Z]."""
    upload = (slots.power[k] + multiplier) * slots.sending[t, k, j]
    download = multiplier * slots.receiving[t, k, j]
    work = multiplier / slots.flops[j]
    for z in range(slots.cuts[t, k] + 1):
        band[z] = np.sqrt(upload * slots.upload[t, k, z] + download * slots.download[t, k, z])
        compute[z] = np.sqrt(work * slots.work[t, k, z])


@njit(cache=True, error_model="numpy")
def settle(
    slots: Slots, held: np.ndarray, multiplier: float, server: np.ndarray, cut: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Settle slots by coordinate descent: move one request after the other to its best server and cut until none moves.

    A request may fail where some server lacks its service, and does where all lack it.

    Parameters
    ----------
    slots
        The requests.
    held
        Whether each server holds what each request asks for, bool, shape [S, K, J].
    multiplier
        lambda > 0 on C8.
    server, cut
        sigma (`FAILS` for failing) and z, filled; shape [S, K].

    Returns
    -------
    tuple[np.ndarray, np.ndarray, np.ndarray]
        Loads S^B and S^F, shape [S, 2, J]; cost and delay [s] of each slot's requests together at the optimal split, shape [S].
    """
    count, users = slots.cuts.shape
    servers, width = slots.flops.size, slots.cost.shape[2]
    load = np.zeros((count, 2, servers))
    total_cost, total_delay = np.zeros(count), np.zeros(count)
    own = np.empty((users, width))
    root = np.empty((2, users, servers, width))
    for t in range(count):
        band, compute = load[t, 0], load[t, 1]
        for k in range(users):
            server[t, k] = FAILS
            cut[t, k] = 0
            for z in range(slots.cuts[t, k] + 1):
                own[k, z] = slots.cost[t, k, z] + multiplier * slots.delay[t, k, z]
            for j in range(servers):
                if held[t, k, j]:
                    _roots(slots, t, k, j, multiplier, root[0, k, j], root[1, k, j])
        for _ in range(SWEEPS):
            moved = False
            for k in range(users):
                j, z = server[t, k], cut[t, k]
                least, best_server, best_cut = np.inf, FAILS, 0
                if not held[t, k].all():
                    least = slots.failure[t, k] + multiplier * slots.failure_delay
                if j != FAILS:
                    b, f = root[0, k, j, z], root[1, k, j, z]
                    band[j] -= b
                    compute[j] -= f
                    value = (own[k, z] + b * (2.0 * band[j] + b) + f * (2.0 * compute[j] + f)) * (1.0 - EPSILON)
                    if value < least:
                        least, best_server, best_cut = value, j, z
                for i in range(servers):
                    if not held[t, k, i]:
                        continue
                    twice_band, twice_compute = 2.0 * band[i], 2.0 * compute[i]
                    for q in range(slots.cuts[t, k] + 1):
                        value = own[k, q]
                        if value >= least:  # the rest is not negative
                            continue
                        b, f = root[0, k, i, q], root[1, k, i, q]
                        value += b * (twice_band + b) + f * (twice_compute + f)
                        if value < least:
                            least, best_server, best_cut = value, i, q
                if best_server != FAILS:
                    band[best_server] += root[0, k, best_server, best_cut]
                    compute[best_server] += root[1, k, best_server, best_cut]
                if best_server != j or best_cut != z:
                    moved = True
                    server[t, k], cut[t, k] = best_server, best_cut
            if not moved:
                break
        total_cost[t], total_delay[t] = _account(slots, t, load[t], multiplier, server[t], cut[t])
    return load, total_cost, total_delay


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _account(slots: Slots, t: int, load: np.ndarray, multiplier: float, server: np.ndarray, cut: np.ndarray) -> tuple[float, float]:
    """Cost and delay of a slot: a request with the root s^B has the part s^B / S^B of the bandwidth, likewise compute."""
    cost, delay = 0.0, 0.0
    for k in range(server.size):
        j, z = server[k], cut[k]
        if j == FAILS:
            cost += slots.failure[t, k]
            delay += slots.failure_delay
            continue
        upload = slots.upload[t, k, z] * slots.sending[t, k, j]
        traffic = upload + slots.download[t, k, z] * slots.receiving[t, k, j]
        cost += slots.cost[t, k, z]
        delay += slots.delay[t, k, z]
        if traffic > 0.0:
            stretch = load[0, j] / np.sqrt(slots.power[k] * upload + multiplier * traffic)
            cost += slots.power[k] * upload * stretch
            delay += traffic * stretch
        if slots.work[t, k, z] > 0.0:
            delay += np.sqrt(slots.work[t, k, z] / slots.flops[j] / multiplier) * load[1, j]
    return cost, delay


@njit(cache=True, error_model="numpy")
def marginal_prices(slots: Slots, load: np.ndarray, multiplier: float) -> tuple[np.ndarray, np.ndarray]:
    """What each request would add to a slot with given loads, at each server and its best cut.

    Parameters
    ----------
    slots
        The requests, M slots of them.
    load
        Loads S^B and S^F that others leave, shape [2, J].
    multiplier
        lambda on C8.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        Prices, at most those of failing, shape [M, K, J]; prices of failing, shape [M, K].
    """
    rows, users = slots.cuts.shape
    servers, width = slots.flops.size, slots.cost.shape[2]
    price = np.empty((rows, users, servers))
    fail = slots.failure + multiplier * slots.failure_delay
    band, compute = np.empty(width), np.empty(width)
    for m in range(rows):
        for k in range(users):
            for j in range(servers):
                _roots(slots, m, k, j, multiplier, band, compute)
                least = fail[m, k]
                for z in range(slots.cuts[m, k] + 1):
                    value = slots.cost[m, k, z] + multiplier * slots.delay[m, k, z]
                    value += band[z] * (2.0 * load[0, j] + band[z]) + compute[z] * (2.0 * load[1, j] + compute[z])
                    least = min(least, value)
                price[m, k, j] = least
    return price, fail


class _Placement(NamedTuple):
    """Services on servers: the arguments of `place`, what is held [I, J] and free [J], and what a change would gain and lose [I, J]."""

    price: np.ndarray
    fail: np.ndarray
    model: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    held: np.ndarray
    free: np.ndarray
    gain: np.ndarray
    loss: np.ndarray


@njit(cache=True, error_model="numpy")
def place(
    price: np.ndarray, fail: np.ndarray, model: np.ndarray, weight: np.ndarray, size: np.ndarray, storage: np.ndarray, attempts: int
) -> np.ndarray:
    """Place services at least expected price, given the prices of each user's request for each model at each server.

    Given prices, services separate but for the storage they share, so that what a server gains and loses by a service
    adds up. Greedy by gain per byte is followed by the best exchanges of one service against one or two on a server.
    Then every service, the largest first, is forced on every server that would gain by it, cheap ones making room, and
    greedy and exchanges repair the rest: what is better for it is kept.

    Parameters
    ----------
    price, fail
        Prices of a request, at most those of failing, and of failing, shape [M, K, J] and [M, K].
    model
        Model of each service, shape [I].
    weight
        Expected requests of each service by a user, shape [I].
    size, storage
        D_i, shape [I], and S_j, shape [J] [byte].
    attempts
        Bound on the number of services forced.

    Returns
    -------
    np.ndarray
        Whether each service is held by each server, bool, shape [I, J].
    """
    services, servers = model.size, storage.size
    held = np.zeros((services, servers), dtype=np.bool_)
    gain, loss = np.zeros((services, servers)), np.zeros((services, servers))
    now = _Placement(price, fail, model, weight, size, held, storage.copy(), gain, loss)
    for i in range(services):
        _appraise(now, i)
    least = EPSILON * fail.sum() * weight.max()
    _improve(now, least)
    kept_held, kept_free, kept_gain, kept_loss = now.held.copy(), now.free.copy(), now.gain.copy(), now.loss.copy()
    order = np.argsort(-size, kind="mergesort")
    pairs = services * servers
    pair, failures = 0, 0
    while attempts > 0 and failures < pairs:
        i, j = order[pair // servers], pair % servers
        pair = (pair + 1) % pairs
        failures += 1
        if now.held[i, j] or now.gain[i, j] <= least or size[i] > storage[j]:
            continue
        attempts -= 1
        if _force(now, i, j) + _improve(now, least) > least:
            kept_held[:], kept_free[:], kept_gain[:], kept_loss[:] = now.held, now.free, now.gain, now.loss
            failures = 0
        else:
            now.held[:], now.free[:], now.gain[:], now.loss[:] = kept_held, kept_free, kept_gain, kept_loss
    return held


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _appraise(now: _Placement, i: int) -> None:
    """What each server would gain by holding a service, and lose by giving it up: users go to their cheapest holder."""
    price, fail, held = now.price[now.model[i]], now.fail[now.model[i]], now.held[i]
    gain, loss = now.gain[i], now.loss[i]
    gain[:] = 0.0
    loss[:] = 0.0
    for k in range(fail.size):
        first, second, where = fail[k], fail[k], -1
        for j in range(held.size):
            if held[j]:
                value = price[k, j]
                if value < first:
                    first, second, where = value, first, j
                elif value < second:
                    second = value
        if where >= 0:
            loss[where] += now.weight[i] * (second - first)
        for j in range(held.size):
            if not held[j] and price[k, j] < first:
                gain[j] += now.weight[i] * (first - price[k, j])


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _move(now: _Placement, i: int, j: int) -> float:
    """Give a service to a server that lacks it, or take it away; the gain."""
    change = -now.loss[i, j] if now.held[i, j] else now.gain[i, j]
    now.free[j] += now.size[i] if now.held[i, j] else -now.size[i]
    now.held[i, j] = not now.held[i, j]
    _appraise(now, i)
    return change


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _force(now: _Placement, i: int, j: int) -> float:
    """Give a service to a server and take others from it, by loss per byte that is needed, until all fit; the gain."""
    change = _move(now, i, j)
    while now.free[j] < 0:
        least, out = np.inf, -1
        for o in range(now.size.size):
            if now.held[o, j] and o != i:
                loss = now.loss[o, j] / min(now.size[o], -now.free[j])
                if loss < least:
                    least, out = loss, o
        change += _move(now, out, j)
    return change


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _improve(now: _Placement, least: float) -> float:
    """Place what fits by gain per byte, then make the best exchange, until neither gains; the gain."""
    services, servers = now.held.shape
    total = 0.0
    while True:
        best, into, at = 0.0, -1, -1
        for i in range(services):
            for j in range(servers):
                if not now.held[i, j] and now.size[i] <= now.free[j] and now.gain[i, j] > max(least, best * now.size[i]):
                    best, into, at = now.gain[i, j] / now.size[i], i, j
        first, second = -1, -1
        if into < 0:
            into, at, first, second = _exchange(now, least)
        if into < 0:
            return total
        for i in (first, second, into):
            if i >= 0:
                total += _move(now, i, at)


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _exchange(now: _Placement, least: float) -> tuple[int, int, int, int]:
    """Best exchange: the service that comes (-1: none gains), the server, and the one or two services that go."""
    held, size = now.held, now.size
    services, servers = held.shape
    best, into, at, first, second = least, -1, -1, -1, -1
    for j in range(servers):
        for i in range(services):
            if held[i, j] or now.gain[i, j] <= best:
                continue
            need = size[i] - now.free[j]
            for o in range(services):
                change = now.gain[i, j] - now.loss[o, j]
                if not held[o, j] or change <= best:
                    continue
                if size[o] >= need:
                    best, into, at, first, second = change, i, j, o, -1
                    continue
                for q in range(o):
                    if held[q, j] and size[o] + size[q] >= need and change - now.loss[q, j] > best:
                        best, into, at, first, second = change - now.loss[q, j], i, j, o, q
    return into, at, first, second
