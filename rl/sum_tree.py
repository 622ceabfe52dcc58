"""Priorities with their sums: draws in proportion to them, and changes of them, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState

__all__ = ["SumTree"]

WIDTH = 32  # places of a block: to look one up in its block takes about as long as to look up the block, up to a million places


class SumTree:
    """Priorities of the places of a buffer, all zero at first.

    The tree is flat: a root, blocks and places. A binary one takes a step of the interpreter for each of its many levels, which costs more
    than to add up all blocks.

    Parameters
    ----------
    capacity
        Number of places.
    """

    def __init__(self, capacity: int) -> None:
        self._blocks = np.zeros((-(-capacity // WIDTH), WIDTH))
        self._places = self._blocks.ravel()
        self._sums = np.zeros(len(self._blocks))

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._sums.sum())

    def __getitem__(self, places: Any) -> np.ndarray:
        """Priorities of places."""
        return self._places[places]

    def __setitem__(self, places: np.ndarray, priorities: np.ndarray | float) -> None:
        """Set the priorities of places, none negative; of a place that comes more than once the last one stays."""
        self._places[places] = priorities
        touched = np.asarray(places) // WIDTH
        self._sums[touched] = self._blocks[touched].sum(axis=1)

    def draw(self, number: int, random: RandomState) -> np.ndarray:
        """Places drawn independently, each with its priority's part of the total; int64, shape [number]."""
        up_to = np.cumsum(self._sums)
        # Marks stay below the sums even where they round to them, so that nothing without priority is ever drawn.
        mark = np.minimum(random.random_sample(number) * up_to[-1], np.nextafter(up_to[-1], 0.0))
        block = up_to.searchsorted(mark, side="right")
        within = np.add.accumulate(self._blocks[block], axis=1)
        mark = np.minimum(np.maximum(mark - (up_to[block] - self._sums[block]), 0.0), np.nextafter(within[:, -1], 0.0))
        places: np.ndarray = block * WIDTH + (within > mark[:, None]).argmax(axis=1)
        return places
