"""Moves of an offload from one device to another, both planned again, compiled.

At the prices of energy that its plan ends with, the Lagrangian of a device bounds what it makes of any other offloads, and the
max-marginals of the programme give that for each single change at once. Few changes survive that test, and only those are planned.
(Where frame rates leave a gap between plan and Lagrangian the bound may be missed by as much.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries
from mecbench.solvers.cmg.device_compiled import plan_device

__all__ = ["promises", "reassign"]

NOBODY: Any = np.int64(-1)  # typed, since numba compiles what is called with a literal once more
GAIN = 1e-9  # least gain of a move
SLACK = 0.01  # by which promises may be too low, where frame rates leave a gap between a plan and its Lagrangian


@njit(cache=True, error_model="numpy")
def promises(tables: Tables, n: int, offload: np.ndarray, eta: np.ndarray, promise: np.ndarray) -> float:
    """Bound what a device gains where a single chunk is offloaded instead of computed, or the other way round.

    Parameters
    ----------
    tables, n
        The instance and the device.
    offload, eta
        Its plan, as `plan_device` left it; shapes [T, K] and [T].
    promise
        Written, shape [T, K]; minus infinity for what cannot be secure.

    Returns
    -------
    float
        Value of the chunks at these offloads and prices.
    """
    slots, chunks = offload.shape
    count = tables.frames.size
    own, other, stage = np.empty((slots, count)), np.empty((slots, count)), np.empty((slots, count))
    before, after = np.empty((slots, count)), np.empty((slots, count))
    transposed = tables.smoothness.T.copy()
    total = 0.0
    for t in range(slots):
        stages.stage_values(tables, t, stages.local_cost(tables, eta[t], n), own[t])
    for k in range(chunks):
        for t in range(slots):
            if tables.tightness[n, t, k] > 0.0:
                stages.stage_values(tables, t, stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]), other[t])
            else:
                other[t] = -np.inf
            stage[t] = other[t] if offload[t, k] else own[t]
        value = programme.forward(tables, stage, before)
        total += value
        programme.backward(tables, transposed, stage, after)
        for t in range(slots):
            flipped = own[t] if offload[t, k] else other[t]
            promise[t, k] = (before[t] + flipped + after[t]).max() - value
    return total


@njit(cache=True, error_model="numpy")
def reassign(
    tables: Tables,
    batteries: Batteries,
    t: int,
    k: int,
    promise: np.ndarray,
    most: int,
    rounds: int,
    offload: np.ndarray,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
    worth: np.ndarray,
) -> float:
    """Give a channel to the device that makes the most of it, or to none, all else as it is.

    Parameters
    ----------
    tables, batteries, t, k
        The instance and the channel.
    promise, most
        What each device gains at most by the change of this channel, shape [N], and how many devices are tried at most.
    rounds
        As in `plan_device`.
    offload, frames, later, eta, worth
        Plans of all devices, of which two may change; as in `mecbench.solvers.cmg.plans.Plans`.

    Returns
    -------
    float
        The gain.
    """
    slots, chunks = offload.shape[1:]
    owner = NOBODY
    for n in range(worth.size):
        if offload[n, t, k]:
            owner = n
    # Rows 0 and 1: the owner without the channel, and the best device with it; row 2 is tried.
    plan = np.empty((3, slots, chunks), dtype=np.int64)
    price, dear = np.empty((3, slots)), np.empty((3, slots))
    freed = lost = 0.0
    given = promise[owner] if owner >= 0 else 0.0
    order = np.argsort(-promise)
    first = order[1] if order[0] == owner and order.size > 1 else order[0]
    if given <= -SLACK and (first == owner or given + promise[first] <= -SLACK):
        return 0.0
    if owner >= 0:
        offload[owner, t, k] = False
        dear[0] = eta[owner]
        freed = plan_device(tables, batteries, owner, offload[owner], rounds, plan[0], price[0], dear[0])
        lost = freed - worth[owner]
    best, taker, reached = max(0.0, lost) + GAIN, NOBODY, 0.0
    tried = 0
    for n in order:
        if n == owner:
            continue
        if tried == most or lost + promise[n] + SLACK <= best:
            break
        tried += 1
        offload[n, t, k] = True
        dear[2] = eta[n]
        value = plan_device(tables, batteries, n, offload[n], rounds, plan[2], price[2], dear[2])
        offload[n, t, k] = False
        if lost + value - worth[n] > best:
            best, taker, reached = lost + value - worth[n], n, value
            plan[1], price[1], dear[1] = plan[2], price[2], dear[2]
    if taker < 0 and lost <= GAIN:
        if owner >= 0:
            offload[owner, t, k] = True
        return 0.0
    if owner >= 0:
        frames[owner], later[owner], eta[owner], worth[owner] = plan[0], price[0], dear[0], freed
    if taker < 0:
        return lost
    offload[taker, t, k] = True
    frames[taker], later[taker], eta[taker], worth[taker] = plan[1], price[1], dear[1], reached
    return best
