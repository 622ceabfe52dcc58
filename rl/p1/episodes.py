"""Batches of episodes as rows of numbers: what value networks see, and what their numbered answers earn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mecbench.problems.p1 import Instance, Task
from mecbench.problems.p1.layout import ASKED, LARGEST_SHARE, SHARED_FEATURES, Layout
from mecbench.rl.p1.encoding import Encoder
from mecbench.rl.p1.packing import Packing
from mecbench.rl.rows import Moved
from mecbench.solvers.p1.answers import action_of
from mecbench.solvers.p1.outlook import Outlook

__all__ = ["Episodes", "surprises"]

_SLOT = SHARED_FEATURES.index("slot")


def surprises(instances: Sequence[Instance]) -> np.ndarray:
    """Temporal-difference errors of the outlook, answering alone, summed over all slots before each; shape [B, H + 1].

    The last sum is what an episode of it earned less what it expected at first: that which nobody could foresee, and its own bias.
    """
    task, rule = Task(), Outlook()
    observation = task.reset(instances)
    static = task.static()
    rule.reset(static, len(instances), 0)
    rows, layers = np.arange(len(instances)), static["layer_cycles"].shape[1]
    errors = np.zeros((rows.size, int(static["slots"].max()) + 1))
    while (observation["phase"] == ASKED).any():
        values = rule.values(observation)
        nodes = np.broadcast_to(np.arange(values.shape[1]), values.shape[:2])
        flat, asked, slot = values.reshape(rows.size, -1), observation["phase"] == ASKED, observation["shared"][:, _SLOT].astype(np.int64)
        best = np.where(asked, flat.max(axis=1), 0.0)
        step = task.step(action_of(flat.argmax(axis=1), nodes, layers))
        errors[rows, slot + 1] += step.reward[:, 0] - best
        observation = step.observation
        asked, after = observation["phase"] == ASKED, rule.values(observation).reshape(rows.size, -1).max(axis=1)
        errors[rows, slot + 1] += np.where(asked, after, 0.0)
    summed: np.ndarray = errors.cumsum(axis=1)
    return summed


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
    baseline
        Whether rewards are less the `surprises` of the same instance as each slot ends. What no answer changes is no noise then: an
        input-driven baseline (Mao et al., 2019), for values that begin with the outlook.

    Attributes
    ----------
    seen
        What is seen now, as `Encoder.see` gives it.
    metrics
        The task's, after the last answer of this or the last batch, shape [B] each.
    """

    def __init__(self, draw: Callable[[], Sequence[Instance]], rows: int, packing: Packing, ahead: bool, baseline: bool = False) -> None:
        self.rows, self.features = rows, packing.features
        self.actions = packing.nodes * (LARGEST_SHARE * packing.layers + 1)
        self._draw, self._packing, self._ahead, self._task = draw, packing, ahead, Task()
        self._baseline = baseline
        self.seen: dict[str, np.ndarray] = {}
        self.metrics: dict[str, np.ndarray] = {}

    def reset(self) -> np.ndarray:
        """Begin the next batch; rows of what is seen, float32, shape [B, F]."""
        instances = self._draw()
        self._surprises = surprises(instances) if self._baseline else None
        observation = self._task.reset(instances)
        static = self._task.static()
        self._slot = observation["shared"][:, _SLOT].astype(np.int64)
        self._encoder = Encoder(static, Layout.of(static), self._packing.shows, self._ahead)
        return self._see(observation)

    def step(self, action: np.ndarray) -> Moved:
        """Take a numbered answer of every row, int64, shape [B]."""
        step = self._task.step(action_of(action, self.seen["offered"], self._packing.layers))
        self.metrics = step.metrics
        reward = step.reward[:, 0]
        if self._surprises is not None:
            reward = reward - self._passed(step.observation)
        return Moved(self._see(step.observation), reward.astype(np.float32), step.terminated, bool(step.terminated.all()))

    def _passed(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """Surprises of the slots that have ended with the last answers, shape [B]."""
        assert self._surprises is not None
        rows, last = np.arange(self.rows), self._surprises.shape[1] - 1
        before, self._slot = self._slot, np.where(observation["phase"] == ASKED, observation["shared"][:, _SLOT], last).astype(np.int64)
        passed: np.ndarray = self._surprises[rows, self._slot] - self._surprises[rows, before]
        return passed

    def _see(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        self.seen = self._encoder.see(observation)
        return self._packing.pack(self.seen, observation["phase"] == ASKED)
