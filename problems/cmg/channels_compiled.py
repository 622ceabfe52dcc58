"""Secure cell pairs: what offloads on one channel may pay together, compiled.

At an energy price an offload whose share theta of the received power is below theta* costs more than computing locally. So only
members of an offload set S with theta >= theta* matter. Security (C2 of the problem's description) of S reads

    tightness_n (1 - theta_n) > sum of leakage_j theta_j over j in S other than n, for each n in S.

Tightness is at most leakage, and positive for each member (C3). Hence the condition only gets harder as any share grows, own or
another's: *subsets of a secure set are secure at the same shares, and shares in cells [low, high) are secure only if the low ends
are*. So a device shares a channel only in [theta*, top), where its *top* share is the largest at which a pair with some other device
at that one's theta* is secure; and two devices share one only in cells whose low ends pass the test.

A device pays a fee that depends on the cell of its share: pi from the top share on, where it is alone, and less below. What all
devices of a secure set S pay together is at most

    capacity = max(pi, m / 2 * most that two devices pay in cells that pass the test),

where m is at least |S|: sum S = 1 / (|S| - 1) * sum over pairs of what the pair pays <= |S| / 2 * the most of a pair. m is 2
where no three devices pass the test at their theta*; otherwise the largest number of devices whose theta* sum to less than 1, as shares do.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg.tables import Tables

__all__ = ["best_company", "fees", "largest_set", "top_shares"]


@njit(cache=True, error_model="numpy")
def top_shares(tables: Tables, t: int, k: int, least: np.ndarray, top: np.ndarray) -> bool:
    """Shares up to which devices may share a channel.

    Parameters
    ----------
    tables, t, k
        The instance and the channel.
    least
        theta* of each device, at least 1 where it never offloads; shape [N].
    top
        Written: the top share, 0 of devices that share the channel with nobody; shape [N].

    Returns
    -------
    bool
        Whether any two devices may share the channel.
    """
    devices = least.size
    top[:] = 0.0
    shared = False
    for n in range(devices):
        if least[n] >= 1.0:
            continue
        for j in range(n):
            if least[j] >= 1.0:
                continue
            tight_n, tight_j = tables.tightness[n, t, k], tables.tightness[j, t, k]
            leak_n, leak_j = tables.leakage[n, t, k], tables.leakage[j, t, k]
            most_n = min(1.0 - leak_j * least[j] / tight_n, tight_j * (1.0 - least[j]) / leak_n)
            if most_n > least[n]:
                most_j = min(1.0 - leak_n * least[n] / tight_j, tight_n * (1.0 - least[n]) / leak_j)
                top[n], top[j] = max(top[n], most_n), max(top[j], most_j)
                shared = True
    return shared


@njit(cache=True, error_model="numpy")
def _beside(tables: Tables, t: int, k: int, n: int, share_n: float, j: int, share_j: float) -> bool:
    """Whether two devices may be secure beside each other at shares of at least these."""
    if tables.tightness[n, t, k] * (1.0 - share_n) <= tables.leakage[j, t, k] * share_j:
        return False
    return tables.tightness[j, t, k] * (1.0 - share_j) > tables.leakage[n, t, k] * share_n


@njit(cache=True, error_model="numpy")
def largest_set(tables: Tables, t: int, k: int, least: np.ndarray, top: np.ndarray) -> int:
    """m, number that no secure set of devices at useful shares exceeds; at least 2. Parameters as in `top_shares`."""
    members = np.flatnonzero(top > 0.0)
    for a in range(members.size):
        for b in range(a):
            i, j = members[a], members[b]
            if not _beside(tables, t, k, i, least[i], j, least[j]):
                continue
            for c in range(b):
                o = members[c]
                leaked = (tables.leakage[i, t, k] * least[i], tables.leakage[j, t, k] * least[j], tables.leakage[o, t, k] * least[o])
                total = leaked[0] + leaked[1] + leaked[2]
                if (
                    tables.tightness[i, t, k] * (1.0 - least[i]) > total - leaked[0]
                    and tables.tightness[j, t, k] * (1.0 - least[j]) > total - leaked[1]
                    and tables.tightness[o, t, k] * (1.0 - least[o]) > total - leaked[2]
                ):
                    number, total = 0, 0.0
                    for share in np.sort(least[members]):
                        total += share
                        if total >= 1.0:
                            break
                        number += 1
                    return max(number, 2)
    return 2


@njit(cache=True, error_model="numpy")
def fees(
    tables: Tables, t: int, k: int, members: np.ndarray, low: np.ndarray, benefit: np.ndarray, most: int, price: float, fee: np.ndarray
) -> float:
    """Fees of the cells of a channel's devices: their benefits, and as much more as the channel's price lets all of them be.

    Parameters
    ----------
    tables, t, k
        The instance and the channel.
    members
        Devices that may share it, int64, shape [S].
    low, benefit
        Low ends of their cells, and what these are worth to them, minus infinity where never anything; shapes [S, J].
    most
        m.
    price
        pi.
    fee
        Written, shape [S, J].

    Returns
    -------
    float
        The capacity: at most this is paid by any secure set.
    """
    count, cells = low.shape
    paired = np.zeros((count, cells), dtype=np.bool_)
    largest = 0.0
    for a in range(count):
        for b in range(a):
            n, j = members[a], members[b]
            for x in range(cells):
                if benefit[a, x] == -np.inf:
                    continue
                for y in range(cells):
                    if benefit[b, y] == -np.inf:
                        continue
                    if not _beside(tables, t, k, n, low[a, x], j, low[b, y]):
                        break  # nor at larger shares
                    paired[a, x] = paired[b, y] = True
                    largest = max(largest, min(max(benefit[a, x], 0.0), price) + min(max(benefit[b, y], 0.0), price))
    capacity = max(price, 0.5 * most * largest)
    more = capacity / most - 0.5 * largest
    for a in range(count):
        for x in range(cells):
            fee[a, x] = min(price, max(benefit[a, x], 0.0) + more) if paired[a, x] else price
    return capacity


@njit(cache=True, error_model="numpy")
def best_company(tables: Tables, t: int, k: int, low: np.ndarray, gain: np.ndarray) -> float:
    """Most that a secure set of at least two devices gains on a channel.

    Parameters
    ----------
    tables, t, k
        The instance and the channel.
    low
        Low ends of the cells of shares, rising, shape [J].
    gain
        What each device gains at most by a share in each cell, minus infinity for who cannot be secure; shape [N, J].
    """
    devices, cells = gain.shape
    best, least, gaining = -np.inf, 1.0, 0
    for n in range(devices):
        gains = False
        for x in range(cells):
            if gain[n, x] > 0.0:
                gains, least = True, min(least, low[x])
        gaining += gains
        if gain[n, 0] == -np.inf:
            continue
        for j in range(n):
            if gain[j, 0] == -np.inf:
                continue
            for x in range(cells):
                for y in range(cells):
                    if not _beside(tables, t, k, n, low[x], j, low[y]):
                        break  # nor at larger shares
                    best = max(best, gain[n, x] + gain[j, y])
    if best <= 0.0:
        return best
    number = gaining if least <= 0.0 else min(gaining, int(np.ceil(1.0 / least)) - 1)
    return best * max(1.0, 0.5 * number)
