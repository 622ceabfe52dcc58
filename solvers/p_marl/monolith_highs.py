"""The one-hot programme of P-MARL as a whole, solved by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.model import highs_model
from mecbench.problems.p_marl.programme import OneHot
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.monolith import Best, fits, usable

__all__ = ["MonolithHighs", "algorithms"]

TOLERANCE = 1e-9  # of feasibility, integrality and reduced costs
MEMORY = 3000.0  # bytes a cell, once it has begun to branch


@dataclass(frozen=True)
class MonolithHighs:
    """The textbook MILP: a binary for each device, edge and number of multiprocessors in each epoch.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "monolith-highs"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    gap: float = 1e-6

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        best = Best(instance, budget, self.gap, TOLERANCE)
        cells = instance.epochs * instance.devices * instance.edges * instance.multiprocessors
        if fits(budget, cells, MEMORY):
            self._optimise(OneHot(instance), best, budget, seed)
        return best.outcome({"cells": float(cells)})

    def _optimise(self, programme: OneHot, best: Best, budget: Budget, seed: int) -> None:
        import highspy

        highspy.Highs.resetGlobalScheduler(True)  # refuses another number of threads than it has begun with
        highs = highspy.Highs()
        highs.silent()
        options = {
            "threads": budget.threads,
            "random_seed": seed % 2**31,
            "mip_rel_gap": 0.5 * self.gap,
            "mip_abs_gap": 0.0,
            "mip_feasibility_tolerance": TOLERANCE,
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        }
        for name, value in options.items():
            highs.setOptionValue(name, value)
        highs.passModel(highs_model(programme))

        def improved(event: Any) -> None:
            best.offer(programme.solution(np.asarray(event.data_out.mip_solution)))

        def proven(event: Any) -> None:
            best.prove(event.data_out.mip_dual_bound)
            event.interrupt(best.closed)

        highs.cbMipImprovingSolution.subscribe(improved)
        highs.cbMipInterrupt.subscribe(proven)
        highs.setOptionValue("time_limit", usable(budget))
        highs.run()
        best.prove(highs.getInfo().mip_dual_bound)
        highspy.Highs.resetGlobalScheduler(True)


algorithms = (MonolithHighs,)
