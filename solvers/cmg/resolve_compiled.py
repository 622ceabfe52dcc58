"""The plan of a device for the rest of its episode, compiled: its frame rates of the slot before are given."""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries, complete

__all__ = ["plan_rest", "promise_offloads"]

ROUNDS = 12  # of programme and completion, at most
PATIENCE = 3  # rounds without a better plan after which the search ends


@njit(cache=True, error_model="numpy")
def _entry(tables: Tables, before: int, f: int) -> float:
    """Smoothness of the first slot; `before` is -1 if no slot was before."""
    smoothness = tables.first_smoothness[f] if before < 0 else tables.smoothness[before, f]
    return tables.weight[0] * smoothness


@njit(cache=True, error_model="numpy")
def _stages(tables: Tables, n: int, k: int, offload: np.ndarray, eta: np.ndarray, stage: np.ndarray) -> None:
    """Values of the frame rates of a chunk in each slot."""
    for t in range(stage.shape[0]):
        cost = stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]) if offload[t, k] else stages.local_cost(tables, eta[t], n)
        stages.stage_values(tables, t, cost, stage[t])


@njit(cache=True, error_model="numpy")
def _best_frames(tables: Tables, n: int, before: np.ndarray, offload: np.ndarray, eta: np.ndarray, frames: np.ndarray) -> None:
    """Best frame rates at prices; shapes [T, K], of eta [T] and of before [K]."""
    slots, chunks = offload.shape
    count = tables.frames.size
    transposed = tables.smoothness.T.copy()
    stage, after = np.empty((slots, count)), np.empty((slots, count))
    for k in range(chunks):
        _stages(tables, n, k, offload, eta, stage)
        programme.backward(tables, transposed, stage, after)
        for t in range(slots):
            best = -np.inf
            for i in range(count):
                into = tables.weight[t] * tables.smoothness[frames[t - 1, k], i] if t else _entry(tables, before[k], i)
                value = into + stage[t, i] + after[t, i]
                if value > best:
                    best, frames[t, k] = value, i


@njit(cache=True, error_model="numpy")
def plan_rest(
    tables: Tables,
    batteries: Batteries,
    n: int,
    before: np.ndarray,
    offload: np.ndarray,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
) -> float:
    """Plan a device over the slots that are left, as `mecbench.solvers.cmg.device_compiled.plan_device` does over all.

    Parameters
    ----------
    tables, batteries, n
        What is left of the instance, slot at hand first, and the device.
    before
        Number of the frame rate of each chunk in the slot before, -1 if there was none, shape [K].
    offload
        Whether each chunk is offloaded, shape [T, K].
    frames, later, eta
        Written: number of each frame rate, shape [T, K]; prices of a joule in each slot without and with the slot's limit, shape [T].
        The search starts at the prices `eta`.

    Returns
    -------
    float
        What the device adds to the objective.
    """
    slots, chunks = offload.shape
    best, idle = -np.inf, 0
    price, trial = eta.copy(), np.full((slots, chunks), -1)
    found, now, reached = np.empty((slots, chunks), dtype=np.int64), np.empty(slots), np.empty(slots)
    for _ in range(ROUNDS):
        _best_frames(tables, n, before, offload, price, found)
        if (found == trial).all():
            break
        trial[:] = found
        worth = _worth(tables, batteries, n, before, offload, trial, now, reached)
        idle += 1
        if worth > best:
            idle, best = 0, worth
            frames[:], later[:], eta[:] = trial, now, reached
        if idle == PATIENCE:
            break
        price = 2.0 * price + 1.0 if worth == -np.inf else 0.5 * (price + reached)
    if best == -np.inf:  # at the least frame rate everything is affordable
        frames[:] = 0
        best = _worth(tables, batteries, n, before, offload, frames, later, eta)
    return best


@njit(cache=True, error_model="numpy")
def _worth(
    tables: Tables,
    batteries: Batteries,
    n: int,
    before: np.ndarray,
    offload: np.ndarray,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
) -> float:
    """Completion, whose first slot is entered from the frame rates before."""
    worth = complete(tables, batteries, n, offload, frames, later, eta)
    for k in range(frames.shape[1]):
        worth += _entry(tables, before[k], frames[0, k]) - tables.weight[0] * tables.first_smoothness[frames[0, k]]
    return worth


@njit(cache=True, error_model="numpy")
def promise_offloads(tables: Tables, n: int, before: np.ndarray, offload: np.ndarray, eta: np.ndarray, promise: np.ndarray) -> None:
    """What a device gains, at its prices of energy, where a chunk of the slot at hand is offloaded rather than computed.

    That bounds the gain of a new plan but for what frame rates leave between plan and Lagrangian.

    Parameters
    ----------
    tables, n, before, offload, eta
        As in `plan_rest`, which wrote the last.
    promise
        Written, shape [K]; minus infinity for what cannot be secure.
    """
    slots, chunks = offload.shape
    count = tables.frames.size
    transposed = tables.smoothness.T.copy()
    stage, after = np.empty((slots, count)), np.empty((slots, count))
    own, other = np.empty(count), np.empty(count)
    stages.stage_values(tables, 0, stages.local_cost(tables, eta[0], n), own)
    for k in range(chunks):
        promise[k] = -np.inf
        if tables.tightness[n, 0, k] <= 0.0:
            continue
        _stages(tables, n, k, offload, eta, stage)
        programme.backward(tables, transposed, stage, after)
        stages.stage_values(tables, 0, stages.alone_cost(tables, eta[0], n, tables.gain[n, 0, k]), other)
        local = sent = -np.inf
        for i in range(count):
            rest = _entry(tables, before[k], i) + after[0, i]
            local, sent = max(local, own[i] + rest), max(sent, other[i] + rest)
        promise[k] = sent - local
