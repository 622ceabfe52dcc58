"""Dantzig-Wolfe bound of an epoch's packing: values of the devices that no packings of the edges collect in full.

The assignment rows are dualised: with values lambda of the devices, an edge packs those worth most (a knapsack), and if the edges together
collect less than everybody is worth, not everybody fits. This is the bound of column generation over packings of edges; only its sign
matters, so the dual is ascended by Polyak's step towards a known target just above 0, at a fraction of a millisecond a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.solvers.p_marl.epoch import Packing

__all__ = ["Ascent", "Values", "tractable"]

MARGIN = 1e-8  # relative, by which a proof exceeds its limit: more than its checker demands
TARGET = 0.02  # of the best shortfall so far: how far above 0 a step aims
LEAST_TARGET = 1e-3  # the same where that is small, in mean values of a device
PATIENCE = 20  # steps without progress before steps become shorter
SHORTER = 0.7
SHORTEST = 1e-3  # length of steps at which the ascent has stalled
MOST_CELLS = 2**27  # of the dynamic programme of one edge
MOST_MULTIPROCESSORS = 10**6  # over which certificates recompute packings


def tractable(packing: Packing) -> bool:
    """Whether the dynamic programme fits into memory, and its result into a certificate."""
    return packing.capacity <= MOST_MULTIPROCESSORS and (packing.capacity + 1) * packing.rest.size <= MOST_CELLS


class Values(NamedTuple):
    """The best values of an ascent.

    Attributes
    ----------
    device
        lambda, shape [R].
    surplus
        By how much all devices are worth more than what the edges collect, in mean values of a device; above 0 proves.
    proves
        Whether the packing is impossible.
    """

    device: np.ndarray
    surplus: float
    proves: bool


class Ascent:
    """Ascent of the dual from given values, which can be continued.

    Parameters
    ----------
    weight
        Multiprocessors that each device needs of each edge, int64, shape [R, N]; above all capacities for never. Everybody fits somewhere.
    capacity
        Multiprocessors of each edge, int64, shape [N].
    start
        Values to begin with, shape [R], at least 0 and not all 0.
    """

    def __init__(self, weight: np.ndarray, capacity: np.ndarray, start: np.ndarray) -> None:
        devices, most = len(weight), int(capacity.max())
        self._weight, self._capacity = weight, capacity
        self._rows = np.zeros((devices + 1, most + 1)), np.zeros(weight.shape, dtype=np.bool_)
        self._value = start / start.mean()
        self._length, self._waited = 1.0, 0
        self.best = Values(self._value, -np.inf, False)

    @property
    def ended(self) -> bool:
        """Whether steps have become too short to go on."""
        return self._length < SHORTEST

    def run(self, steps: int) -> Values:
        """Ascend until the packing is proved impossible, steps are used up or the ascent has stalled."""
        from mecbench.solvers.p_marl.packing_compiled import pack

        packed = self._rows[1]
        for _ in range(steps):
            collected = pack(self._value, self._weight, self._capacity, *self._rows)
            surplus = float(self._value.sum()) - collected
            if surplus > self.best.surplus:
                self.best = Values(self._value, surplus, surplus > MARGIN * max(collected, 1.0))
                self._waited = 0
                if self.best.proves:
                    break
            else:
                self._waited += 1
                if self._waited >= PATIENCE:
                    self._length, self._waited = SHORTER * self._length, 0
                    self._value = self.best.device
            slope = 1.0 - packed.sum(axis=1)
            norm = float(slope @ slope)
            if norm == 0.0 or self.ended:
                self._length = min(self._length, SHORTEST / 2 if norm == 0.0 else self._length)
                break
            goal = max(TARGET * abs(self.best.surplus), LEAST_TARGET)
            self._value = np.maximum(self._value + self._length * (goal - surplus) / norm * slope, 0.0)
        return self.best
