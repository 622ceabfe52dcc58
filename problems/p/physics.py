"""The equations of P: pure, batched float64, one function each."""

from __future__ import annotations

import numpy as np

__all__ = ["delay", "efficiency", "energy", "head", "privacy", "quotient", "watts"]

KIB = 1024.0


def watts(dbm: np.ndarray) -> np.ndarray:
    """Power in watts of a level in dBm; any shape."""
    return 10.0 ** (dbm / 10.0 - 3.0)


def efficiency(power: np.ndarray, gain: np.ndarray, bandwidth: np.ndarray, noise_density: float, noise_figure: float) -> np.ndarray:
    """Spectral efficiency log2(1 + P g / sigma^2) of eqs. (1) and (3) [bit/s/Hz].

    The noise is that over the server's whole band, so that the density is constant and rates are linear in a share
    of the band.

    Parameters
    ----------
    power, gain, bandwidth
        Transmission power [dBm], channel gain [dB] and the server's whole band [Hz]; shapes that broadcast.
    noise_density, noise_figure
        Thermal noise [dBm/Hz] and noise figure [dB].
    """
    noise = noise_density + noise_figure + 10.0 * np.log10(bandwidth)
    return np.log2(1.0 + 10.0 ** ((power + gain - noise) / 10.0))


def head(layer: np.ndarray) -> np.ndarray:
    """Sum over the layers before each cut z = 0..L; [M, L] -> [M, L + 1]."""
    return np.concatenate((np.zeros((layer.shape[0], 1), dtype=layer.dtype), np.cumsum(layer, axis=1)), axis=1)


def quotient(amount: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Time for an amount at a rate: nothing takes no time, something without a rate takes for ever; shapes that broadcast."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(amount > 0, amount / rate, 0.0)


def delay(device_time: np.ndarray, traffic: np.ndarray, bandwidth: np.ndarray, work: np.ndarray, compute: np.ndarray) -> np.ndarray:
    """Delay of a request that hits, eq. (4) [s].

    Parameters
    ----------
    device_time
        D Omega^U / f_k [s].
    traffic, bandwidth
        A = upload and download over their efficiencies [Hz s], and B_r [Hz].
    work, compute
        W = D Omega^E [FLOP], and f_r [FLOP/s].
    """
    return device_time + quotient(traffic, bandwidth) + quotient(work, compute)


def energy(
    device_flop: np.ndarray, energy_per_flop: np.ndarray, power: np.ndarray, upload: np.ndarray, bandwidth: np.ndarray
) -> np.ndarray:
    """Energy of a request on its device, eqs. (6) to (8) [J].

    Parameters
    ----------
    device_flop, energy_per_flop
        D Omega^U [FLOP] and eps_k [J/FLOP].
    power, upload, bandwidth
        P_k [W], U = upload over its efficiency [Hz s], and B_r [Hz].
    """
    return energy_per_flop * device_flop + power * quotient(upload, bandwidth)


def privacy(base: float, slope: float, preference: np.ndarray, scale: float, input_bytes: np.ndarray) -> np.ndarray:
    """Privacy cost of one sample of which everything leaks, eq. (10): (alpha1 + alpha2 Pre_k) rho, rho = beta raw KiB.

    The cost of a request is this times Lea and D_r.

    Parameters
    ----------
    base, slope
        alpha1 and alpha2.
    preference, input_bytes
        Pre_k and the raw input of one sample [byte]; shapes that broadcast.
    scale
        beta [1/KiB].
    """
    return (base + slope * preference) * (scale * input_bytes / KIB)
