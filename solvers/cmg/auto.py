"""The strongest solver of CMG for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.cmg import Instance
from mecbench.solvers.cmg.branch_and_bound import BranchAndBound
from mecbench.solvers.cmg.column_generation import ColumnGeneration
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Auto", "algorithms"]

MOST_CHUNKS = 2000  # chunks of all slots of which trees close more of the gap than local search does in the same time


@dataclass(frozen=True)
class Auto:
    """Branch and bound up to the paper's size; column generation with local search beyond, whose parts scale with size and budget."""

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile all kernels."""
        BranchAndBound().prepare()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        solver = BranchAndBound() if instance.gain.size <= MOST_CHUNKS else ColumnGeneration()
        return solver.solve(instance, budget, seed)


algorithms = (Auto,)
