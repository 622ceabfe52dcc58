"""Good plans of a single device whose offloads are chosen, compiled: frame rates by the programme, the rest by completion.

At the prices that a completion ends with the programme finds other frame rates, these other prices, and so on, damped, until the frame
rates repeat. Mostly plan and Lagrangian have met by then; where they have not, single chunks follow their prices alone.

The rest of an episode is planned likewise, its first slot entered from the frame rates of the slot before.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries, complete

__all__ = ["entry", "plan_device", "plan_rest"]

GAIN = 1e-9  # least gain of a change
PATIENCE = 3  # rounds without a better plan after which the search ends: frame rates may go in circles


@njit(cache=True, error_model="numpy")
def entry(tables: Tables, before: int, f: int) -> float:
    """What the first slot's smoothness is worth beyond that of an episode's first; `before` is -1 if no slot was before."""
    if before < 0:
        return 0.0
    return tables.weight[0] * (tables.smoothness[before, f] - tables.first_smoothness[f])


@njit(cache=True, error_model="numpy")
def _best_frames(tables: Tables, n: int, before: np.ndarray, offload: np.ndarray, eta: np.ndarray, frames: np.ndarray) -> None:
    """Best frame rates at prices; shapes [T, K], of eta [T] and of before [K]."""
    slots, chunks = offload.shape
    shape = (slots, tables.frames.size)
    own, stage, reached = np.empty(shape), np.empty(shape), np.empty(shape)
    path = np.empty(slots, dtype=np.int64)
    for t in range(slots):
        stages.stage_values(tables, t, stages.local_cost(tables, eta[t], n), own[t])
    alike = -1  # a chunk that is never offloaded: all of these that are entered alike are alike
    for k in range(chunks):
        if not offload[:, k].any():
            if alike >= 0 and before[k] == before[alike]:
                frames[:, k] = frames[:, alike]
                continue
            alike = k
        for t in range(slots):
            if offload[t, k]:
                stages.stage_values(tables, t, stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]), stage[t])
            else:
                stage[t] = own[t]
        for i in range(tables.frames.size):
            stage[0, i] += entry(tables, before[k], i)
        programme.forward(tables, stage, reached)
        programme.trace(tables, stage, reached, path)
        frames[:, k] = path


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
    """Completion, its first slot entered from the frame rates before."""
    worth = complete(tables, batteries, n, offload, frames, later, eta)
    for k in range(frames.shape[1]):
        worth += entry(tables, before[k], frames[0, k])
    return worth


@njit(cache=True, error_model="numpy")
def plan_rest(
    tables: Tables,
    batteries: Batteries,
    n: int,
    before: np.ndarray,
    offload: np.ndarray,
    rounds: int,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
) -> float:
    """Plan a device over the slots that are left.

    Parameters
    ----------
    tables, batteries, n
        What is left of the instance, slot at hand first, and the device.
    before
        Number of the frame rate of each chunk in the slot before, -1 if there was none, shape [K].
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
    # Chunks that are alike change their frame rates at the same price, where the best plan may have only some of them do so.
    alone = True
    while alone:
        alone = False
        _best_frames(tables, n, before, offload, eta, found)
        for k in range(chunks):
            if (found[:, k] == frames[:, k]).all():
                continue
            trial[:] = frames
            trial[:, k] = found[:, k]
            worth = _worth(tables, batteries, n, before, offload, trial, now, reached)
            if worth > best + GAIN:
                alone, best = True, worth
                frames[:], later[:], eta[:] = trial, now, reached
                break
    return best


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
    """Plan a device over a whole episode; parameters and value as in `plan_rest`."""
    before = np.full(offload.shape[1], -1)
    return plan_rest(tables, batteries, n, before, offload, rounds, frames, later, eta)
