"""P-ORIG by closing in on the least threshold at which everybody can be served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl import Certificate, Instance, Solution
from mecbench.problems.p_marl.certificate import check_clocks
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.epoch import Decisions, Epoch
from mecbench.solvers.p_marl.static import Found, compile_search, solve_epoch

__all__ = ["Bisection", "algorithms", "only_epoch", "outcome_of", "solution_of"]

USED = 0.97  # part of the time limit that is planned with


@dataclass(frozen=True)
class Bisection:
    """Exact on one epoch: prices and values of devices prove thresholds from below, tabu search and cases find packings from above.

    Every bound is certified.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "bisection"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    gap: float = 1e-6

    def prepare(self) -> None:
        """Compile the search."""
        compile_search()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance of one epoch within the budget."""
        epoch = only_epoch(instance)

        def report(found: Found) -> None:
            budget.report(None if found.decisions is None else solution_of(found.decisions), found.bound)

        found = solve_epoch(epoch, lambda: budget.remaining - (1.0 - USED) * budget.time_limit, report, seed=seed, gap=self.gap)
        return outcome_of(instance, found)


def only_epoch(instance: Instance) -> Epoch:
    """The epoch of an instance of P-ORIG.

    Raises
    ------
    InputError
        If there are several.
    """
    if instance.epochs != 1:
        raise InputError(f"instance: field position: expected one epoch for a solver of P-ORIG, found {instance.epochs}")
    return Epoch(instance, 0, instance.previous_edge)


def solution_of(decisions: Decisions) -> Solution:
    """Solution of the decisions of an only epoch."""
    return Solution(edge=decisions.edge[None], cut=decisions.cut[None], allocation=decisions.allocation[None])


def outcome_of(instance: Instance, found: Found) -> Outcome:
    """Outcome of an only epoch; without a certificate for the few instances of which nothing can be certified."""
    certificate: Certificate | None = Certificate(kind="per-epoch", epochs=(found.proof,))
    try:
        check_clocks(instance)
    except CertificateError:
        certificate = None
    if found.decisions is None:
        return Outcome(bound=found.bound, certificate=certificate, status="bounded")
    status: Literal["optimal", "feasible"] = "optimal" if found.optimal else "feasible"
    return Outcome(solution_of(found.decisions), found.bound, certificate, status, {"gap": found.decisions.cost / found.bound - 1.0})


algorithms = (Bisection,)
