"""What the slot at hand's offloads promise to a device whose frame rates of the slot before are given, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg import programme_compiled as programme
from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.device_compiled import entry

__all__ = ["promise_offloads"]


@njit(cache=True, error_model="numpy")
def _stages(tables: Tables, n: int, k: int, offload: np.ndarray, eta: np.ndarray, stage: np.ndarray) -> None:
    """Values of the frame rates of a chunk in each slot."""
    for t in range(stage.shape[0]):
        cost = stages.alone_cost(tables, eta[t], n, tables.gain[n, t, k]) if offload[t, k] else stages.local_cost(tables, eta[t], n)
        stages.stage_values(tables, t, cost, stage[t])


@njit(cache=True, error_model="numpy")
def promise_offloads(tables: Tables, n: int, before: np.ndarray, offload: np.ndarray, eta: np.ndarray, promise: np.ndarray) -> None:
    """What a device gains, at its prices of energy, where a chunk of the slot at hand is offloaded rather than computed.

    That bounds the gain of a new plan but for what frame rates leave between plan and Lagrangian.

    Parameters
    ----------
    tables, n, before, offload, eta
        As in `mecbench.solvers.cmg.device_compiled.plan_rest`, which wrote the last.
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
            rest = tables.weight[0] * tables.first_smoothness[i] + entry(tables, before[k], i) + after[0, i]
            local, sent = max(local, own[i] + rest), max(sent, other[i] + rest)
        promise[k] = sent - local
