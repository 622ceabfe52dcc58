"""The strongest solver of CMG for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.cmg import Instance
from mecbench.solvers.cmg.column_generation import ColumnGeneration
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Auto", "algorithms"]


@dataclass(frozen=True)
class Auto:
    """Column generation, whose parts scale with size and budget: a certified gap of some hundredths of a per cent."""

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = ColumnGeneration.kind
    sees: ClassVar[Sees] = ColumnGeneration.sees
    version: ClassVar[int] = ColumnGeneration.version
    requires: ClassVar[tuple[str, ...]] = ColumnGeneration.requires

    def prepare(self) -> None:
        """Compile all kernels."""
        ColumnGeneration().prepare()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        return ColumnGeneration().solve(instance, budget, seed)


algorithms = (Auto,)
