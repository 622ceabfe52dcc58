"""The dynamic programme over frame rates, compiled: the memory of a chunk is its frame rate of the slot before.

``before[t, f] = max over f' of before[t - 1, f'] + stage[t - 1, f'] + w_t smooth(f', f)`` is the best that leads to a frame rate, its own
stage not counted, and ``after[t, f]`` the best that follows. So ``before + stage + after`` is the value of the best path
through a frame rate of a slot, whatever that slot's stage: a max-marginal.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.cmg.tables import Tables

__all__ = ["backward", "forward", "trace"]


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _advance(value: np.ndarray, weight: float, smoothness: np.ndarray, reached: np.ndarray) -> None:
    """Maximum over rows i of ``value[i] + weight * smoothness[i]``."""
    reached[:] = -1e300
    for i in range(value.size):
        here = value[i]
        for j in range(reached.size):
            total = here + weight * smoothness[i, j]
            reached[j] = total if total > reached[j] else reached[j]


@njit(cache=True, error_model="numpy")
def forward(tables: Tables, stage: np.ndarray, before: np.ndarray) -> float:
    """Best value of a chunk; shapes [T, F].

    Parameters
    ----------
    tables, stage
        The instance and the values of each slot's frame rates.
    before
        Written: best value before each stage, smoothness of the slot included.
    """
    slots = stage.shape[0]
    for i in range(tables.frames.size):
        before[0, i] = tables.weight[0] * tables.first_smoothness[i]
    for t in range(1, slots):
        _advance(before[t - 1] + stage[t - 1], tables.weight[t], tables.smoothness, before[t])
    return (before[slots - 1] + stage[slots - 1]).max()


@njit(cache=True, error_model="numpy")
def backward(tables: Tables, transposed: np.ndarray, stage: np.ndarray, after: np.ndarray) -> None:
    """Best value after each stage; shapes [T, F].

    Parameters
    ----------
    tables, transposed, stage
        The instance, its `smoothness` transposed, and the values of each slot's frame rates.
    after
        Written: best value of the slots that follow, their smoothness included.
    """
    slots = stage.shape[0]
    after[slots - 1] = 0.0
    for t in range(slots - 2, -1, -1):
        _advance(after[t + 1] + stage[t + 1], tables.weight[t + 1], transposed, after[t])


@njit(cache=True, error_model="numpy")
def trace(tables: Tables, stage: np.ndarray, before: np.ndarray, path: np.ndarray) -> None:
    """A path that attains the best value.

    Parameters
    ----------
    tables, stage, before
        As in `forward`, which wrote the last.
    path
        Written: number of the frame rate in each slot, shape [T].
    """
    slots, count = stage.shape
    best = (before[slots - 1] + stage[slots - 1]).argmax()
    path[slots - 1] = best
    for t in range(slots - 2, -1, -1):
        value = -1e300
        at = 0
        for i in range(count):
            total = before[t, i] + stage[t, i] + tables.weight[t + 1] * tables.smoothness[i, best]
            if total > value:
                value, at = total, i
        best = at
        path[t] = best
