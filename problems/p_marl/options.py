"""Options of one epoch, and how many multiprocessors each of them needs.

What solvers, certificates and rules decide with: an epoch of P-MARL is P-ORIG, in which every device picks an edge and a cut, or
none, and what it then needs to stay below a threshold of the cost is a whole number of multiprocessors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_edge import physics as device
from mecbench.problems.p_edge.allocation import required
from mecbench.problems.p_edge.system import Options, compose_options
from mecbench.problems.p_marl import physics
from mecbench.problems.p_marl.instance import Instance

__all__ = ["Demand", "demand", "least_shares", "options", "options_at", "stays_local"]


class Demand(NamedTuple):
    """What each device needs of each edge to stay below a threshold.

    Attributes
    ----------
    multiprocessors
        w_mn, int64, shape [M, N]; L + 1 where no number suffices.
    cut
        k that needs so few, the lowest of equals, int64, shape [M, N].
    """

    multiprocessors: np.ndarray
    cut: np.ndarray


def options(instance: Instance, epoch: int, previous: np.ndarray | None, battery: np.ndarray | None = None) -> Options:
    """Latency, energy and cost of every option of every device in an epoch (App. A, eq. 11).

    Parameters
    ----------
    instance
        The instance.
    epoch
        t in 0..T-1.
    previous
        u of the epoch before, shape [M], -1 for none; ``None`` leaves the switch cost out.
    battery
        Charges as the epoch begins [Wh], shape [M], where the drain is endogenous; by default the clock ratios of the instance hold.

    Returns
    -------
    Options
        Shapes [M, N, K] for k < K; b = R_f has them too where l divides the switch cost.
    """
    if battery is None:
        latency, energy = instance.local_latency[epoch], instance.local_energy[epoch]
    else:
        latency, energy = instance.local_at(battery)
    return options_at(instance, instance.uplink_rate[epoch], latency, energy, previous)


def options_at(
    instance: Instance, uplink_rate: np.ndarray, local_latency: np.ndarray, local_energy: np.ndarray, previous: np.ndarray | None
) -> Options:
    """Options under conditions that need not be of the instance's trace, which is not read.

    Parameters
    ----------
    instance
        Whose constants hold.
    uplink_rate
        r [bit/s], shape [M, N].
    local_latency, local_energy
        D [ms] and E [mJ] of the whole network on each device, shape [M].
    previous
        As of `options`.
    """
    sending = device.transmission_latency(instance.cut_bytes, uplink_rate[..., None])
    charge = np.zeros(uplink_rate.shape)
    if previous is not None:
        charge[physics.switches(np.arange(1, instance.edges + 1), previous[:, None])] = instance.switch_cost
    share = instance.head_share[:-1]
    if not instance.divided_switch_cost:
        return compose_options(instance, share, local_latency, local_energy, sending, charge)
    whole = compose_options(instance, share, local_latency, local_energy, sending, np.zeros_like(charge))
    return replace(whole, shared=whole.shared + charge[..., None])


def least_shares(instance: Instance, choices: Options) -> np.ndarray:
    """Fewest multiprocessors with which each option meets the latency limit, int64, shape [M, N, K]; L + 1 where none do."""
    most = instance.multiprocessors + 1
    if instance.latency_limit is None:
        return np.ones(choices.own_latency.shape, dtype=np.int64)
    # D = D^lo + w / l is the cost's own expression, so the search and its correction are too.
    return required(choices.own_latency, np.broadcast_to(choices.tail_work, choices.own_latency.shape), instance.latest, most)


def stays_local(instance: Instance, choices: Options, threshold: float) -> np.ndarray:
    """Devices that run locally at a threshold: it costs at most that, meets the latency limit and takes nothing; bool, [M]."""
    return (choices.local <= threshold) & (choices.local_latency <= instance.latest)


def demand(instance: Instance, choices: Options, least: np.ndarray, threshold: float) -> Demand:
    """Fewest multiprocessors of each edge at which each device costs at most a threshold and meets the latency limit.

    Parameters
    ----------
    instance
        The instance.
    choices
        Options of the epoch.
    least
        As `least_shares` has them.
    threshold
        T, of the cost; exact under the evaluator's own comparison.
    """
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    need = np.maximum(required(choices.fixed, shared, threshold, instance.multiprocessors + 1), least)
    cut = need.argmin(axis=-1)
    return Demand(np.take_along_axis(need, cut[..., None], axis=-1)[..., 0], cut)
