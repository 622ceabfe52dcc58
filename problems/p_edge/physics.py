"""The equations of P-EDGE: pure, batched float64, one function each.

The paper's reward R is stored as the cost c = -R >= 0; a cost is minimised.
"""

from __future__ import annotations

import numpy as np

__all__ = ["cost", "device_energy", "device_latency", "fixed_cost", "head_share", "transmission_latency", "uplink_rate"]


def head_share(group_macs: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """S_k, the exact share of the network's multiply-accumulate operations up to the cut.

    Parameters
    ----------
    group_macs
        Operations of each layer group [MAC], shape [K].
    cut
        k in 0..K, any shape.

    Returns
    -------
    np.ndarray
        Shares in [0, 1], shape of `cut`.
    """
    cumulative = np.concatenate(([0], np.cumsum(group_macs)))
    return cumulative[cut] / cumulative[-1]


def device_latency(clock_ratio: np.ndarray, full_latency: float, exponent: float) -> np.ndarray:
    """D_full(rho), latency of the whole network on a device [ms]; fitted to the paper's Table 1 (rows ALP)."""
    return full_latency * clock_ratio**exponent


def device_energy(clock_ratio: np.ndarray, full_energy: float, exponent: float) -> np.ndarray:
    """E_full(rho), energy of the whole network on a device [mJ]; fitted to the paper's Table 1 (rows ALP)."""
    return full_energy * clock_ratio**exponent


def uplink_rate(
    distance: np.ndarray,
    shadowing: np.ndarray,
    *,
    bandwidth: float,
    radio_power: float,
    noise_density: float,
    noise_figure: float,
    path_loss: tuple[float, float],
    nearest: float,
) -> np.ndarray:
    """Uplink rate r = B log2(1 + SNR) without interference [bit/s].

    Parameters
    ----------
    distance
        Distance of device and edge [m], any shape.
    shadowing
        Attenuation beyond path loss [dB], same shape.
    bandwidth
        B, dedicated to each device [Hz].
    radio_power
        Radiated power [dBm].
    noise_density, noise_figure
        Of the receiver [dBm/Hz] and [dB].
    path_loss
        Intercept [dB] and slope [dB/decade] at distances in km.
    nearest
        Distances below count as this [m].
    """
    intercept, slope = path_loss
    loss = intercept + slope * np.log10(np.maximum(distance, nearest) / 1000.0) + shadowing
    noise = noise_density + 10.0 * np.log10(bandwidth) + noise_figure
    ratio: np.ndarray = 10.0 ** ((radio_power - loss - noise) / 10.0)
    rate: np.ndarray = bandwidth / np.log(2.0) * np.log1p(ratio)  # no zero at the faintest signal
    return rate


def transmission_latency(sent_bytes: np.ndarray, uplink_rate: np.ndarray) -> np.ndarray:
    """D^tr = 8 bytes / r, latency of sending the cut's output [ms]."""
    return 8000.0 * sent_bytes / uplink_rate


def fixed_cost(energy: np.ndarray, own_latency: np.ndarray, switch_cost: np.ndarray, energy_unit: float, latency_unit: float) -> np.ndarray:
    """R_c = alpha E + beta (D^lo + D^tr) + gamma C (eq. 11), the part of the cost that no allocation changes.

    The paper divides the switch cost C by the multiprocessors (it stands inside R_f); C does not depend on
    them, so it belongs here.
    """
    return energy / energy_unit + own_latency / latency_unit + switch_cost


def cost(fixed: np.ndarray, shared: np.ndarray, allocation: np.ndarray) -> np.ndarray:
    """c = R_c + R_f / l (eq. 11), infinite without a multiprocessor.

    Every comparison of a cost with a threshold anywhere uses this expression, so that solvers and evaluator agree
    to the last bit.

    Parameters
    ----------
    fixed, shared
        a = R_c and b = R_f, shape [..., M].
    allocation
        l, multiprocessors of each device, shape [..., M].
    """
    with np.errstate(divide="ignore"):
        return np.where(allocation > 0, fixed + shared / np.maximum(allocation, 1), np.inf)
