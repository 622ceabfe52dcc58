"""What a solver is given and what it gives back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from mecbench.problems.arrays import ArrayModel

__all__ = ["Budget", "Kind", "Outcome", "OutcomeError", "Report", "Sees", "Solver"]

Kind = Literal["bound", "exact", "heuristic", "controller", "learned", "trivial"]
Sees = Literal["clairvoyant", "forecast", "central", "local"]
"""Everything; the present and coming conditions, but not what will be asked for; the full present; a device's own present."""


class Report(Protocol):
    """Receiver of incumbents: the best solution so far, the best bound so far, or both."""

    def __call__(self, solution: ArrayModel | None = None, bound: float | None = None) -> None:
        """Take note; cheap, and free to drop what comes too fast."""


def _ignore(solution: ArrayModel | None = None, bound: float | None = None) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Budget:
    """Limits of one run.

    Attributes
    ----------
    time_limit
        Wall-clock limit [s]. A solver that obeys it loses nothing; one that does not is killed.
    threads
        Threads the solver may use.
    memory_limit
        Memory limit of the run with all its descendants [MiB], ``None`` for none.
    report
        Takes incumbents; what was reported survives the limit.
    """

    time_limit: float = 60.0
    threads: int = 1
    memory_limit: int | None = None
    report: Report = _ignore
    started: float = field(default_factory=time.monotonic)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.started + self.time_limit - time.monotonic())


@dataclass(frozen=True)
class Outcome:
    """What a solver found and claims; the evaluator has the last word on each.

    Attributes
    ----------
    solution
        The decisions, ``None`` if it found none.
    bound
        Claimed bound on the optimum: a solver's word, less the tolerance it was run at.
    certificate
        Data from which the bound is recomputed without a solver; makes the bound ``certified``.
    status
        The solver's own verdict.
    metrics
        Its own measurements for people, e.g. ``decision_latency_p95`` [s], ``iterations``.
    """

    solution: ArrayModel | None = None
    bound: float | None = None
    certificate: ArrayModel | None = None
    status: Literal["optimal", "feasible", "bounded", "unknown"] = "unknown"
    metrics: dict[str, float] = field(default_factory=dict)


class OutcomeError(TypeError):
    """What an algorithm gave back is neither a solution nor an outcome of its problem."""


class Solver(Protocol):
    """A classical algorithm: usually a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    name
        Method name, the part after the slash of ``problem/method``.
    kind, sees
        The two labels of a leaderboard row.
    version
        Raised when results change.
    requires
        Packages beside NumPy, SciPy and Numba that it imports (lazily, inside `solve`), e.g. ``("ortools",)``.

    Notes
    -----
    One that compiles also offers ``prepare()``, which loads or compiles all kernels, say on a tiny instance. It is called
    once per process and off the clock. Policies may do the same.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    sees: ClassVar[Sees]
    version: ClassVar[int]
    requires: ClassVar[tuple[str, ...]]

    def solve(self, instance: Any, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
