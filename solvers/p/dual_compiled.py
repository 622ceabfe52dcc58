"""Ascent of the Lagrangian bound on some slots, compiled.

At a fixed multiplier the bound is a concave function of the reference loads S0 and of the prices mu of holding a
service. The best prices that let a request cost m_r at least are ``mu_rj = max(0, m_r - v_rj)``, so one number for each
request is enough: its *offer*, at most what failing costs. What remains is to maximise

    sum_r m_r - sum_j (best packing of server j, a service being worth sum_r max(0, m_r - v_rj)) - sum S0^2,

the condensed dual of facility location, with knapsacks. An offer should rise while no server that holds the service is
cheaper and fall while several are: a supergradient of small integers. An iteration takes some hundred microseconds for
500 requests and 10 servers, so thousands of deflected supergradient steps end where linear programmes would, without
any. Steps aim at a level above the best value (Polyak), whose distance grows while it is reached and shrinks while it
is not. Loads move far less per iteration than offers: options are priced anew once a round, and the loads follow the
mean loads of the round's choices, which are their supergradient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p.instance import Instance
from mecbench.problems.p.pricing import FREE, IN, OUT, Packing, free_storage, knapsack, least_price, packing

__all__ = ["Point", "Prices", "Requests", "World", "ascend_available", "ascend_interval", "rebase", "world"]

DEFLECTION = 0.5  # of the last direction that the next one keeps
REACHED = 0.3  # of the level's distance that a round must gain for the distance to grow
GROWTH = 1.5
SHRINKAGE = 0.9
SEED = 0.03  # of a request's own load that counts where the reference is less: at 0 it would stay for ever
MEMORY = 0.02  # weight of the newest choices in the running means


class World(NamedTuple):
    """What an instance fixes: mu2 P_k [K], B_j, f_j and S_j [J], tau_fail, and the sizes of its services."""

    power: np.ndarray
    bandwidth: np.ndarray
    flops: np.ndarray
    storage: np.ndarray
    failure_delay: float
    packing: Packing


def world(instance: Instance) -> World:
    """What an instance fixes."""
    return World(
        power=instance.energy_weight * instance.user_watts,
        bandwidth=instance.bandwidth,
        flops=instance.server_flops,
        storage=instance.storage,
        failure_delay=instance.failure_delay,
        packing=packing(instance.service_bytes),
    )


class Requests(NamedTuple):
    """Options of S slots of requests, as in `mecbench.problems.p.options.Options`."""

    cuts: np.ndarray
    cost: np.ndarray
    delay: np.ndarray
    work: np.ndarray
    upload: np.ndarray
    download: np.ndarray
    failure: np.ndarray
    service: np.ndarray
    uplink: np.ndarray
    downlink: np.ndarray


class Point(NamedTuple):
    """Dual data of S slots and the running means of the choices there, which approach the relaxed primal solution.

    Attributes
    ----------
    bandwidth_load, compute_load
        S0, shape [S, J].
    offer
        m, shape [S, K].
    direction
        Deflected supergradient of the offers, shape [S, K].
    held
        Mean of "server holds this service", shape [J, I].
    """

    bandwidth_load: np.ndarray
    compute_load: np.ndarray
    offer: np.ndarray
    direction: np.ndarray
    held: np.ndarray


class Prices(NamedTuple):
    """v of each request and server, and of its best cut the loads min(s, S0) and the supergradient in lambda; shape [S, K, J]."""

    serve: np.ndarray
    bandwidth_part: np.ndarray
    compute_part: np.ndarray
    lateness: np.ndarray


@njit(cache=True, error_model="numpy")
def _price(world: World, requests: Requests, multiplier: float, point: Point, prices: Prices) -> None:
    """Price all options at the point's loads."""
    slots, users = requests.cuts.shape
    for t in range(slots):
        for k in range(users):
            cost, delay, work = requests.cost[t, k], requests.delay[t, k], requests.work[t, k]
            upload, download = requests.upload[t, k], requests.download[t, k]
            for j in range(world.bandwidth.size):
                band, compute = point.bandwidth_load[t, j], point.compute_load[t, j]
                up = 1.0 / (requests.uplink[t, j, k] * world.bandwidth[j])
                down = 1.0 / (requests.downlink[t, j, k] * world.bandwidth[j])
                prices.serve[t, k, j], z = least_price(
                    requests.cuts[t, k],
                    cost,
                    delay,
                    work,
                    upload,
                    download,
                    (world.power[k] + multiplier) * up,
                    multiplier * down,
                    multiplier / world.flops[j],
                    multiplier,
                    band,
                    compute,
                )
                traffic, computing = up * upload[z] + down * download[z], work[z] / world.flops[j]
                sent = np.sqrt(world.power[k] * up * upload[z] + multiplier * traffic)
                computed = np.sqrt(multiplier * computing)
                prices.bandwidth_part[t, k, j] = min(sent, max(band, SEED * sent))
                prices.compute_part[t, k, j] = min(computed, max(compute, SEED * computed))
                lateness = delay[z] + traffic * max(1.0, band / sent if sent > 0 else 1.0)
                prices.lateness[t, k, j] = lateness + computing * max(1.0, compute / computed if computed > 0 else 1.0)


@njit(cache=True, error_model="numpy")
def _follow(load: np.ndarray, total: np.ndarray, scale: float, pace: float) -> None:
    """Move loads towards the mean of what was counted."""
    for t in range(load.shape[0]):
        for j in range(load.shape[1]):
            load[t, j] += pace * (total[t, j] * scale - load[t, j])


@njit(cache=True, error_model="numpy")
def _squares(point: Point) -> float:
    total = 0.0
    for t in range(point.bandwidth_load.shape[0]):
        for j in range(point.bandwidth_load.shape[1]):
            total += point.bandwidth_load[t, j] ** 2 + point.compute_load[t, j] ** 2
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def ascend_available(world: World, requests: Requests, multiplier: float, point: Point, prices: Prices, pace: float) -> tuple[float, float]:
    """One iteration where every server holds every service: each request offers its least price.

    Returns
    -------
    tuple[float, float]
        N (bound + lambda limit) at the point, and the sum of the requests' delays, its supergradient in lambda.
    """
    _price(world, requests, multiplier, point, prices)
    slots, users, servers = prices.serve.shape
    band, compute = np.zeros((slots, servers)), np.zeros((slots, servers))
    value, lateness = -_squares(point), 0.0
    for t in range(slots):
        for k in range(users):
            least, best = requests.failure[t, k] + multiplier * world.failure_delay, -1
            for j in range(servers):
                if prices.serve[t, k, j] < least:
                    least, best = prices.serve[t, k, j], j
            value += least
            point.offer[t, k] = least
            if best >= 0:
                band[t, best] += prices.bandwidth_part[t, k, best]
                compute[t, best] += prices.compute_part[t, k, best]
                lateness += prices.lateness[t, k, best]
            else:
                lateness += world.failure_delay
    _follow(point.bandwidth_load, band, 1.0, pace)
    _follow(point.compute_load, compute, 1.0, pace)
    return value, lateness


@njit(cache=True, error_model="numpy", nogil=True)
def rebase(world: World, requests: Requests, before: float, multiplier: float, point: Point, prices: Prices) -> None:
    """Carry a point over to another multiplier: offers keep their distance from the least price, loads scale as weights do."""
    slots, users = requests.cuts.shape
    failure = requests.failure + multiplier * world.failure_delay
    _price(world, requests, before, point, prices)
    for t in range(slots):
        for k in range(users):
            point.offer[t, k] -= np.min(prices.serve[t, k])
    point.compute_load[:] *= np.sqrt(multiplier / before) if before > 0.0 else 1.0
    point.bandwidth_load[:] *= np.sqrt((np.mean(world.power) + multiplier) / (np.mean(world.power) + before))
    _price(world, requests, multiplier, point, prices)
    for t in range(slots):
        for k in range(users):
            point.offer[t, k] = min(point.offer[t, k] + np.min(prices.serve[t, k]), failure[t, k])
            point.direction[t, k] = 0.0


@njit(cache=True, error_model="numpy", nogil=True)
def ascend_interval(
    world: World,
    requests: Requests,
    multiplier: float,
    point: Point,
    best: Point,
    prices: Prices,
    value: float,
    distance: float,
    rounds: int,
    iterations: int,
    pace: float,
    fixed: np.ndarray,
) -> tuple[float, float, float]:
    """Ascend on one interval.

    Parameters
    ----------
    world, requests, multiplier
        What is bounded, at which lambda.
    point, best
        Where the ascent stands, and the best point of this lambda so far; both are updated.
    prices
        Receives the prices of the last round.
    value
        Value at the best point, minus infinity if there is none.
    distance
        From the best value to the level that steps aim at.
    rounds, iterations, pace
        Number of pricings, iterations at each, and how far the loads follow their means in each.
    fixed
        Placements decided, as in `mecbench.problems.p.pricing.relaxed_value`.

    Returns
    -------
    tuple[float, float, float]
        Value at the best point, infinite if what is fixed does not fit; distance of the level; and the sum of the
        requests' delays, mean of the later half.
    """
    slots, users, servers = prices.serve.shape
    services = point.held.shape[1]
    worth, held = np.empty((servers, services)), np.empty((servers, services))
    band, compute = np.empty((slots, servers)), np.empty((slots, servers))
    least = np.empty((slots, users))  # price of the requests anywhere: offering less proves nothing more
    soonest = np.empty((slots, users))  # and their delay there: what one that is not yet served adds
    failure = requests.failure + multiplier * world.failure_delay
    lateness, counted, highest = 0.0, 0, value
    room, undecided = np.empty(servers, dtype=np.int64), np.empty(services)
    for j in range(servers):
        room[j] = free_storage(world.packing, world.storage[j], fixed[j])
        if room[j] < 0:
            return np.inf, distance, 0.0
    for turn in range(rounds):
        _price(world, requests, multiplier, point, prices)
        for t in range(slots):
            for k in range(users):
                least[t, k], soonest[t, k] = failure[t, k], world.failure_delay
                for j in range(servers):
                    if fixed[j, requests.service[t, k]] == OUT:
                        prices.serve[t, k, j] = np.inf
                    elif prices.serve[t, k, j] < least[t, k]:
                        least[t, k], soonest[t, k] = prices.serve[t, k, j], prices.lateness[t, k, j]
                point.offer[t, k] = max(point.offer[t, k], least[t, k])
        squares = _squares(point)
        band[:], compute[:] = 0.0, 0.0
        reached = -np.inf
        if 2 * turn <= rounds:
            lateness, counted = 0.0, 0
        for _ in range(iterations):
            counted += 1
            current = -squares
            worth[:] = 0.0
            for t in range(slots):
                for k in range(users):
                    i, offer = requests.service[t, k], point.offer[t, k]
                    current += offer
                    for j in range(servers):
                        if prices.serve[t, k, j] < offer:
                            worth[j, i] += offer - prices.serve[t, k, j]
            for j in range(servers):
                for i in range(services):
                    undecided[i] = worth[j, i] if fixed[j, i] == FREE else 0.0
                current -= knapsack(undecided, world.packing, room[j], held[j])
                for i in range(services):
                    if fixed[j, i] == IN:
                        current -= worth[j, i]
                        held[j, i] = 1.0
                    point.held[j, i] += MEMORY * (held[j, i] - point.held[j, i])
            reached = max(reached, current)
            if current > value:
                value = current
                best.offer[:] = point.offer
                best.bandwidth_load[:], best.compute_load[:] = point.bandwidth_load, point.compute_load
            length = 0.0
            for t in range(slots):
                for k in range(users):
                    i, offer = requests.service[t, k], point.offer[t, k]
                    unserved = 1.0
                    for j in range(servers):
                        if prices.serve[t, k, j] < offer and held[j, i] > 0.0:
                            unserved -= held[j, i]
                            band[t, j] += held[j, i] * prices.bandwidth_part[t, k, j]
                            compute[t, j] += held[j, i] * prices.compute_part[t, k, j]
                            lateness += held[j, i] * prices.lateness[t, k, j]
                    move = unserved + DEFLECTION * point.direction[t, k]
                    if offer >= failure[t, k]:
                        lateness += unserved * world.failure_delay
                        move = min(0.0, move)
                    else:
                        lateness += unserved * soonest[t, k]
                    point.direction[t, k] = move
                    length += move * move
            step = (max(value, reached) + distance - current) / length if length > 0.0 else 0.0
            for t in range(slots):
                for k in range(users):
                    offer = point.offer[t, k] + step * point.direction[t, k]
                    point.offer[t, k] = min(max(offer, least[t, k]), failure[t, k])
        distance *= GROWTH if reached > highest + REACHED * distance else SHRINKAGE
        highest = max(highest, reached)
        _follow(point.bandwidth_load, band, 1.0 / iterations, pace)
        _follow(point.compute_load, compute, 1.0 / iterations, pace)
    return value, distance, lateness / counted
