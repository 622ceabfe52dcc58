"""Good plans of a single device whose offloads are chosen, compiled: frame rates by the programme, the rest by completion.

At the prices that a completion ends with the programme finds other frame rates, these other prices, and so on, damped. What is
left are frame rates that the programme cannot see, as a slot's limit couples its chunks: moves of one or two chunks of a slot, its price
solved again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries, complete, slot_choice, slot_price

__all__ = ["plan_device"]

ROUNDS = 12  # of programme and completion
SWEEPS = 4  # of moves
GAIN = 1e-9  # least gain of a move


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
def _around(tables: Tables, frames: np.ndarray, t: int, k: int, f: int) -> float:
    """Smoothness into and out of a frame rate."""
    total = tables.weight[0] * tables.first_smoothness[f] if t == 0 else tables.weight[t] * tables.smoothness[frames[t - 1, k], f]
    if t + 1 < frames.shape[0]:
        total += tables.weight[t + 1] * tables.smoothness[f, frames[t + 1, k]]
    return total


@njit(cache=True, error_model="numpy")
def _slot_worth(
    tables: Tables, batteries: Batteries, n: int, t: int, offload: np.ndarray, frames: np.ndarray, later: float, eta: float
) -> float:
    """Worth of a slot less what its energy is worth elsewhere, within its limit."""
    if batteries.average:
        later = price = eta
    else:
        price = slot_price(tables, n, t, offload, frames, later, tables.energy_limit)
    if price == np.inf:
        return -np.inf
    energy, worth = slot_choice(tables, n, t, offload, frames, price)
    return worth - later * energy


@njit(cache=True, error_model="numpy")
def _improve(
    tables: Tables, batteries: Batteries, n: int, offload: np.ndarray, frames: np.ndarray, later: np.ndarray, eta: np.ndarray
) -> bool:
    """Move frame rates of one or two chunks of a slot while that gains."""
    slots, chunks = frames.shape
    count = tables.frames.size
    moved = False
    trial = np.empty(chunks, dtype=np.int64)
    for t in range(slots):
        trial[:] = frames[t]
        here = _slot_worth(tables, batteries, n, t, offload[t], trial, later[t], eta[t])
        again = True
        while again:
            again = False
            for k in range(chunks):
                for j in range(k + 1):
                    for step in (-1, 1):
                        for other in (-1, 0, 1):
                            if (other == 0) != (j == k):
                                continue
                            f, g = frames[t, k] + step, frames[t, j] + other
                            if not 0 <= f < count or not 0 <= g < count:
                                continue
                            change = _around(tables, frames, t, k, f) - _around(tables, frames, t, k, frames[t, k])
                            trial[:] = frames[t]
                            if j < k:
                                change += _around(tables, frames, t, j, g) - _around(tables, frames, t, j, frames[t, j])
                                trial[j] = g
                            trial[k] = f
                            there = _slot_worth(tables, batteries, n, t, offload[t], trial, later[t], eta[t])
                            if there + change > here + GAIN:
                                frames[t] = trial
                                here = there
                                again = moved = True
    return moved


@njit(cache=True, error_model="numpy")
def plan_device(
    tables: Tables,
    batteries: Batteries,
    n: int,
    offload: np.ndarray,
    rounds: int,
    sweeps: int,
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
    rounds, sweeps
        How often at most the programme is solved, and frame rates are moved.
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
    for _ in range(rounds):
        _best_frames(tables, n, offload, price, found)
        if (found == trial).all():
            break
        trial[:] = found
        worth = complete(tables, batteries, n, offload, trial, now, reached)
        if worth > best:
            best = worth
            frames[:], later[:], eta[:] = trial, now, reached
        price = 2.0 * price + 1.0 if worth == -np.inf else 0.5 * (price + reached)
    for _ in range(sweeps):
        trial[:] = frames
        if best == -np.inf or not _improve(tables, batteries, n, offload, trial, later, eta):
            break
        worth = complete(tables, batteries, n, offload, trial, now, reached)
        if worth <= best + GAIN:
            break
        best = worth
        frames[:], later[:], eta[:] = trial, now, reached
    if best == -np.inf:  # at the least frame rate everything is affordable
        frames[:] = 0
        best = complete(tables, batteries, n, offload, frames, later, eta)
    return best
