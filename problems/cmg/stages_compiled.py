"""The closed forms of a chunk's choices at given prices, compiled, one chunk at a time; see `mecbench.problems.cmg.closed_forms`."""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg.tables import Tables

__all__ = [
    "alone_cost",
    "best_frequency",
    "best_power",
    "best_resolution",
    "energy_per_bit",
    "local_cost",
    "share_cost",
    "stage_values",
    "useful_share",
]

LOG2 = np.log(2.0)


@njit(cache=True, error_model="numpy")
def best_frequency(tables: Tables, eta: float, n: int) -> float:
    """Compute c* of a device at an energy price [Hz]."""
    c = (tables.delay_weight / (2.0 * tables.energy_coefficient * (tables.energy_weight + eta))) ** (1.0 / 3.0)
    return min(max(c, tables.least_frequency), tables.most_frequency[n])


@njit(cache=True, error_model="numpy")
def local_cost(tables: Tables, eta: float, n: int) -> float:
    """kappaL, least cost of a local bit [1/bit]."""
    c = best_frequency(tables, eta, n)
    energy = (tables.energy_weight + eta) * tables.energy_coefficient * c * c
    return tables.cycles_per_bit * (tables.delay_weight / c + energy)


@njit(cache=True, error_model="numpy")
def best_power(tables: Tables, eta: float, n: int, gain: float) -> float:
    """Power p* of a device alone on its channel [W]: y (log y - 1) = a / b by Newton's method, y = 1 + p g / sigma^2."""
    ratio = tables.delay_weight * gain / ((tables.energy_weight + eta) * tables.noise) - 1.0
    # The left side rises and is convex for y > 1, so iterates from the right of the root fall to it.
    most = 1.0 + tables.most_power[n] * gain / tables.noise
    if most * (np.log(most) - 1.0) <= ratio:
        return tables.most_power[n]
    y = most
    for _ in range(60):
        step = (y * (np.log(y) - 1.0) - ratio) / np.log(y)
        y -= step
        if step <= 1e-13 * y:
            break
    return min(max((y - 1.0) * tables.noise / gain, tables.least_power), tables.most_power[n])


@njit(cache=True, error_model="numpy")
def alone_cost(tables: Tables, eta: float, n: int, gain: float) -> float:
    """kappaAlone, least cost of an offloaded bit [1/bit]: interference and other powers only add to it."""
    p = best_power(tables, eta, n, gain)
    rate = tables.bandwidth * np.log1p(p * gain / tables.noise) / LOG2
    return (tables.delay_weight + (tables.energy_weight + eta) * p) / rate + tables.delay_weight * tables.edge_delay


@njit(cache=True, error_model="numpy")
def energy_per_bit(tables: Tables, eta: float, n: int, gain: float, offload: bool) -> float:
    """What a bit takes of a device's battery at its best compute, or at its best power alone on a channel [J/bit]."""
    if offload:
        p = best_power(tables, eta, n, gain)
        return p / (tables.bandwidth * np.log1p(p * gain / tables.noise) / LOG2)
    c = best_frequency(tables, eta, n)
    return tables.energy_coefficient * c * c * tables.cycles_per_bit


@njit(cache=True, error_model="numpy")
def useful_share(tables: Tables, eta: float, local: float) -> float:
    """theta*, share of the received power below which an offloaded bit costs more than a local one."""
    saved = local - tables.delay_weight * tables.edge_delay
    if saved <= 0.0:
        return 1.0
    exponent = (tables.delay_weight + (tables.energy_weight + eta) * tables.least_power) / (tables.bandwidth * saved)
    return -np.expm1(-LOG2 * exponent)


@njit(cache=True, error_model="numpy")
def share_cost(tables: Tables, eta: float, gain: float, low: float, high: float) -> float:
    """Lower bound of the cost of an offloaded bit whose share is in [low, high) [1/bit].

    The rate is at most that of the upper end, and the power at least sigma^2 theta / (g (1 - theta)) of the lower one, as the other
    shares only add to it.
    """
    p = max(tables.least_power, tables.noise * low / (gain * (1.0 - low)))
    rate = -tables.bandwidth * np.log1p(-high) / LOG2
    return (tables.delay_weight + (tables.energy_weight + eta) * p) / rate + tables.delay_weight * tables.edge_delay


@njit(cache=True, error_model="numpy")
def _root(target: float, guess: float) -> float:
    """Lambert's W of exp(target), by Newton's method on x + log x = target, which is concave: at most two steps too many."""
    x = guess
    for _ in range(60):
        following = x * (1.0 + target - np.log(x)) / (1.0 + x)
        if following <= 0.0:
            following = 0.1 * x
        if abs(following - x) <= 1e-9 * x:  # the next error is the square of this
            return following
        x = following
    return x


@njit(cache=True, error_model="numpy")
def best_resolution(tables: Tables, weight: float, cost: float) -> float:
    """Resolution r* [pixel] where a squared pixel costs `cost`."""
    target = np.log(weight * tables.drop / (2.0 * cost * tables.scale * tables.scale))
    low, high = tables.least_resolution / tables.scale, tables.most_resolution / tables.scale
    if target <= low + np.log(low):
        return tables.least_resolution
    if target >= high + np.log(high):
        return tables.most_resolution
    return tables.scale * _root(target, 0.5 * (low + high))


@njit(cache=True, error_model="numpy")
def stage_values(tables: Tables, t: int, cost: float, value: np.ndarray) -> None:
    """Accuracy less cost of a chunk at each frame rate, resolution at its best.

    Parameters
    ----------
    tables, t
        The instance and the slot.
    cost
        kappa, of a bit [1/bit].
    value
        Written: w mu1 a(r) - kappa alpha f r^2, shape [F].
    """
    weight, scale = tables.weight[t], tables.scale
    low, high = tables.least_resolution / scale, tables.most_resolution / scale
    least, most = low + np.log(low), high + np.log(high)
    pixel = cost * tables.bits_per_pixel * scale * scale
    target = np.log(weight * tables.drop / (2.0 * pixel))
    x = 0.5 * (low + high)
    for i in range(tables.frames.size):
        at = target - np.log(tables.frames[i])
        if at <= least:
            x = low
        elif at >= most:
            x = high
        else:
            x = _root(at, x)
        value[i] = weight * (tables.ceiling - tables.drop * np.exp(-x)) - pixel * tables.frames[i] * x * x
