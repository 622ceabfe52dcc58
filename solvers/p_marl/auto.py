"""The strongest solver of one epoch of P-MARL for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_marl import Instance
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.bisection import Bisection

__all__ = ["Auto", "algorithms"]


@dataclass(frozen=True)
class Auto:
    """Bisection."""

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = Bisection.kind
    sees: ClassVar[Sees] = Bisection.sees
    version: ClassVar[int] = Bisection.version
    requires: ClassVar[tuple[str, ...]] = Bisection.requires

    def prepare(self) -> None:
        """Compile the search."""
        Bisection().prepare()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        return Bisection().solve(instance, budget, seed)


algorithms = (Auto,)
