"""P-ORIG by closing in on the least threshold at which everybody can be served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl import Certificate, Instance, Solution, bound
from mecbench.problems.p_marl.certificate import Proof
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.epoch import Decisions, Epoch
from mecbench.solvers.p_marl.static import Found, compile_search, solve_epoch

__all__ = ["Bisection", "algorithms", "certificate_of", "only_epoch", "outcome_of", "solution_of"]

USED = 0.97  # part of the time limit that is planned with


@dataclass(frozen=True)
class Bisection:
    """Exact on one epoch: prices and values of devices prove thresholds from below, tabu search and HiGHS find packings from above.

    The bound is certified unless HiGHS alone closes the gap; then it is the solver's, and the metric ``certified_bound`` has the other.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    """

    name: ClassVar[str] = "bisection"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
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
        return outcome_of(instance, found, self.gap)


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


def certificate_of(instance: Instance, proof: Proof) -> Certificate | None:
    """Certificate of an only epoch; ``None`` for the few instances of which nothing can be certified."""
    certificate = Certificate(kind="per-epoch", epochs=(proof,))
    try:
        bound(instance, certificate)
    except CertificateError:
        return None
    return certificate


def outcome_of(instance: Instance, found: Found, gap: float = 0.0) -> Outcome:
    """Outcome of an only epoch, which claims no more than is certified unless a solver's word closes the gap."""
    certificate, certified = certificate_of(instance, found.proof), found.proof.threshold
    closed_by_solver = found.decisions is not None and found.optimal and found.decisions.cost > certified * (1.0 + gap)
    if certificate is None or closed_by_solver:
        outcome = Outcome(bound=found.bound, metrics={"certified_bound": certified})
    else:
        outcome = Outcome(bound=certified, certificate=certificate, metrics={"certified_bound": certified})
    if found.decisions is None:
        return replace(outcome, status="bounded")
    metrics = outcome.metrics | {"gap": found.decisions.cost / found.bound - 1.0}
    return replace(outcome, solution=solution_of(found.decisions), status="optimal" if found.optimal else "feasible", metrics=metrics)


algorithms = (Bisection,)
