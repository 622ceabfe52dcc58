"""Moves of an offload from one device to another, both planned again, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.completion_compiled import Batteries
from mecbench.solvers.cmg.device_compiled import plan_device

__all__ = ["reassign"]

GAIN = 1e-9  # least gain of a move


@njit(cache=True, error_model="numpy")
def reassign(
    tables: Tables,
    batteries: Batteries,
    t: int,
    k: int,
    candidates: np.ndarray,
    rounds: int,
    sweeps: int,
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
    candidates
        Devices that are tried, int64.
    rounds, sweeps
        As in `plan_device`.
    offload, frames, later, eta, worth
        Plans of all devices, of which two may change; as in `mecbench.solvers.cmg.plans.Plans`.

    Returns
    -------
    float
        The gain.
    """
    slots, chunks = offload.shape[1:]
    owner = -1
    for n in range(worth.size):
        if offload[n, t, k]:
            owner = n
    # Rows 0 and 1: the owner without the channel, and the best device with it; row 2 is tried.
    plan = np.empty((3, slots, chunks), dtype=np.int64)
    price, dear = np.empty((3, slots)), np.empty((3, slots))
    freed = lost = 0.0
    if owner >= 0:
        offload[owner, t, k] = False
        dear[0] = eta[owner]
        freed = plan_device(tables, batteries, owner, offload[owner], rounds, sweeps, plan[0], price[0], dear[0])
        lost = freed - worth[owner]
    best, taker, reached = max(0.0, lost) + GAIN, -1, 0.0
    for n in candidates:
        if n == owner or tables.tightness[n, t, k] <= 0.0:
            continue
        offload[n, t, k] = True
        dear[2] = eta[n]
        value = plan_device(tables, batteries, n, offload[n], rounds, sweeps, plan[2], price[2], dear[2])
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
