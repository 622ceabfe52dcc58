"""Bound on the mean over the epochs of the worst cost, which knows the whole trace: every epoch by itself, switching for free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.problems.p_marl import Certificate, Instance, bound
from mecbench.problems.p_marl.certificate import LpDual
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.epoch import Epoch
from mecbench.solvers.p_marl.relaxation import linear_bound
from mecbench.solvers.p_marl.static import compile_search

__all__ = ["PerEpoch", "algorithms"]

USED = 0.95  # part of the time limit; the rest is for checking the proofs


@dataclass(frozen=True)
class PerEpoch:
    """Largest threshold that the linear relaxation of each epoch proves; once the time is over, what some device proves alone."""

    name: ClassVar[str] = "per-epoch"
    kind: ClassVar[Kind] = "bound"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile the demand of an epoch."""
        compile_search()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Bound an instance; nothing is random.

        Raises
        ------
        InputError
            If the objective is the worst mean of several epochs, of which the epochs by themselves tell nothing.
        """
        if instance.objective == "worst-mean" and instance.epochs > 1:
            raise InputError("instance: field objective: expected 'mean-worst' for a bound epoch by epoch, found 'worst-mean'")
        proofs: list[LpDual] = []
        for number in range(instance.epochs):
            epoch = Epoch(instance, number, instance.previous_edge if number == 0 else None)
            late = budget.remaining <= (1.0 - USED) * budget.time_limit
            start = proofs[-1].edge_price if proofs else None  # an epoch later not much has changed
            proofs.append(_alone(epoch) if late else linear_bound(epoch, start)[0])
        certificate = Certificate(kind="per-epoch", epochs=tuple(proofs))
        return Outcome(None, bound(instance, certificate), certificate, "bounded")


def _alone(epoch: Epoch) -> LpDual:
    """Proof of the threshold below which some device cannot stay even alone."""
    threshold = min(epoch.floor, math.nextafter(epoch.ceiling, math.inf))
    return LpDual(threshold=threshold, edge_price=np.full(epoch.instance.edges, 1.0 / epoch.instance.edges))


algorithms = (PerEpoch,)
