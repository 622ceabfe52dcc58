"""What a chunk does best where a joule and an offload have prices, in closed form; shapes that broadcast.

The cost of a chunk is its size times a cost per bit, local or offloaded. So at an energy price eta, on top of beta2, compute
and power are chosen per bit, and the resolution afterwards at that cost per bit. See C5 of the problem's description; the roots are
those of Lambert's W, y exp(y) = z.
"""

from __future__ import annotations

import numpy as np
from scipy.special import lambertw, wrightomega

__all__ = ["best_frequency", "best_power", "best_resolution", "least_useful_share", "local_cost", "offload_cost"]

Real = float | np.ndarray


def best_frequency(delay_weight: Real, energy_weight: Real, energy_coefficient: Real, least: Real, most: Real) -> np.ndarray:
    """Compute c* at which a local bit costs least [Hz]: (beta1 / (2 varsigma (beta2 + eta)))^(1/3), within its bounds.

    Parameters
    ----------
    delay_weight, energy_weight
        beta1 [1/s] and beta2 + eta > 0 [1/J].
    energy_coefficient
        varsigma [J s^2/cycle^3].
    least, most
        Bounds of c [Hz].
    """
    return np.clip(np.cbrt(delay_weight / (2.0 * energy_coefficient * energy_weight)), least, most)


def local_cost(delay_weight: Real, energy_weight: Real, energy_coefficient: Real, cycles_per_bit: Real, frequency: Real) -> np.ndarray:
    """kappaL, cost of a local bit [1/bit]: beta1 xi / c + (beta2 + eta) varsigma c^2 xi.

    Parameters
    ----------
    delay_weight, energy_weight, energy_coefficient
        As in `best_frequency`.
    cycles_per_bit, frequency
        xi [cycle/bit] and c [Hz].
    """
    return np.asarray(cycles_per_bit * (delay_weight / frequency + energy_weight * energy_coefficient * frequency * frequency))


def best_power(
    delay_weight: Real,
    energy_weight: Real,
    gain: Real,
    noise: Real,
    least: Real,
    most: Real,
) -> np.ndarray:
    """Power p* at which a bit costs least that is offloaded alone on its channel [W], within its bounds.

    With y = 1 + p g / sigma^2 the cost (beta1 + (beta2 + eta) p) / D is (a + b y) / log y up to a factor. It is a positive linear
    over a positive concave function, so falls, then rises, and its minimum is where y (log y - 1) = a / b.

    Parameters
    ----------
    delay_weight, energy_weight
        As in `best_frequency`.
    gain, noise
        g and sigma^2 [W].
    least, most
        Bounds of p [W].
    """
    ratio = delay_weight * gain / (energy_weight * noise) - 1.0
    # Near ratio = 0 the quotient below is 0 / 0, and the minimum at y = e.
    argument = ratio / np.e
    small = np.abs(argument) < 1e-9
    root = np.real(lambertw(np.where(small, 1.0, argument).astype(np.float64), 0))
    best = np.where(small, np.e * (1.0 + argument), np.where(small, 1.0, ratio) / root)
    return np.clip((best - 1.0) * noise / gain, least, most)


def offload_cost(delay_weight: Real, energy_weight: Real, power: Real, rate: Real, edge_delay: Real) -> np.ndarray:
    """Cost of an offloaded bit [1/bit]: (beta1 + (beta2 + eta) p) / D + beta1 xi / MEC_c.

    Parameters
    ----------
    delay_weight, energy_weight
        As in `best_frequency`.
    power, rate
        p [W] and D [bit/s].
    edge_delay
        xi / MEC_c, delay of a bit at the server [s/bit].
    """
    return np.asarray((delay_weight + energy_weight * power) / rate + delay_weight * edge_delay)


def least_useful_share(
    delay_weight: Real, energy_weight: Real, least_power: Real, bandwidth: Real, local: Real, edge_delay: Real
) -> np.ndarray:
    """theta*, share of a channel's received power below which an offloaded bit costs more than a local one, in [0, 1].

    A bit at rate D costs (beta1 + (beta2 + eta) P_min) / D + beta1 xi / MEC_c at least, and D = -W log2(1 - theta).

    Parameters
    ----------
    delay_weight, energy_weight
        As in `best_frequency`.
    least_power, bandwidth
        P_min [W] and W [Hz].
    local
        kappaL [1/bit].
    edge_delay
        xi / MEC_c [s/bit].
    """
    saved = local - delay_weight * edge_delay
    with np.errstate(divide="ignore"):
        exponent = (delay_weight + energy_weight * least_power) / (bandwidth * np.maximum(saved, 0.0))
    return 1.0 - 2.0**-exponent


def best_resolution(weight: Real, drop: Real, scale: Real, cost: Real, least: Real, most: Real) -> np.ndarray:
    """Resolution r* of the best trade of accuracy for size [pixel]: scale times W(weight drop / (2 cost scale^2)), within its bounds.

    Maximises ``-weight drop exp(-r / scale) - cost r^2``; clipping is exact, as the derivative has a single sign change.

    Parameters
    ----------
    weight
        w mu1, of the accuracy in the objective.
    drop, scale
        Constants of the accuracy (16) [1, pixel].
    cost
        kappa alpha f, of a squared pixel > 0.
    least, most
        Bounds of r [pixel].
    """
    root = wrightomega(np.log(weight * drop / (2.0 * cost * scale * scale)))
    return np.clip(scale * root, least, most)
