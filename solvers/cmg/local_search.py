"""Local search on who offloads: single moves until none gains, then again from plans that were disturbed a little."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from mecbench.solvers.cmg.plans import ROUNDS, Plans

__all__ = ["PATIENCE", "LocalSearch"]

GAIN = 1e-9  # least gain of a move
SLACK = 0.01  # by which promises may miss a gain
CANDIDATES = 8  # devices that are tried on a channel at most
PATIENCE = 20.0  # fruitless disturbances for each one that is possible, after which the search ends


class LocalSearch:
    """A search that can be left and taken up again.

    Attributes
    ----------
    plans
        Best plans.
    moves
        Channels that were looked at.
    """

    def __init__(self, plans: Plans, seed: int) -> None:
        self.plans, self._random = plans, np.random.default_rng(seed)
        self.moves = 0

    def run(self, left: Callable[[], float], report: Callable[[], None], target: float = np.inf, patience: float = PATIENCE) -> None:
        """Search until the value reaches a target, nothing has helped for long, or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called when the plans got better.
        target
            Value that suffices.
        patience
            Fruitless disturbances for each one that is possible; none at 0.
        """
        _, slots, chunks = self.plans.offload.shape
        everywhere = [(t, k) for t in range(slots) for k in range(chunks)]
        before, promise = self.plans.value, np.empty(self.plans.offload.shape)
        self._promise(self.plans, promise, range(self.plans.worth.size))
        while self._sweep(self.plans, promise, everywhere, left) > 0.0 and left() > 0:
            pass
        if self.plans.value > before:
            report()
        fruitless = 0
        while left() > 0 and self.plans.value < target and fruitless < patience * np.count_nonzero(self._hopeful(self.plans, promise)):
            fruitless += 1
            trial, hopes = self.plans.copy(), promise.copy()
            touched = self._disturb(trial, hopes)
            while self._sweep(trial, hopes, touched, left) > 0.0 and left() > 0:
                pass
            if trial.value > self.plans.value + GAIN:
                self.plans, promise, fruitless = trial, hopes, 0
                report()

    def _promise(self, plans: Plans, promise: np.ndarray, devices: Iterable[int]) -> None:
        from mecbench.solvers.cmg.local_search_compiled import promises

        for n in devices:
            promises(plans.tables, n, plans.offload[n], plans.eta[n], promise[n])

    def _sweep(self, plans: Plans, promise: np.ndarray, channels: list[tuple[int, int]], left: Callable[[], float]) -> float:
        """Gain of at most one move on each of some channels."""
        from mecbench.solvers.cmg.local_search_compiled import reassign

        total = 0.0
        for t, k in channels:
            if left() <= 0:
                break
            self.moves += 1
            state = (plans.offload, plans.frames, plans.later, plans.eta, plans.worth)
            before = plans.worth.copy()
            gain = reassign(plans.tables, plans.batteries, t, k, promise[:, t, k], CANDIDATES, ROUNDS, *state)
            if gain > 0.0:
                self._promise(plans, promise, np.flatnonzero(plans.worth != before).tolist())
                total += gain
        return total

    @staticmethod
    def _hopeful(plans: Plans, promise: np.ndarray) -> np.ndarray:
        """Devices that may gain from a channel what its owner loses, bool, shape [N, T, K]."""
        owned = np.where(plans.offload, promise, 0.0).sum(axis=0)
        return np.asarray((promise + owned > -SLACK) & ~plans.offload)

    def _disturb(self, plans: Plans, promise: np.ndarray) -> list[tuple[int, int]]:
        """Make a move that promises to gain though alone it does not, and say on which channels others may complete it, its own last."""
        n, t, k = self._random.choice(np.argwhere(self._hopeful(plans, promise))).tolist()
        changed = np.unique(np.append(np.flatnonzero(plans.offload[:, t, k]), n))
        plans.offload[:, t, k] = False
        plans.offload[n, t, k] = True
        plans.replan(changed)
        self._promise(plans, promise, changed.tolist())
        _, slots, chunks = plans.offload.shape
        near = [(s, j) for s in range(max(t - 1, 0), min(t + 2, slots)) for j in range(chunks) if (s, j) != (t, k)]
        return [near[i] for i in self._random.permutation(len(near)).tolist()] + [(t, k)]
