"""Continuous relaxation by a conic solver: a certified bound, and an allocation rounded from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_edge import Certificate, Instance, Solution, bound
from mecbench.problems.p_edge.model import conic_relaxation
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_edge.greedy_marginal import spend

__all__ = ["ConicRounding", "algorithms"]

TOLERANCE = 1e-9  # Clarabel's, of gaps and residuals
SAFETY = 1e-7  # by which the relaxation's value is lowered, relative to max(1, |value|), before it is certified
ATTEMPTS = 5  # each with ten times the safety of the one before


@dataclass(frozen=True)
class ConicRounding:
    """Clarabel on b / l + a <= theta; shares are rounded down and what is left is spent greedily.

    The relaxation's value, lowered by a safety of 1e-7, is checked as a threshold: only what the check confirms is claimed.
    """

    name: ClassVar[str] = "conic-rounding"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("cvxpy", "clarabel")

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; the seed is not used."""
        import cvxpy as cp

        programme = conic_relaxation(instance)
        try:
            programme.model.solve(
                solver=cp.CLARABEL,
                time_limit=budget.remaining,
                max_threads=budget.threads,
                tol_gap_abs=TOLERANCE,
                tol_gap_rel=TOLERANCE,
                tol_feas=TOLERANCE,
            )
        except cp.SolverError:
            return Outcome()
        if programme.shares.value is None:
            return Outcome()
        allocation = np.maximum(np.floor(programme.shares.value), 1.0).astype(np.int64)
        spend(instance, allocation, budget)
        solution = Solution(allocation=allocation)
        certificate = _certify(instance, float(programme.threshold.value))
        if certificate is None:
            return Outcome(solution, status="feasible")
        return Outcome(solution, certificate.threshold, certificate, "feasible")


def _certify(instance: Instance, value: float) -> Certificate | None:
    """Certificate just below a value, as far below as it takes to hold."""
    for attempt in range(ATTEMPTS):
        certificate = Certificate(threshold=value - SAFETY * 10.0**attempt * max(1.0, math.fabs(value)))
        try:
            bound(instance, certificate)
        except CertificateError:
            continue
        return certificate
    return None


algorithms = (ConicRounding,)
