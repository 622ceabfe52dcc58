"""Lagrangian decomposition: the bound of relaxed delay, storage and loads, and the primal search beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p import Instance, bound
from mecbench.problems.p.options import of_trace
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p.preparation import rehearse

__all__ = ["Lagrangian", "algorithms"]

USED = 0.96  # part of the time limit that is planned with; the rest is for what cannot be interrupted
ASCENT = 0.6  # part of the bound's time after which ascending gives way to branching
ABOVE = 1.1  # where the primal search begins, in parts of the bound's multiplier


@dataclass(frozen=True)
class Lagrangian:
    """Ascend on the bound, branch on deployments to raise it, then search for solutions for the rest of the time.

    Attributes
    ----------
    bound_part
        Part of the time limit that the bound may take; it leaves what it does not need to the primal search.
    """

    name: ClassVar[str] = "lagrangian"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    bound_part: float = 0.4

    def prepare(self) -> None:
        """Compile all kernels."""
        rehearse(self)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        from mecbench.solvers.p.branching import Branching
        from mecbench.solvers.p.dual import Ascent
        from mecbench.solvers.p.primal import Primal

        options = of_trace(instance)

        def left() -> float:
            return max(0.0, budget.remaining - (1.0 - USED) * budget.time_limit)

        def report(value: float) -> None:
            budget.report(bound=value)

        primal_time = (1.0 - self.bound_part) * left()
        ascent = Ascent(instance, options, threads=budget.threads)
        dual = ascent.ascend(ASCENT * (left() - primal_time), report)
        certificate = Branching(instance, options, dual).improve(left() - primal_time, report)
        proven = bound(instance, certificate)
        search = Primal(instance, options, ABOVE * dual.multiplier, seed, budget.threads)
        search.improve(left(), budget.report)
        gap = (search.cost - proven) / search.cost
        return Outcome(
            search.solution,
            proven,
            certificate,
            "feasible" if search.solution else "bounded",
            {"multiplier": dual.multiplier, "primal_multiplier": search.multiplier, "gap": gap},
        )


algorithms = (Lagrangian,)
