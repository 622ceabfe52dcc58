"""Good plans of a single device whose offloads are chosen, compiled: frame rates by the programme, the rest by completion.

At the prices that a completion ends with the programme finds other frame rates, these other prices, and so on, damped, until the frame
rates repeat. Nearly always plan and Lagrangian have met by then.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries, complete

__all__ = ["plan_device"]

PATIENCE = 3  # rounds without a better plan after which the search ends: frame rates may go in circles


@njit(cache=True, error_model="numpy")
def _best_frames(tables: Tables, n: int, offload: np.ndarray, eta: np.ndarray, frames: np.ndarray) -> None:
    """Best frame rates at prices; all shapes [T, K] but eta, [T]."""
    slots, chunks = offload.shape
    stage, before = np.empty((slots, tables.frames.size)), np.empty((slots, tables.frames.size))
    path = np.empty(slots, dtype=np.int64)
    for k in range(chunks):
        for t in range(slots):
            cost = stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]) if offload[t, k] else stages.local_cost(tables, eta[t], n)
            stages.stage_values(tables, t, cost, stage[t])
        programme.forward(tables, stage, before)
        programme.trace(tables, stage, before, path)
        frames[:, k] = path


@njit(cache=True, error_model="numpy")
def plan_device(
    tables: Tables,
    batteries: Batteries,
    n: int,
    offload: np.ndarray,
    rounds: int,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
) -> float:
    """Plan a device.

    Parameters
    ----------
    tables, batteries, n
        The instance and the device.
    offload
        Whether each chunk is offloaded, shape [T, K].
    rounds
        How often at most the programme is solved.
    frames, later, eta
        Written: number of each frame rate, shape [T, K]; prices of a joule in each slot without and with the slot's limit, shape [T].
        The search starts at the prices `eta`.

    Returns
    -------
    float
        What the device adds to the objective.
    """
    slots, chunks = offload.shape
    best = -np.inf
    price, trial = eta.copy(), np.full((slots, chunks), -1)
    found, now, reached = np.empty((slots, chunks), dtype=np.int64), np.empty(slots), np.empty(slots)
    idle = 0
    for _ in range(rounds):
        _best_frames(tables, n, offload, price, found)
        if (found == trial).all():
            break
        trial[:] = found
        worth = complete(tables, batteries, n, offload, trial, now, reached)
        idle += 1
        if worth > best:
            idle, best = 0, worth
            frames[:], later[:], eta[:] = trial, now, reached
        if idle == PATIENCE:
            break
        price = 2.0 * price + 1.0 if worth == -np.inf else 0.5 * (price + reached)
    if best == -np.inf:  # at the least frame rate everything is affordable
        frames[:] = 0
        best = complete(tables, batteries, n, offload, frames, later, eta)
    return best
