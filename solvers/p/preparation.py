"""Compiling a solver's kernels before its first run."""

from __future__ import annotations

import time

from mecbench.problems.p import SIZES, generate
from mecbench.solvers.outcome import Budget, Solver

__all__ = ["rehearse"]

LIMIT = 0.5  # seconds that a rehearsal may take
LATE = 2.0  # times the limit from which on something must have been compiled
REHEARSALS = 6


def rehearse(solver: Solver) -> None:
    """Solve a tiny instance until it keeps to its limit.

    What compiles takes its time from what comes after it, so that one rehearsal does not reach every kernel.
    """
    instance = generate(SIZES["tiny"], 0)
    for _ in range(REHEARSALS):
        started = time.monotonic()
        solver.solve(instance, Budget(LIMIT), 0)
        if time.monotonic() - started < LATE * LIMIT:
            return
