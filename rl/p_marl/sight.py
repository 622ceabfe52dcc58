"""What devices see as rows for a network, and what they remember of it: running means of what their competitors did."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_marl.layout import Layout
from mecbench.problems.task import Observation

__all__ = ["Sight"]

EVEN = 4  # epochs that the beginning of a memory counts as; with one, devices still run in the first epochs


class Sight:
    """Rows of all devices of a batch of episodes; a row of zeros alone where there is none.

    A row is that of the task. Where `counts` says so, its records are numbers of devices rather than parts of all, so that they mean the
    same whatever the size, and its last column is the number of devices per edge. With `memory` below 1, a running mean of records and
    mean action follows: answers to what competitors did in the last epoch alone make all devices run to the same edges and away again.
    It begins with all actions alike, which count as `EVEN` epochs. A device remembers what it saw itself; what an edge out of its
    perception does leaves its memory as it is.

    Parameters
    ----------
    layout
        Of the task.
    devices
        M of each episode, shape [B].
    memory
        Weight of what is new in the running means; more in the first epochs, of which they are plain means.
    counts
        See above.
    """

    def __init__(self, layout: Layout, devices: np.ndarray, memory: float, counts: bool) -> None:
        self._layout = layout
        self._each = devices[:, None] / layout.edges if counts else None
        self._scale = devices[:, None, None] if counts else np.ones((1, 1, 1))
        self._columns = self.features(layout, memory, counts)
        self._memories = [_Memory(memory, self._scale / layout.edges / layout.groups)] * (layout.records and memory < 1)
        self._field = [_Memory(memory, np.full((1, 1, 1), 1.0 / layout.actions))] * (layout.mean_field and memory < 1)

    @staticmethod
    def features(layout: Layout, memory: float, counts: bool) -> int:
        """Columns of a row."""
        remembered = layout.mean_action.stop - layout.record.start if memory < 1 else 0
        return layout.features + remembered + counts

    def rows(self, observation: Observation) -> np.ndarray:
        """Rows of what the task shows, float32, shape [B A, F]; once for every epoch, in their order."""
        layout, shown = self._layout, observation["agents"]
        seen = np.empty((*shown.shape[:2], self._columns), dtype=np.float32)
        seen[..., : layout.features] = shown
        seen[..., layout.record] *= self._scale
        begun, somebody = seen[..., layout.previous].any(axis=2, keepdims=True), seen[..., :1] > 0
        skip = layout.features - layout.record.start
        for memory in self._memories:
            known = np.logical_and(begun, seen[..., layout.efficiency] > 0)
            memory.take(seen, layout.record, skip, known, somebody)
        for memory in self._field:
            known = np.logical_and(begun, seen[..., layout.mean_action].any(axis=2, keepdims=True))
            memory.take(seen, layout.mean_action, skip, known, somebody)
        if self._each is not None:
            seen[..., -1] = np.where(somebody[..., 0], self._each, 0.0)
        return seen.reshape(-1, self._columns)


class _Memory:
    """Running means of what is told of several things, so many columns each: of edges, or of all that is near."""

    def __init__(self, weight: float, even: np.ndarray) -> None:
        self._weight, self._even = weight, even
        self._mean: np.ndarray | None = None

    def take(self, seen: np.ndarray, columns: slice, skip: int, known: np.ndarray, somebody: np.ndarray) -> None:
        """Take in what these columns of rows [B, A, F] tell of known things [B, A, N], and write the means so many columns behind."""
        new = seen[..., columns].reshape(*known.shape, -1)
        if self._mean is None:
            self._mean = np.full(new.shape, self._even[..., None], dtype=np.float32) * somebody[..., None]
            self._times = np.full(known.shape, EVEN, dtype=np.float32)
        self._times += known
        weight = known * np.maximum(self._weight, 1.0 / self._times)
        step = new - self._mean
        step *= weight[..., None]
        self._mean += step
        seen[..., columns.start + skip : columns.stop + skip] = self._mean.reshape(*seen.shape[:2], -1)
