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
        self._layout, self._memory = layout, memory
        self._each = devices[:, None, None] / layout.edges if counts else None
        self._crowd = slice(layout.record.start, layout.mean_action.stop)
        self._scale = devices[:, None, None] if counts else np.ones((1, 1, 1))
        self._mean: np.ndarray | None = None

    @staticmethod
    def features(layout: Layout, memory: float, counts: bool) -> int:
        """Columns of a row."""
        remembered = layout.mean_action.stop - layout.record.start if memory < 1 else 0
        return layout.features + remembered + counts

    def rows(self, observation: Observation) -> np.ndarray:
        """Rows of what the task shows, float32, shape [B A, F]; once for every epoch, in their order."""
        layout, crowd = self._layout, self._crowd
        seen = observation["agents"].astype(np.float32)
        seen[..., layout.record] *= self._scale
        if self._memory < 1 and crowd.stop > crowd.start:
            seen = np.concatenate((seen, self._remember(seen)), axis=2)
        if self._each is not None:
            each = np.where(seen.any(axis=2, keepdims=True), self._each, 0.0)
            seen = np.concatenate((seen, each.astype(np.float32)), axis=2)
        return seen.reshape(-1, seen.shape[2])

    def _remember(self, seen: np.ndarray) -> np.ndarray:
        new = seen[..., self._crowd]
        if self._mean is None:
            start = np.full(new.shape, 1.0 / self._layout.actions, dtype=np.float32)
            records = self._layout.record.stop - self._layout.record.start
            start[..., :records] = self._scale / max(1, records)
            self._mean, self._times = start * seen.any(axis=2, keepdims=True), np.full_like(new, EVEN)
        known = self._known(seen)
        self._times += known
        weight = known * np.maximum(self._memory, 1.0 / self._times)
        self._mean = self._mean + weight.astype(np.float32) * (new - self._mean)
        return self._mean

    def _known(self, seen: np.ndarray) -> np.ndarray:
        """Which of the columns tell of the epoch before, shape [B, A, C]."""
        layout = self._layout
        begun = seen[..., layout.previous].any(axis=2, keepdims=True)
        near = seen[..., layout.efficiency] > 0
        known = np.zeros(seen[..., self._crowd].shape, dtype=bool)
        number = layout.record.stop - layout.record.start
        known[..., :number] = begun & np.repeat(near, layout.groups, axis=2)[..., :number]
        known[..., number:] = begun & seen[..., layout.mean_action].any(axis=2, keepdims=True)
        return known
