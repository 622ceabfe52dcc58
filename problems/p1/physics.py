"""The equations of P1: pure, batched float64, one function each; arguments of any shapes that broadcast."""

from __future__ import annotations

import numpy as np

__all__ = [
    "computation_energy",
    "computation_time",
    "computing_rate",
    "cost",
    "distance",
    "transmission_energy",
    "transmission_rate",
    "transmission_time",
]


def distance(position: np.ndarray) -> np.ndarray:
    """Euclidean distance between any two of M places; [M, 2] -> [M, M]."""
    apart = position[:, None] - position
    return np.sqrt((apart**2).sum(axis=-1))


def computing_rate(frequency: np.ndarray, share: np.ndarray) -> np.ndarray:
    """r, what a share of a node's full compute amounts to [cycle/s].

    Parameters
    ----------
    frequency, share
        f_n [Hz] and x in whole per cent of it.
    """
    return frequency * (share / 100.0)


def computation_time(cycles: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """T^Comp = C / r, eq. (1) [s]; nothing takes no time, something without a rate takes for ever.

    Parameters
    ----------
    cycles, rate
        Work of the block [cycle] and r [cycle/s].
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(cycles > 0, cycles / rate, 0.0)


def transmission_rate(bandwidth: float, subcarriers: int, gain: np.ndarray, power: float, noise: float) -> np.ndarray:
    """R^Trans = B / S log2(1 + g p / delta^2), eq. (2) [bit/s].

    Parameters
    ----------
    bandwidth, subcarriers
        B [Hz] and S.
    gain
        g of a subcarrier.
    power, noise
        p [W] and delta^2 [dBm].
    """
    return bandwidth / subcarriers * np.log2(1.0 + gain * power / 10.0 ** (noise / 10.0 - 3.0))


def transmission_time(bits: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """T^Trans = O / R^Trans, eq. (3) [s]."""
    return bits / rate


def computation_energy(coefficient: np.ndarray, cycles: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """E^Comp = k0 C r^2, eq. (4) [J]."""
    return coefficient * cycles * rate**2


def transmission_energy(power: float | np.ndarray, time: np.ndarray) -> np.ndarray:
    """E^Trans = p O / R^Trans, eq. (5) [J], of a transmission that takes `time` [s]."""
    return power * time


def cost(energy_weight: float | np.ndarray, energy: np.ndarray, delay_weight: float | np.ndarray, delay: np.ndarray) -> np.ndarray:
    """Summand w_e E + w_d T of the cost, eq. (6)."""
    return energy_weight * energy + delay_weight * delay
