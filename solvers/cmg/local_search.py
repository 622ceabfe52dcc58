"""Local search on who offloads: single moves until none gains, then again from plans that were disturbed a little."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.solvers.cmg.duals import Duals
from mecbench.solvers.cmg.plans import ROUNDS, SWEEPS, Plans

__all__ = ["LocalSearch"]

CANDIDATES = 8  # devices that are tried on a channel, those of the best bids
DISTURBED = 3  # channels that are given away at once


class LocalSearch:
    """A search that can be left and taken up again.

    Attributes
    ----------
    plans
        Best plans.
    moves
        Channels that were looked at.
    """

    def __init__(self, plans: Plans, duals: Duals, seed: int) -> None:
        from mecbench.problems.cmg.pricing import marginals

        self.plans, self._random = plans, np.random.default_rng(seed)
        worth = marginals(plans.tables, duals.energy, duals.channel)
        bids = worth.offload - worth.local
        self._candidates = np.argsort(-bids, axis=0, kind="stable")[:CANDIDATES].transpose(1, 2, 0).copy()
        self._worth = np.take_along_axis(bids, self._candidates.transpose(2, 0, 1), axis=0).transpose(1, 2, 0)
        self.moves = 0

    def run(self, left: Callable[[], float], report: Callable[[], None], target: float = np.inf) -> None:
        """Search until the value reaches a target or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called when the plans got better.
        target
            Value that suffices.
        """
        slots, chunks = self._candidates.shape[:2]
        everywhere = [(t, k) for t in range(slots) for k in range(chunks)]
        before = self.plans.value
        while self._sweep(self.plans, everywhere, left) > 0.0 and left() > 0:
            pass
        if self.plans.value > before:
            report()
        while left() > 0 and self.plans.value < target:
            trial = self.plans.copy()
            touched = self._disturb(trial)
            while self._sweep(trial, touched, left) > 0.0 and left() > 0:
                pass
            if trial.value > self.plans.value:
                self.plans = trial
                report()

    def _sweep(self, plans: Plans, channels: list[tuple[int, int]], left: Callable[[], float]) -> float:
        """Gain of one move on each of some channels."""
        from mecbench.solvers.cmg.local_search_compiled import reassign

        gain = 0.0
        for t, k in channels:
            if left() <= 0:
                break
            self.moves += 1
            state = (plans.offload, plans.frames, plans.later, plans.eta, plans.worth)
            gain += reassign(plans.tables, plans.batteries, t, k, self._candidates[t, k], ROUNDS, SWEEPS, *state)
        return gain

    def _disturb(self, plans: Plans) -> list[tuple[int, int]]:
        """Give some channels near each other to other good bidders, and say on which channels that may pay off."""
        random = self._random
        slots, chunks, _ = self._candidates.shape
        first = int(random.integers(slots))
        near = [(t, k) for t in range(max(first - 1, 0), min(first + 2, slots)) for k in range(chunks)]
        chosen = [near[i] for i in random.permutation(len(near))[:DISTURBED]]
        for t, k in chosen:
            useful = np.flatnonzero(self._worth[t, k] > 0.0)
            if useful.size:
                n = self._candidates[t, k, useful[random.integers(min(3, useful.size))]]
                changed = np.append(np.flatnonzero(plans.offload[:, t, k]), n)
                plans.offload[:, t, k] = False
                plans.offload[n, t, k] = True
                plans.replan(np.unique(changed))
        return near
