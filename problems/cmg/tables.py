"""What pricing reads of an instance, as plain arrays and numbers that compiled code takes whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.cmg.evaluate import BOUND_TOLERANCE, ENERGY_TOLERANCE
from mecbench.problems.cmg.instance import Instance

__all__ = ["Tables", "select", "tables"]

CELLS = 4  # of a frame, where frame rates are continuous


class Tables(NamedTuple):
    """An instance for pricing; N devices, T slots, K chunks, F frame rates.

    Where an evaluator allows a tolerance the limits here are wider by it, so that no plan that it accepts is left out.

    Attributes
    ----------
    weight
        w of each slot, shape [T].
    frames
        Frame rates as they count for size, the least of each cell where rates are continuous; shape [F].
    smoothness, first_smoothness
        mu2 phi / f_max from a frame rate to another, and of the first slot, shapes [F, F] and [F]; of cells, upper bounds.
    ceiling, drop, scale
        mu1 times the constants of the accuracy (16), and its scale [pixel].
    bits_per_pixel, cycles_per_bit, energy_coefficient, edge_delay
        alpha [bit], xi [cycle/bit], varsigma [J s^2/cycle^3], xi / MEC_c [s/bit].
    delay_weight, energy_weight
        beta1 [1/s], beta2 [1/J].
    least_resolution, most_resolution, least_frequency, most_frequency, least_power, most_power
        Bounds of r [pixel], c [Hz] and p [W], the upper ones of c and p of shape [N].
    bandwidth, noise
        W [Hz], sigma^2 [W].
    gain
        g, shape [N, T, K].
    tightness, leakage
        Of each possible offload, shape [N, T, K]. An offload set with shares theta of the received power is secure only if
        ``tightness_n (1 - theta_n) > sum of leakage_j theta_j over the others`` for each of its members n: s - rho+ and
        s - rho-, the margin (31) over g, rho+- = ge+- / g. Where the eavesdropper's power is const both are 1, as then
        only the sum of the shares is known to be below 1.
    energy_limit, energy_tolerance
        C_limit with its tolerance, in each slot, and the tolerance of batteries [J].
    """

    weight: np.ndarray
    frames: np.ndarray
    smoothness: np.ndarray
    first_smoothness: np.ndarray
    ceiling: float
    drop: float
    scale: float
    bits_per_pixel: float
    cycles_per_bit: float
    energy_coefficient: float
    edge_delay: float
    delay_weight: float
    energy_weight: float
    least_resolution: float
    most_resolution: float
    least_frequency: float
    most_frequency: np.ndarray
    least_power: float
    most_power: np.ndarray
    bandwidth: float
    noise: float
    gain: np.ndarray
    tightness: np.ndarray
    leakage: np.ndarray
    energy_limit: float
    energy_tolerance: float


def tables(instance: Instance, tolerance: float = 1.0) -> Tables:
    """Tables of an instance.

    Parameters
    ----------
    instance
        The instance.
    tolerance
        Part of the evaluator's tolerances by which limits are widened: all for bounds, none for what is to be feasible.
    """
    above, below = 1.0 + tolerance * BOUND_TOLERANCE, 1.0 - tolerance * BOUND_TOLERANCE
    slots = 1 if instance.limit == "slot" else instance.slots
    if instance.eavesdropper_power == "signal":
        ratio = instance.eavesdropper_noise / instance.noise
        tightness = ratio - instance.eavesdropper_most / instance.gain
        leakage = ratio - instance.eavesdropper_least / instance.gain
    else:
        tightness = leakage = np.ones(instance.gain.shape)
    frames, phi, first = _cells(instance, above, below) if instance.continuous_frames else _integers(instance)
    smoothing = instance.smoothness_weight / instance.most_frames
    return Tables(
        weight=instance.running_weight,
        frames=frames,
        smoothness=smoothing * phi,
        first_smoothness=smoothing * first,
        ceiling=instance.accuracy_weight * instance.accuracy_ceiling,
        drop=instance.accuracy_weight * instance.accuracy_drop,
        scale=instance.accuracy_scale,
        bits_per_pixel=instance.bits_per_pixel,
        cycles_per_bit=instance.cycles_per_bit,
        energy_coefficient=instance.energy_coefficient,
        edge_delay=instance.cycles_per_bit / instance.edge_frequency,
        delay_weight=instance.delay_weight,
        energy_weight=instance.energy_weight,
        least_resolution=below * instance.least_resolution,
        most_resolution=above * instance.most_resolution,
        least_frequency=below * instance.least_frequency,
        most_frequency=above * instance.most_frequency,
        least_power=below * instance.least_power,
        most_power=above * instance.most_power,
        bandwidth=instance.bandwidth,
        noise=instance.noise,
        gain=instance.gain.copy(),  # one that may not be written to is another type, for which numba would compile all kernels again
        tightness=tightness,
        leakage=leakage,
        energy_limit=instance.energy_limit + tolerance * ENERGY_TOLERANCE * max(1.0, slots * instance.energy_limit) / slots,
        energy_tolerance=tolerance * ENERGY_TOLERANCE * max(1.0, instance.capacity),
    )


def select(tables: Tables, device: np.ndarray) -> Tables:
    """Tables of some devices, int64, shape [D]; one may come more than once."""
    return tables._replace(
        gain=tables.gain[device],
        tightness=tables.tightness[device],
        leakage=tables.leakage[device],
        most_frequency=tables.most_frequency[device],
        most_power=tables.most_power[device],
    )


def _integers(instance: Instance) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames = np.arange(instance.least_frames, instance.most_frames + 1.0)
    before, now = frames[:, None], frames
    return frames, now * (1.0 - np.abs(now - before) / before), frames


def _cells(instance: Instance, above: float, below: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of continuous frame rates: cost as at their lower ends, phi at most its bound over both cells.

    phi(f, f') is f^2 / f' where f falls, at most the ends' ``upper^2 / lower'``; ``2 f - f^2 / f'`` where it rises, which falls in f and
    rises in f'; never above f.
    """
    count = max(1, CELLS * (instance.most_frames - instance.least_frames))
    ends = np.linspace(below * instance.least_frames, above * instance.most_frames, count + 1)
    lower, upper = ends[:-1], ends[1:]
    index = np.arange(count)
    fall = upper**2 / lower[:, None]
    rise = 2.0 * lower - lower**2 / upper[:, None]
    step = index - index[:, None]
    return lower, np.where(step == 0, upper, np.where(step < 0, np.minimum(fall, upper), rise)), upper
