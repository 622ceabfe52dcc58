"""The strongest solver of P-EDGE for any size and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p_edge import Instance
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_edge.threshold import Threshold

__all__ = ["Auto", "algorithms"]


@dataclass(frozen=True)
class Auto:
    """Threshold search: exact within milliseconds at every size that fits into memory."""

    name: ClassVar[str] = "auto"
    kind: ClassVar[Kind] = Threshold.kind
    sees: ClassVar[Sees] = Threshold.sees
    version: ClassVar[int] = Threshold.version
    requires: ClassVar[tuple[str, ...]] = Threshold.requires

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance by threshold search."""
        return Threshold().solve(instance, budget, seed)


algorithms = (Auto,)
