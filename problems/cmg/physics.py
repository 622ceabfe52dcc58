"""The equations of CMG: pure, batched float64, one function each.

Devices are on the last axis but one, chunks (their channels) on the last: ``[..., N, K]``, where slots or episodes may lead. Chunks
on different channels do not meet, nor do slots; within a channel the devices interfere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = [
    "SECRECY_MARGIN",
    "Channels",
    "accuracy",
    "battery_after",
    "cost",
    "eavesdropping_rate",
    "frame_change",
    "frame_smoothness",
    "interference",
    "local_energy",
    "local_latency",
    "offload_energy",
    "offload_latency",
    "penalty",
    "power_of_share",
    "quality",
    "rate_of_share",
    "received_share",
    "running_average",
    "running_weight",
    "secrecy_margin",
    "secrecy_repair",
    "size",
    "smoothness",
    "uplink_rate",
]

Values = np.ndarray | float  # a constant of one instance, or of each episode of a batch

SECRECY_MARGIN = 1e-9  # least margin of a secure offload (31) [W]


def size(bits_per_pixel: Values, frames: np.ndarray, resolution: np.ndarray) -> np.ndarray:
    """Size of a chunk, eq. (2): S = alpha f r^2 [bit]; shapes that broadcast."""
    return bits_per_pixel * frames * resolution * resolution


def local_latency(cycles_per_bit: Values, frequency: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Latency of a chunk that its device computes, eq. (3): S xi / c [s]; shapes that broadcast."""
    return bits * cycles_per_bit / frequency


def offload_latency(cycles_per_bit: Values, edge_frequency: Values, rate: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Latency of a chunk that the server computes, eq. (4): S / D + S xi / MEC_c [s]; shapes that broadcast."""
    return bits / rate + bits * cycles_per_bit / edge_frequency


def interference(offload: np.ndarray, received: np.ndarray) -> np.ndarray:
    """Power that the others of a channel send, the sums of eqs. (5), (9) and (12) [W].

    Parameters
    ----------
    offload
        x, whether each chunk is offloaded, shape [..., N, K].
    received
        Power of each device at the receiver, p times its gain [W], shape [..., N, K].
    """
    sent = np.where(offload, received, 0.0)
    # One after the other, so that absent devices at the end of a padded axis change no bit.
    return np.cumsum(sent, axis=-2)[..., -1:, :] - sent


def uplink_rate(bandwidth: Values, received: np.ndarray, noise: Values, interfered: np.ndarray) -> np.ndarray:
    """Rate to the server, eq. (5): D = W log2(1 + p g / (sigma^2 + I)) [bit/s]; shapes that broadcast."""
    return bandwidth * np.log2(1.0 + received / (noise + interfered))


def local_energy(energy_coefficient: Values, cycles_per_bit: Values, frequency: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Energy of a chunk that its device computes, eq. (6): varsigma c^2 S xi [J]; shapes that broadcast."""
    return energy_coefficient * frequency * frequency * bits * cycles_per_bit


def offload_energy(power: np.ndarray, rate: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Energy of a chunk that is offloaded, eq. (7): p S / D [J]; shapes that broadcast."""
    return power * bits / rate


def battery_after(capacity: Values, battery: np.ndarray, energy: np.ndarray, harvest: np.ndarray) -> np.ndarray:
    """Level after a slot, eq. (8): b(t + 1) = min(max(b(t) - e(t), 0) + E^up(t), B_max) [J]; shapes that broadcast."""
    return np.minimum(np.maximum(battery - energy, 0.0) + harvest, capacity)


def eavesdropping_rate(bandwidth: Values, received: np.ndarray, noise: Values, interfered: np.ndarray) -> np.ndarray:
    """Rate to the eavesdropper, eq. (9), of power received and interference there [bit/s]; shapes that broadcast."""
    return uplink_rate(bandwidth, received, noise, interfered)


class Channels(NamedTuple):
    """What decides which offloads are secure.

    Attributes
    ----------
    gain
        g, to the server, shape [..., N, K].
    eavesdropper_most, eavesdropper_least
        ge+ and ge-, ends of the set of gains to the eavesdropper (11), shape [..., N, K].
    noise, eavesdropper_noise
        sigma^2 and sigma_e^2 [W].
    eavesdropper_watts
        p^e where (9) is read literally [W]; none where the eavesdropper receives the device's own signal.
    """

    gain: np.ndarray
    eavesdropper_most: np.ndarray
    eavesdropper_least: np.ndarray
    noise: Values
    eavesdropper_noise: Values
    eavesdropper_watts: Values | None = None


def secrecy_margin(channels: Channels, offload: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Margin of the worst-case secrecy rate of each chunk, (12), (13) and (31), without logarithms; shape [..., N, K].

    The rate is positive where ``g (sigma_e^2 + sum x p ge-) - ge+ (sigma^2 + sum x p g)`` is, the sums over the others of the
    channel: it compares the arguments of the logarithms of (5) and (12), times their denominators, over p. Where (9) is read
    literally, the products keep their powers p and p^e. Chunks that are not offloaded get the margin that they would have beside
    those that are.

    Parameters
    ----------
    channels
        The channels.
    offload, power
        x and p [W], shape [..., N, K].
    """
    here = channels.noise + interference(offload, power * channels.gain)
    there = channels.eavesdropper_noise + interference(offload, power * channels.eavesdropper_least)
    if channels.eavesdropper_watts is None:
        return channels.gain * there - channels.eavesdropper_most * here
    return power * channels.gain * there - channels.eavesdropper_watts * channels.eavesdropper_most * here


def secrecy_repair(channels: Channels, requested: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Offloads that are executed of those that are requested (the text after eq. 13), bool, shape [..., N, K].

    All requests that are not secure are refused at once, and again among those that are left, until all are: who is refused no
    longer jams the eavesdropper, so others may fall with it. Parameters are those of `secrecy_margin`.
    """
    left = requested.copy()
    while (insecure := left & (secrecy_margin(channels, left, power) < SECRECY_MARGIN)).any():
        left &= ~insecure
    return left


def accuracy(ceiling: Values, drop: Values, scale: Values, resolution: np.ndarray) -> np.ndarray:
    """Accuracy of a resolution, eq. (16): a = 0.988 - 4.469 exp(-r / 200); any shape."""
    return ceiling - drop * np.exp(-resolution / scale)


def frame_smoothness(most_frames: Values, frames: np.ndarray) -> np.ndarray:
    """Frame smoothness, eq. (18): f / f_max; any shape."""
    return frames / most_frames


def frame_change(frames: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Factor of the change of frame rate, eq. (19): 1 - |f(t) - f(t-1)| / f(t-1), where f(0) = f(1); negative beyond doubling."""
    return 1.0 - np.abs(frames - before) / before


def smoothness(most_frames: Values, frames: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Smoothness of a slot, the summand of eq. (17): phi(f, f') / f_max; shapes that broadcast."""
    return frame_smoothness(most_frames, frames) * frame_change(frames, before)


def running_average(values: np.ndarray) -> np.ndarray:
    """Average up to each slot, eqs. (15) and (17); slots on the first axis."""
    count = np.arange(1.0, values.shape[0] + 1.0).reshape((-1,) + (1,) * (values.ndim - 1))
    return np.cumsum(values, axis=0) / count


def running_weight(slots: int) -> np.ndarray:
    """Weight of each slot in the sum of all running averages: w_t = sum of 1 / tau over tau = t..T, shape [T].

    The average of (15) and (17) up to tau counts slot t <= tau once over tau. So the sum of the qualities (14) is the sum of w_t times each
    slot's own accuracy and smoothness: quality early in the episode counts most.
    """
    return np.cumsum(1.0 / np.arange(slots, 0.0, -1.0))[::-1].copy()


def quality(accuracy_weight: Values, accuracy: np.ndarray, smoothness_weight: Values, smoothness: np.ndarray) -> np.ndarray:
    """Recognition quality, eq. (14): V = mu1 A + mu2 F; shapes that broadcast."""
    return accuracy_weight * accuracy + smoothness_weight * smoothness


def cost(delay_weight: Values, latency: np.ndarray, energy_weight: Values, energy: np.ndarray) -> np.ndarray:
    """Computational cost, eq. (20): C = beta1 L + beta2 E; shapes that broadcast."""
    return delay_weight * latency + energy_weight * energy


def penalty(price: Values, reserve: Values, battery: np.ndarray) -> np.ndarray:
    """Penalty of each chunk for a level below the reserve, eq. (23): max(B_T - b(t + 1), 0) at its price; any shape."""
    return price * np.maximum(reserve - battery, 0.0)


def received_share(offload: np.ndarray, received: np.ndarray, noise: Values) -> np.ndarray:
    """Share of each offload in all that the server receives on its channel: theta = q / (sigma^2 + Q), q = p g, Q their sum.

    The shares of a channel sum to less than 1; conversely each set of shares that does is reached by the powers of
    `power_of_share`. Shapes [..., N, K].
    """
    sent = np.where(offload, received, 0.0)
    return sent / (noise + sent.sum(axis=-2, keepdims=True))


def rate_of_share(bandwidth: Values, share: np.ndarray) -> np.ndarray:
    """Rate of a share: (5) is -W log2(1 - theta), since 1 + SINR = (sigma^2 + Q) / (sigma^2 + Q - q) [bit/s]; any shape."""
    return -bandwidth * np.log1p(-share) / np.log(2.0)


def power_of_share(share: np.ndarray, gain: np.ndarray, noise: Values) -> np.ndarray:
    """Power behind each share of a channel: p = sigma^2 theta / (g (1 - sum of theta)) [W]; shapes [..., N, K], 0 for no offload."""
    return noise * share / (gain * (1.0 - share.sum(axis=-2, keepdims=True)))
