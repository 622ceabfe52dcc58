"""What the primal search of an interval works on: options priced at a multiplier, decisions, and requests by service.

At a multiplier the split costs ``S^2`` per server and slot and resource, ``S = sum_r s_r`` over the requests there
(C.1 of the closed form), so that a request with root weights (b, f) that joins loads (S^B, S^F) adds
``c + lambda d + b^2 + f^2 + 2 S^B b + 2 S^F f``: linear in the loads, so options that another one beats in all three
coefficients are never chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["UNSERVED", "Demand", "State", "Table", "tabulate"]

UNSERVED = -1  # server of a request that fails


class Table(NamedTuple):
    """Options of the R = S K requests of an interval at a multiplier, request r = t K + k; Q columns.

    Attributes
    ----------
    own
        ``c + lambda d + b^2 + f^2`` rising along the options of a request and server, then 2 b and 2 f, shape
        [R * J * Q * 3]. Options that another one beats at any loads are left out.
    first
        The least of ``c + lambda d + b^2 + f^2``, shape [R * J].
    number
        Number of options, shape [R * J].
    order
        Servers of each request by rising `first`, shape [R * J].
    fail
        ``C^fail + lambda tau_fail``, shape [R].
    service
        i_r, shape [R].
    """

    own: np.ndarray
    first: np.ndarray
    number: np.ndarray
    order: np.ndarray
    fail: np.ndarray
    service: np.ndarray


class State(NamedTuple):
    """Decisions of an interval and what follows from them.

    Attributes
    ----------
    server, option
        Server of each request, -1 where it fails, and number of its option, int64, shape [R].
    row
        The option's row of the table, or `fail` and no weights, shape [R * 3].
    load
        S^B and S^F of each slot and server, shape [S * J * 2].
    held
        Whether each server holds each service, bool, shape [I, J].
    free
        Storage left [byte], int64, shape [J].
    """

    server: np.ndarray
    option: np.ndarray
    row: np.ndarray
    load: np.ndarray
    held: np.ndarray
    free: np.ndarray


class Demand(NamedTuple):
    """Requests of an interval by service.

    Attributes
    ----------
    start
        Requests of service i are those from ``start[i]`` to ``start[i + 1]``, shape [I + 1].
    request, slot
        Requests in that order and their slots, shape [R].
    size
        D_i [byte], int64, shape [I].
    """

    start: np.ndarray
    request: np.ndarray
    slot: np.ndarray
    size: np.ndarray


@njit(cache=True, error_model="numpy")
def tabulate(
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
    weight: float,
    multiplier: float,
    own: np.ndarray,
    first: np.ndarray,
    number: np.ndarray,
    order: np.ndarray,
    fail: np.ndarray,
    cut: np.ndarray,
    server: np.ndarray,
    option: np.ndarray,
    row: np.ndarray,
    load: np.ndarray,
) -> None:
    """Fill the table of an interval anew, keeping its decisions.

    Parameters
    ----------
    cuts, cost, delay, work, upload, download, uplink, downlink
        Of the `Options`, the interval's slots alone.
    power, bandwidth, flops
        mu2 P_k, B_j and f_j.
    weight, multiplier
        Of the cost (0: delay alone) and of the delay.
    own, first, number, order, fail, cut
        Filled but for `fail`; `own` of shape [S, K, J, Q, 3], z of the options [S, K, J, Q], the others [S, K, J] and [S, K].
    server, option, row, load
        Of the `State`. Options are renumbered, the cheapest where the table no longer holds a request's cut; rows and
        loads follow.
    """
    slots, users = cuts.shape
    servers = bandwidth.size
    load[:] = 0.0
    for t in range(slots):
        for k in range(users):
            r = t * users + k
            sending = weight * power[k] + multiplier
            old = cut[t, k, server[r], option[r]] if server[r] >= 0 else -1
            for j in range(servers):
                per_upload = sending / (uplink[t, j, k] * bandwidth[j])
                per_download = multiplier / (downlink[t, j, k] * bandwidth[j])
                per_work = multiplier / flops[j]
                n = 0
                for z in range(cuts[t, k] + 1):
                    band = per_upload * upload[t, k, z] + per_download * download[t, k, z]
                    compute = per_work * work[t, k, z]
                    value = weight * cost[t, k, z] + multiplier * delay[t, k, z] + band + compute
                    q = n
                    while q > 0 and own[t, k, j, q - 1, 0] > value:
                        for c in range(3):
                            own[t, k, j, q, c] = own[t, k, j, q - 1, c]
                        cut[t, k, j, q] = cut[t, k, j, q - 1]
                        q -= 1
                    own[t, k, j, q, 0] = value
                    own[t, k, j, q, 1] = 2.0 * np.sqrt(band)
                    own[t, k, j, q, 2] = 2.0 * np.sqrt(compute)
                    cut[t, k, j, q] = z
                    n += 1
                kept = 0
                for q in range(n):
                    p = 0
                    while p < kept and (own[t, k, j, p, 1] > own[t, k, j, q, 1] or own[t, k, j, p, 2] > own[t, k, j, q, 2]):
                        p += 1
                    if p == kept:
                        for c in range(3):
                            own[t, k, j, kept, c] = own[t, k, j, q, c]
                        cut[t, k, j, kept] = cut[t, k, j, q]
                        kept += 1
                number[t, k, j] = kept
                first[t, k, j] = own[t, k, j, 0, 0]
                p = j
                while p > 0 and first[t, k, order[t, k, p - 1]] > first[t, k, j]:
                    order[t, k, p] = order[t, k, p - 1]
                    p -= 1
                order[t, k, p] = j
            j = server[r]
            row[3 * r], row[3 * r + 1], row[3 * r + 2] = fail[t, k], 0.0, 0.0
            if j >= 0:
                q = 0
                for p in range(number[t, k, j]):
                    if cut[t, k, j, p] == old:
                        q = p
                option[r] = q
                for c in range(3):
                    row[3 * r + c] = own[t, k, j, q, c]
                load[2 * (t * servers + j)] += 0.5 * own[t, k, j, q, 1]
                load[2 * (t * servers + j) + 1] += 0.5 * own[t, k, j, q, 2]
