"""Batches of episodes as rows of numbers: what value networks see, and what their numbered answers earn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mecbench.problems.p1 import Instance, Task
from mecbench.problems.p1.layout import ASKED, LARGEST_SHARE, Layout
from mecbench.rl.p1.encoding import Encoder
from mecbench.rl.p1.packing import Packing
from mecbench.rl.rows import Moved
from mecbench.solvers.p1.answers import action_of

__all__ = ["Episodes"]


class Episodes:
    """Episodes side by side, one batch after the other; a row that has ended waits for the others. An environment of `rl.rows`.

    Parameters
    ----------
    draw
        Gives the instances of the next batch, equally many each time.
    rows
        How many.
    packing, ahead
        Of what is seen; see `Encoder`.

    Attributes
    ----------
    seen
        What is seen now, as `Encoder.see` gives it.
    metrics
        The task's, after the last answer of this or the last batch, shape [B] each.
    """

    def __init__(self, draw: Callable[[], Sequence[Instance]], rows: int, packing: Packing, ahead: bool) -> None:
        self.rows, self.features = rows, packing.features
        self.actions = packing.nodes * (LARGEST_SHARE * packing.layers + 1)
        self._draw, self._packing, self._ahead, self._task = draw, packing, ahead, Task()
        self.seen: dict[str, np.ndarray] = {}
        self.metrics: dict[str, np.ndarray] = {}

    def reset(self) -> np.ndarray:
        """Begin the next batch; rows of what is seen, float32, shape [B, F]."""
        observation = self._task.reset(self._draw())
        static = self._task.static()
        self._encoder = Encoder(static, Layout.of(static), self._packing.shows, self._ahead)
        return self._see(observation)

    def step(self, action: np.ndarray) -> Moved:
        """Take a numbered answer of every row, int64, shape [B]."""
        step = self._task.step(action_of(action, self.seen["offered"], self._packing.layers))
        self.metrics = step.metrics
        return Moved(self._see(step.observation), step.reward[:, 0].astype(np.float32), step.terminated, bool(step.terminated.all()))

    def _see(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        self.seen = self._encoder.see(observation)
        return self._packing.pack(self.seen, observation["phase"] == ASKED)
