"""Rolling optimisation: every epoch is solved as it comes, then once more for the fewest switches at about the same cost.

An epoch is searched from the decisions of the one before it. The effort is counted in moves, so that the same seed plays the same episode
on a busy machine too, unless time runs out; small epochs are then searched until the gap is closed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p_marl import Instance, Solution, physics
from mecbench.problems.p_marl.evaluate import own_terms
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.epoch import Decisions, Epoch
from mecbench.solvers.p_marl.greedy import greedy
from mecbench.solvers.p_marl.relaxation import linear_bound
from mecbench.solvers.p_marl.repacking import approach, compile_repacking, seeded
from mecbench.solvers.p_marl.static import compile_search, solve_epoch
from mecbench.solvers.p_marl.switching import fewest_switches

__all__ = ["Rolling", "algorithms"]

USED = 0.9  # part of the time limit that is planned with
FIRST_STAGE = 0.7  # part of an epoch's time after which the first stage ends
LEAST_SECONDS = 0.2  # for an epoch, below which a rule decides
EXACT = 600  # pairs of devices and edges up to which an epoch is searched exactly


@dataclass(frozen=True)
class Rolling:
    """Decide epoch by epoch, knowing all devices' present and nothing of the future; switch cost is part of an epoch's cost.

    Time that an epoch leaves unused is the later ones'. When there is too little for an epoch, it is decided by GRD or as the one before,
    whichever is better.

    Attributes
    ----------
    epoch_seconds
        Most that an epoch may take [s].
    gap
        To the first stage's bound, at which that stage ends.
    slack
        Part by which the second stage may exceed the first one's cost; 0 still leaves it the choice among equals.
    second_seconds
        Most that the second stage may take [s].
    tries
        Thresholds at which the first stage looks for a packing at most.
    """

    name: ClassVar[str] = "rolling"
    kind: ClassVar[Kind] = "controller"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    epoch_seconds: float = 3.0
    gap: float = 2e-3
    slack: float = 1e-3
    second_seconds: float = 1.0
    tries: int = 12

    def prepare(self) -> None:
        """Compile the kernels."""
        compile_search()
        compile_repacking()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Play an episode within the budget; without a solution if an epoch has none that is in time."""
        previous, battery = instance.previous_edge, instance.battery
        played = np.empty((3, instance.epochs, instance.devices), dtype=np.int64)
        seconds, first_cost = [], 0.0
        for number in range(instance.epochs):
            started = time.monotonic()
            share = budget.remaining - (1.0 - USED) * budget.time_limit
            until = started + min(self.epoch_seconds, share / (instance.epochs - number))
            epoch = Epoch(instance, number, previous, battery if instance.drain == "endogenous" else None)
            first = self._first(epoch, previous, until, seed)
            if first is None:
                return Outcome(metrics={"epochs_decided": float(number)})
            first_cost += float(instance.weights[number]) * first.cost
            left = min(self.second_seconds, until - time.monotonic())
            decisions = fewest_switches(epoch, previous, first, first.cost * (1.0 + self.slack), left, seed)
            played[:, number] = decisions.edge, decisions.cut, decisions.allocation
            if instance.drain == "endogenous":
                battery = _drained(instance, number, decisions, previous, battery)
            previous = decisions.edge
            seconds.append(time.monotonic() - started)
        solution = Solution(edge=played[0], cut=played[1], allocation=played[2])
        median, tail = np.percentile(seconds, (50, 95)).tolist()
        times = {"decision_latency_p50": median, "decision_latency_p95": tail, "decision_latency_max": max(seconds)}
        return Outcome(solution, status="feasible", metrics={**times, "first_stage_cost": first_cost})

    def _first(self, epoch: Epoch, previous: np.ndarray, until: float, seed: int) -> Decisions | None:
        """Decisions of about the least worst cost."""
        left = until - time.monotonic()
        rules = [epoch.decide(edge) for edge in (np.maximum(previous, 0), greedy(epoch.choices, epoch.instance.multiprocessors).edge)]
        known = min((found for found in rules if found is not None), key=lambda found: found.cost, default=None)
        if known is not None and left < LEAST_SECONDS:
            return known
        end = until - (1.0 - FIRST_STAGE) * left
        proof, prices = linear_bound(epoch)
        price = proof.edge_price if prices is None else prices.edge

        def over() -> bool:
            return time.monotonic() >= end

        found = approach(epoch, proof.threshold, price, known, seeded(seed), gap=self.gap, tries=self.tries, over=over)
        if epoch.choices.fixed[..., 0].size > EXACT or (found is not None and found.cost <= proof.threshold * (1.0 + self.gap)):
            return found
        start = None if found is None else found.edge
        return solve_epoch(epoch, lambda: end - time.monotonic(), seed=seed, gap=self.gap, start=start).decisions


def _drained(instance: Instance, epoch: int, decisions: Decisions, previous: np.ndarray, battery: np.ndarray) -> np.ndarray:
    """Charges after an epoch whose decisions drain them [Wh]."""
    edge = decisions.edge
    rate = np.take_along_axis(instance.uplink_rate[epoch], np.maximum(edge - 1, 0)[:, None], axis=1)[:, 0]
    terms = own_terms(instance, edge, decisions.cut, rate, *instance.local_at(battery), previous)
    return physics.drained(battery, terms.energy, instance.frames)


algorithms = (Rolling,)
