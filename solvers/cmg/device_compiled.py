"""Good plans of a single device whose offloads are chosen, compiled: frame rates by the programme, the rest by completion.

At the prices that a completion ends with the programme finds other frame rates, these other prices, and so on, damped, until the frame
rates repeat. Mostly plan and Lagrangian have met by then; where they have not, single chunks follow their prices alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries, complete

__all__ = ["plan_device"]

GAIN = 1e-9  # least gain of a change
PATIENCE = 3  # rounds without a better plan after which the search ends: frame rates may go in circles


@njit(cache=True, error_model="numpy")
def _best_frames(tables: Tables, n: int, offload: np.ndarray, eta: np.ndarray, frames: np.ndarray) -> None:
    """Best frame rates at prices; all shapes [T, K] but eta, [T]."""
    slots, chunks = offload.shape
    own, stage, before = np.empty((3, slots, tables.frames.size))
    path = np.empty(slots, dtype=np.int64)
    for t in range(slots):
        stages.stage_values(tables, t, stages.local_cost(tables, eta[t], n), own[t])
    alike = -1  # a chunk that is never offloaded: all of these are alike
    for k in range(chunks):
        if not offload[:, k].any():
            if alike >= 0:
                frames[:, k] = frames[:, alike]
                continue
            alike = k
        for t in range(slots):
            if offload[t, k]:
                stages.stage_values(tables, t, stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]), stage[t])
            else:
                stage[t] = own[t]
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
    # Chunks that are alike change their frame rates at the same price, where the best plan may have only some of them do so.
    alone = True
    while alone:
        alone = False
        _best_frames(tables, n, offload, eta, found)
        for k in range(chunks):
            if (found[:, k] == frames[:, k]).all():
                continue
            trial[:] = frames
            trial[:, k] = found[:, k]
            worth = complete(tables, batteries, n, offload, trial, now, reached)
            if worth > best + GAIN:
                alone, best = True, worth
                frames[:], later[:], eta[:] = trial, now, reached
                break
    return best
