"""Dantzig-Wolfe bound of P-ORIG: the largest threshold that values of the devices prove, without cases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.certificate import DantzigWolfe, Proof
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.bisection import only_epoch, outcome_of
from mecbench.solvers.p_marl.column_generation import ColumnGeneration
from mecbench.solvers.p_marl.dantzig_wolfe import Ascent, tractable
from mecbench.solvers.p_marl.epoch import Epoch
from mecbench.solvers.p_marl.relaxation import linear_bound
from mecbench.solvers.p_marl.static import Found, compile_search

__all__ = ["PackingBound", "algorithms"]

STEPS = 10  # of a dual between looks at the clock
STEP = 1e-4  # relative, of the first threshold tried; then doubled
DUALS: dict[str, type[Ascent | ColumnGeneration]] = {"ascent": Ascent, "column-generation": ColumnGeneration}


@dataclass(frozen=True)
class PackingBound:
    """Raise a threshold from the linear bound as long as a dual proves it, then close in on the largest that it does.

    Attributes
    ----------
    dual
        ``ascent`` by Polyak's step, which may stall before the optimum, or ``column-generation``, which ends there.
    precision
        Relative, to which the largest threshold is found.
    """

    name: ClassVar[str] = "dantzig-wolfe"
    kind: ClassVar[Kind] = "bound"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    dual: Literal["ascent", "column-generation"] = "ascent"
    precision: float = 1e-6

    def prepare(self) -> None:
        """Compile the dynamic programme."""
        compile_search()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Bound an instance of one epoch within the budget; nothing is random."""
        epoch = only_epoch(instance)
        proof: Proof
        proof, prices = linear_bound(epoch)
        low, high, step = proof.threshold, math.inf, STEP
        value = np.ones(instance.devices)
        if prices is not None:
            value[epoch.packing(low).rest] = np.maximum(prices.device, 0.0)
        budget.report(bound=low)
        while prices is not None and epoch.next_cost(low) < high and high - low > self.precision * low and budget.remaining > 0.0:
            threshold = 0.5 * (low + high) if high < math.inf else min(low * (1.0 + step), epoch.ceiling)
            better = self._prove(epoch, threshold, value, budget)
            if better is None:
                high = threshold
            else:
                proof, low, step = better, better.threshold, 2.0 * step
                budget.report(bound=low)
            if low > epoch.ceiling:
                break
        return outcome_of(instance, Found(None, proof, False))

    def _prove(self, epoch: Epoch, threshold: float, value: np.ndarray, budget: Budget) -> DantzigWolfe | None:
        """Proof of the next cost above a threshold, if values of the devices prove that the threshold cannot be kept; they are kept."""
        packing, price = epoch.packing(threshold), np.zeros(epoch.instance.devices)
        if not packing.rest.size or not tractable(packing):
            return None
        if packing.possible.any(axis=1).all():
            start = value[packing.rest] if value[packing.rest].any() else np.ones(packing.rest.size)
            dual = DUALS[self.dual](packing.weight, np.full(epoch.instance.edges, packing.capacity), start)
            while not dual.best.proves and not dual.ended and budget.remaining > 0.0:
                dual.run(STEPS)
            if not dual.best.proves:
                return None
            value[packing.rest] = price[packing.rest] = dual.best.device
        return DantzigWolfe(threshold=epoch.next_cost(threshold), device_price=price)


algorithms = (PackingBound,)
