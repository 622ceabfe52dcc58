"""Prices of serving a request, compiled: what certificates recompute and the Lagrangian bound maximises over.

At a multiplier on C8 the split costs ``S^2`` per server and slot, ``S = sum_r s_r`` over the requests there. For every
reference load S0 >= 0 and binary choices ``S^2 >= sum_r h(S0, s_r) - S0^2`` with the capped tangent h: by convexity,
``S^2 = min { sum s_r^2 / b_r : 0 <= b_r <= 1, sum b_r <= 1 }``, and the multiplier S0^2 on ``sum b_r <= 1`` gives
``min { s^2 / b + S0^2 b : 0 <= b <= 1 } = h(S0, s)`` for each request.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import Options

__all__ = ["capped_tangent", "knapsack", "prices"]


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
    return _prices(
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
        float(multiplier),
        bandwidth_load,
        compute_load,
    )


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
            sending = power[k] + multiplier
            for j in range(servers):
                per_upload = sending / (uplink[t, j, k] * bandwidth[j])
                per_download = multiplier / (downlink[t, j, k] * bandwidth[j])
                per_work = multiplier / flops[j]
                load, computing = bandwidth_load[t, j], compute_load[t, j]
                least, argument = np.inf, 0
                for z in range(cuts[t, k] + 1):
                    value = cost[t, k, z] + multiplier * delay[t, k, z]
                    if value >= least:  # the rest is not negative
                        continue
                    value += capped_tangent(load, per_upload * upload[t, k, z] + per_download * download[t, k, z])
                    value += capped_tangent(computing, per_work * work[t, k, z])
                    if value < least:
                        least, argument = value, z
                price[t, k, j] = least
                best[t, k, j] = argument
    return price, best


@njit(cache=True, error_model="numpy")
def knapsack(value: np.ndarray, size: np.ndarray, capacity: int) -> float:
    """Dantzig's bound on the best total value of items within a capacity: the last item may be taken in part.

    Parameters
    ----------
    value
        Value of each item, at least 0, shape [I].
    size
        Size of each item, int64, shape [I].
    capacity
        Size of all that is taken.
    """
    order = np.argsort(-(value / np.maximum(size, 1)))
    total, left = 0.0, capacity
    for item in order:
        if size[item] <= left:
            total += value[item]
            left -= size[item]
        else:
            total += value[item] * (left / size[item])
            break
    return total
