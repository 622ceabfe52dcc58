"""What pricing reads of an instance, and the prices themselves, as plain arrays that compiled code takes whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.p1.instance import TIME_TOLERANCE, Instance

__all__ = ["Prices", "Tables", "plain_prices", "tables"]

ROUNDING = 1e-12  # on top of the tolerance [s], so that no plan that an evaluator accepts is left out


class Tables(NamedTuple):
    """An instance for pricing; M nodes, H slots, L layers, K slots of a window, G groups of tasks.

    Attributes
    ----------
    window
        K.
    cycles
        Work of the layers after l up to j [cycle], shape [L + 1, L + 1].
    hop_time
        Time of a hop after l layers [s], shape [L, M, M].
    first, neighbour
        Nodes linked from n are ``neighbour[first[n]:first[n + 1]]``; int64, shapes [M + 1] and [E].
    speed
        What one per cent of each node computes [cycle/s], shape [M].
    energy
        Weighted energy w_e k0 speed^2 of a cycle at one per cent, shape [M].
    delay_weight, hop_weight
        w_d [1/s], and w_e p + w_d, cost of a second of transmission [1/s].
    penalty
        P.
    deadline, slot_seconds
        Limits of a plan and of a slot with their tolerance [s]; the latter is infinite unless hop and block must fit.
    availability
        Largest share of each node in each slot [%], int64, shape [M, H].
    source, release, size
        Source, release and number of tasks of each group, int64, shape [G].
    """

    window: int
    cycles: np.ndarray
    hop_time: np.ndarray
    first: np.ndarray
    neighbour: np.ndarray
    speed: np.ndarray
    energy: np.ndarray
    delay_weight: float
    hop_weight: float
    penalty: float
    deadline: float
    slot_seconds: float
    availability: np.ndarray
    source: np.ndarray
    release: np.ndarray
    size: np.ndarray


class Prices(NamedTuple):
    """Prices of what a plan uses; F rows of fees, one of which each group pays.

    Only `share` must not be negative.

    Attributes
    ----------
    share
        pi, of one per cent of a node in a slot, shape [M, H].
    hop
        sigma, of a hop in a slot, with what branching adds to it, shape [F, H].
    block
        Of running a block on a node in a slot, whatever its share, shape [F, M, H].
    layers
        Of running the first l layers there; a block pays the difference of its ends; shape [F, M, H, L + 1].
    fail
        Of failing, beside the penalty, shape [F].
    row
        Row of fees of each group, int64, shape [G].
    """

    share: np.ndarray
    hop: np.ndarray
    block: np.ndarray
    layers: np.ndarray
    fail: np.ndarray
    row: np.ndarray


def tables(instance: Instance) -> Tables:
    """Tables of an instance; for residual capacities replace `availability`, for other tasks the groups."""
    # What an instance holds may not be written to, which to numba is another type: with copies, kernels are compiled once.
    speed = instance.frequency / 100.0
    links = np.nonzero(instance.link)
    return Tables(
        window=instance.window,
        cycles=instance.block_cycles,
        hop_time=instance.hop_time[:-1].copy(),
        first=np.concatenate(([0], np.cumsum(instance.link.sum(axis=1)))),
        neighbour=np.ascontiguousarray(links[1]),
        speed=speed,
        energy=instance.energy_weight * instance.energy_coefficient * speed**2,
        delay_weight=instance.delay_weight,
        hop_weight=instance.energy_weight * instance.transmission_power + instance.delay_weight,
        penalty=instance.penalty,
        deadline=instance.deadline + TIME_TOLERANCE + ROUNDING,
        slot_seconds=instance.slot_seconds + TIME_TOLERANCE + ROUNDING,
        availability=instance.availability.copy(),
        source=instance.groups.source.copy(),
        release=instance.groups.release.copy(),
        size=instance.groups.size.copy(),
    )


def plain_prices(tables: Tables, share: np.ndarray, hop: np.ndarray) -> Prices:
    """Prices of capacities alone.

    Parameters
    ----------
    tables
        The instance.
    share, hop
        pi [M, H] and sigma [H].
    """
    return Prices(
        share=np.array(share, dtype=float, order="C"),
        hop=np.array(hop, dtype=float)[None],
        block=np.zeros((1, *share.shape)),
        layers=np.zeros((1, *share.shape, tables.cycles.shape[0])),
        fail=np.zeros(1),
        row=np.zeros(tables.source.size, dtype=np.int64),
    )
