"""The closed-form split of bandwidth and compute among the requests of each server and slot.

With a multiplier nu on C8 and the discrete choices fixed, every server and slot separates, and by Cauchy-Schwarz
``sum b_r^2 / B_r`` over ``sum B_r <= B_j`` is least where B_r is proportional to b_r = sqrt(mu2 P_k U + nu A); likewise
compute with sqrt(W). One scalar nu remains, found where the average delay meets its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import Options
from mecbench.problems.p.physics import quotient
from mecbench.problems.p.solution import Solution

__all__ = ["Choices", "Servers", "Split", "choices", "least_multiplier", "polish", "split"]

SHRINK = 1.0 - 1e-12  # of every share, so that sums stay within a capacity despite rounding
TARGET = 1.0 - 1e-10  # of the delay limit that the search aims at, so that C8 holds despite rounding
LARGEST = 1e30  # multiplier from which the delay counts as least


class Servers(Protocol):
    """What a split needs to know of the servers: an instance, or several instances side by side."""

    @property
    def servers(self) -> int:
        """J, number of servers."""

    @property
    def bandwidth(self) -> np.ndarray:
        """B_j [Hz], shape [J]."""

    @property
    def server_flops(self) -> np.ndarray:
        """f_j [FLOP/s], shape [J]."""


@dataclass(frozen=True, eq=False)
class Choices:
    """Requests whose discrete choices are made; any leading shape, here [S, K].

    Attributes
    ----------
    server
        sigma, int64.
    hit
        Whether the server holds the service; others take part in nothing here.
    delay, traffic, upload, work
        d [s], A [Hz s], weighted upload mu2 P_k U [Hz], W [FLOP] of the chosen options; 0 where not hit.
    """

    server: np.ndarray
    hit: np.ndarray
    delay: np.ndarray
    traffic: np.ndarray
    upload: np.ndarray
    work: np.ndarray


@dataclass(frozen=True, eq=False)
class Split:
    """Shares of the requests, shape [S, K] each, and the multiplier nu that they are optimal at."""

    bandwidth: np.ndarray
    compute: np.ndarray
    multiplier: float


def choices(instance: Instance, options: Options, hit: np.ndarray, server: np.ndarray, cut: np.ndarray) -> Choices:
    """Pick the options that were chosen.

    Parameters
    ----------
    instance, options
        The world and its requests.
    hit, server, cut
        Whether each request is served, sigma and z; shape [S, K].
    """
    slot, user = np.arange(server.shape[0])[:, None], np.arange(server.shape[1])
    upload = options.upload[slot, user, cut] / options.uplink[slot, server, user]
    traffic = upload + options.download[slot, user, cut] / options.downlink[slot, server, user]
    return Choices(
        server=server,
        hit=hit,
        delay=np.where(hit, options.delay[slot, user, cut], 0.0),
        traffic=np.where(hit, traffic, 0.0),
        upload=np.where(hit, instance.energy_weight * instance.user_watts * upload, 0.0),
        work=np.where(hit, options.work[slot, user, cut], 0.0),
    )


def split(servers: Servers, chosen: Choices, multiplier: float) -> Split:
    """Optimal shares at a multiplier nu >= 0 on the delay.

    At nu = 0, the limit of small nu, a request that uploads nothing gets bandwidth only where nobody on its server
    uploads. An infinite nu minimises the delay alone.
    """
    place = _place(servers, chosen.server)
    if multiplier == 0.0:
        uploads = _sums(place, chosen.upload)[place] > 0
        weight = np.where(uploads, chosen.upload, chosen.traffic)
    elif np.isinf(multiplier):
        weight = chosen.traffic
    else:
        weight = chosen.upload + multiplier * chosen.traffic
    bandwidth = _shares(place, np.sqrt(weight), servers.bandwidth[chosen.server])
    compute = _shares(place, np.sqrt(chosen.work), servers.server_flops[chosen.server])
    return Split(bandwidth, compute, multiplier)


def polish(instance: Instance, options: Options, deployment: np.ndarray, server: np.ndarray, cut: np.ndarray) -> Solution:
    """Solution with the optimal split for discrete choices of any origin.

    It is exact: the cheapest split that meets C8, or, if the choices admit none, the one of least delay.

    Parameters
    ----------
    instance, options
        The instance and the options of its trace.
    deployment, server, cut
        x [n, I, J], sigma and z [T, K].
    """
    slot = np.arange(instance.slots)[:, None]
    hit = deployment[slot // instance.interval, instance.service, server]
    chosen = choices(instance, options, hit, server, cut)
    shares = split(instance, chosen, least_multiplier(instance, chosen))
    return Solution(deployment=deployment, server=server, cut=cut, bandwidth=SHRINK * shares.bandwidth, compute=SHRINK * shares.compute)


def least_multiplier(instance: Instance, chosen: Choices) -> float:
    """Least nu whose split meets C8, infinite if none does.

    All that depends on nu are sums over the places (slot, server): with weights b_r the time of transfers is
    ``sum_r A_r (sum_r b_r) / (b_r B_j)``.
    """
    from scipy.optimize import brentq

    place = _place(instance, chosen.server)
    server = np.arange(place.max() + 1) % instance.servers
    capacity = instance.bandwidth[server]
    compute_time = _sums(place, np.sqrt(chosen.work)) ** 2 / instance.server_flops[server]
    failed = instance.failure_delay * float((~chosen.hit).sum())
    fixed = failed + float(chosen.delay.sum()) + float(compute_time.sum())
    limit = TARGET * instance.delay_limit * chosen.server.size

    def excess(weight: np.ndarray) -> float:
        root = np.sqrt(weight)
        return float((_sums(place, root) * _sums(place, quotient(chosen.traffic, root)) / capacity).sum()) + fixed - limit

    if excess(chosen.traffic) > 0:
        return np.inf
    uploads = _sums(place, chosen.upload)[place] > 0
    if excess(np.where(uploads, chosen.upload, chosen.traffic)) <= 0:
        return 0.0

    def at(logarithm: float) -> float:
        value = excess(chosen.upload + np.exp(logarithm) * chosen.traffic)
        return value if np.isfinite(value) else 1e300

    low, high = np.log(1e-12), 0.0
    while at(high) > 0:
        low, high = high, high + 2.0
        if high > np.log(LARGEST):
            return np.inf
    while at(low) <= 0:
        low, high = low - 4.0, low
    root = float(brentq(at, low, high, xtol=1e-14, rtol=1e-15))
    while at(root) > 0:  # end on the side where C8 holds
        root += 1e-13 * max(1.0, abs(root))
    return float(np.exp(root))


def _place(servers: Servers, server: np.ndarray) -> np.ndarray:
    """Number of each request's (slot, server), shape [S, K]."""
    return np.arange(server.shape[0])[:, None] * servers.servers + server


def _sums(place: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums over each place up to the last that occurs."""
    return np.bincount(place.ravel(), weights=values.ravel())


def _shares(place: np.ndarray, weight: np.ndarray, whole: np.ndarray) -> np.ndarray:
    total = _sums(place, weight)[place]
    return np.where(total > 0, whole * weight / np.where(total > 0, total, 1.0), 0.0)
