"""Local search on the polished objective itself, compiled: for instances so small that C8's duality gap shows.

Polished, choices cost ``max over nu of g(nu)``, their Lagrangian value at the worst multiplier. So whatever improves on the
current choices is cheaper at their own multiplier: that filter, a few operations for each move, leaves few moves to
be polished. Beside single moves it passes pairs of which one saves what the other then pays for in delay.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["descend_exactly", "polished_cost"]

SMALLEST, LARGEST = 1e-12, 1e15  # multipliers between which the split is sought
CLOSE = 1e-11  # relative, of the delay to its limit
GAIN = 1e-10  # least improvement, relative


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _transfers(multiplier: float, place: np.ndarray, traffic: np.ndarray, upload: np.ndarray, sums: np.ndarray, band: np.ndarray) -> None:
    """Add up the root weights, and what divides into time and cost by them, at each place: `sums` [P, 3]; the rest [R], [P]."""
    for p in range(band.size):
        for c in range(3):
            sums[p, c] = 0.0
    for r in range(place.size):
        if place[r] >= 0:
            root = np.sqrt(upload[r] + multiplier * traffic[r])
            if root > 0.0:
                sums[place[r], 0] += root
                sums[place[r], 1] += traffic[r] / root
                sums[place[r], 2] += upload[r] / root


@njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
def _late(
    logarithm: float, limit: float, place: np.ndarray, traffic: np.ndarray, upload: np.ndarray, sums: np.ndarray, band: np.ndarray
) -> float:
    """Time of transfers beyond a limit at a multiplier, relative to the limit of all."""
    _transfers(np.exp(logarithm), place, traffic, upload, sums, band)
    time = -limit
    for p in range(band.size):
        time += sums[p, 0] * sums[p, 1] / band[p]
    return time


@njit(cache=True, error_model="numpy")
def polished_cost(
    server: np.ndarray, cut: np.ndarray, cost: np.ndarray, delay: np.ndarray, work: np.ndarray, traffic: np.ndarray, upload: np.ndarray,
    fail: np.ndarray, failure_delay: float, limit: float, slot: np.ndarray, band: np.ndarray, flops: np.ndarray, guess: float
) -> tuple[float, float]:  # fmt: skip
    """Least cost of choices over all splits that meet C8, and its multiplier; infinite if none does.

    Parameters
    ----------
    server, cut
        sigma (-1: failing) and z, shape [R].
    cost, delay, work
        c, d and W, shape [R, Z].
    traffic, upload
        A and mu2 P_k U, shape [R, J, Z].
    fail, failure_delay
        C^fail, shape [R], and tau_fail.
    limit
        N tau_bar.
    slot
        t J of each request, shape [R].
    band, flops
        B_j and f_j of each place (slot, server), shape [T J].
    guess
        Where to look for the multiplier first.
    """
    requests = server.size
    place, a, u = np.empty(requests, dtype=np.int64), np.empty(requests), np.empty(requests)
    computing, sums = np.zeros(band.size), np.empty((band.size, 3))
    total, left = 0.0, limit
    for r in range(requests):
        j, z = server[r], cut[r]
        if j < 0:
            place[r] = -1
            total += fail[r]
            left -= failure_delay
        else:
            place[r], a[r], u[r] = slot[r] + j, traffic[r, j, z], upload[r, j, z]
            total += cost[r, z]
            left -= delay[r, z]
            computing[slot[r] + j] += np.sqrt(work[r, z])
    for p in range(band.size):
        left -= computing[p] ** 2 / flops[p]
    least, most = np.log(SMALLEST), np.log(LARGEST)
    if left <= 0.0 or _late(most, left, place, a, u, sums, band) > 0.0:
        return np.inf, np.inf
    x = least
    if _late(least, left, place, a, u, sums, band) > 0.0:
        low = high = x = min(max(np.log(guess), least), most)
        below = above = _late(x, left, place, a, u, sums, band)
        step = 0.25
        while below <= 0.0:
            low = max(low - step, least)
            below, step = _late(low, left, place, a, u, sums, band), 2.0 * step
        while above > 0.0:
            high = min(high + step, most)
            above, step = _late(high, left, place, a, u, sums, band), 2.0 * step
        side = 0
        while high - low > CLOSE:  # regula falsi, Illinois variant
            x = (low * above - high * below) / (above - below)
            value = _late(x, left, place, a, u, sums, band)
            if abs(value) <= CLOSE * limit:
                break
            if value > 0.0:
                low, below, above, side = x, value, above * (0.5 if side > 0 else 1.0), 1
            else:
                high, above, below, side = x, value, below * (0.5 if side < 0 else 1.0), -1
    _transfers(np.exp(x), place, a, u, sums, band)
    for p in range(band.size):
        total += sums[p, 0] * sums[p, 2] / band[p]
    return total, np.exp(x)


@njit(cache=True, error_model="numpy")
def descend_exactly(
    server: np.ndarray, cut: np.ndarray, allowed: np.ndarray, cuts: np.ndarray, cost: np.ndarray, delay: np.ndarray, work: np.ndarray,
    traffic: np.ndarray, upload: np.ndarray, fail: np.ndarray, failure_delay: float, limit: float, slot: np.ndarray, band: np.ndarray,
    flops: np.ndarray, guess: float, trials: int
) -> tuple[float, float]:  # fmt: skip
    """Improve choices by single moves and pairs of them until none improves, or for a number of trials; cost and multiplier.

    Parameters
    ----------
    server, cut
        Changed; what is infeasible stays.
    allowed
        Whether each request may be served by each server, bool, shape [R, J]; those with a server missing may fail.
    cuts
        L of each request, shape [R].
    cost, delay, work, traffic, upload, fail, failure_delay, limit, slot, band, flops, guess
        As of `polished_cost`.
    trials
        Most moves to polish.
    """
    requests, servers = allowed.shape
    size = requests * (servers * cost.shape[1] + 1)
    change, mover = np.empty(size), np.empty((size, 3), dtype=np.int64)
    loads = np.empty((band.size, 2))
    best, multiplier = polished_cost(
        server, cut, cost, delay, work, traffic, upload, fail, failure_delay, limit, slot, band, flops, guess
    )  # fmt: skip
    improved = best < np.inf
    while improved and trials > 0:
        improved = False
        for p in range(band.size):
            loads[p, 0], loads[p, 1] = 0.0, 0.0
        for r in range(requests):
            if server[r] >= 0:
                p, z = slot[r] + server[r], cut[r]
                loads[p, 0] += np.sqrt((upload[r, server[r], z] + multiplier * traffic[r, server[r], z]) / band[p])
                loads[p, 1] += np.sqrt(multiplier * work[r, z] / flops[p])
        moves = 0
        for r in range(requests):
            here, now, missing = server[r], fail[r] + multiplier * failure_delay, False
            for phase in range(2):  # what the request costs where it is, then anywhere
                for j in range(servers):
                    missing = missing or not allowed[r, j]
                    if (phase == 0 and j != here) or not allowed[r, j]:
                        continue
                    p = slot[r] + j
                    others, computing = loads[p, 0], loads[p, 1]
                    if j == here:
                        z = cut[r]
                        others -= np.sqrt((upload[r, j, z] + multiplier * traffic[r, j, z]) / band[p])
                        computing -= np.sqrt(multiplier * work[r, z] / flops[p])
                    for z in range(cuts[r] + 1):
                        if phase == 0 and z != cut[r]:
                            continue
                        b = np.sqrt((upload[r, j, z] + multiplier * traffic[r, j, z]) / band[p])
                        f = np.sqrt(multiplier * work[r, z] / flops[p])
                        value = cost[r, z] + multiplier * delay[r, z] + b * (b + 2.0 * others) + f * (f + 2.0 * computing)
                        if phase == 0:
                            now = value
                        elif j != here or z != cut[r]:
                            change[moves] = value - now
                            mover[moves, 0], mover[moves, 1], mover[moves, 2] = r, j, z
                            moves += 1
            if missing and here >= 0:
                change[moves] = fail[r] + multiplier * failure_delay - now
                mover[moves, 0], mover[moves, 1], mover[moves, 2] = r, -1, 0
                moves += 1
        order = np.argsort(change[:moves])
        for n in range(moves):
            a = order[n]
            if improved or trials <= 0 or change[a] + change[order[0]] >= 0.0:
                break
            r, j, z = mover[a, 0], server[mover[a, 0]], cut[mover[a, 0]]
            for m in range(-1, n):  # alone, then with each better one
                b = order[m] if m >= 0 else a
                other, k, w = mover[b, 0], server[mover[b, 0]], cut[mover[b, 0]]
                if change[a] + (change[b] if m >= 0 else 0.0) >= 0.0:
                    if m >= 0:
                        break
                    continue
                if m >= 0 and other == r:
                    continue
                server[other], cut[other] = mover[b, 1], mover[b, 2]
                server[r], cut[r] = mover[a, 1], mover[a, 2]
                trials -= 1
                value, at = polished_cost(
                    server, cut, cost, delay, work, traffic, upload, fail, failure_delay, limit, slot, band, flops, multiplier
                )  # fmt: skip
                if value < best * (1.0 - GAIN):
                    best, multiplier, improved = value, at, True
                    break
                server[r], cut[r] = j, z
                server[other], cut[other] = k, w
    return best, multiplier
