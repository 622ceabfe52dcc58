"""The record of a run: what the harness knows of it, every figure recomputed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from mecbench.problems.evaluation import excess, gap

__all__ = ["BoundKind", "Record", "Status", "is_failure"]

Status = Literal["ok", "timeout", "memout", "crash", "invalid-output", "infeasible", "wrong-claim", "skipped"]
BoundKind = Literal["certified", "solver", "none"]


def is_failure(kind: str, status: str, feasible: bool, bound: float | None) -> bool:
    """Whether a run is a failure of the algorithm, as opposed to a result: infeasible and skipped are results."""
    if status in ("timeout", "memout"):
        return not feasible and not (kind == "bound" and bound is not None)
    return status in ("crash", "invalid-output", "wrong-claim")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run.

    Attributes
    ----------
    key
        Content key of the run, see `plan.content_key`.
    suite
        Suite it was first run for, empty for none.
    instance, instance_sha256, problem
        Name for people, identity, and problem of the instance.
    algorithm, kind, sees, version, parameters
        Canonical name, labels, version (an integer or the hash of a user's file), parameters that differ from their
        defaults.
    training
        How a learned algorithm came about, see `learned.summary`; empty for the others.
    seed, time_limit, memory_limit, threads
        The rest of what was asked, in seconds and MiB.
    status
        How it ended: ``ok``; ``timeout`` and ``memout`` by a limit (the best incumbent is kept); ``crash``;
        ``invalid-output`` (nothing that can be evaluated); ``infeasible``; ``wrong-claim`` (its bound is refuted);
        ``skipped`` (a package is missing).
    message
        The reason in one sentence, empty for ``ok``.
    solver_status
        The solver's own verdict.
    sense
        Direction of the objective.
    objective, feasible, terms, violations
        The evaluator's verdict on the solution: ``None`` and ``False`` without one; the objective's terms; by family
        of constraints ``{"absolute": ..., "relative": ...}``.
    bound, bound_kind
        Bound on the optimum: ``certified`` if recomputed from the certificate, ``solver`` if a solver's word.
    wall_seconds, cpu_seconds
        Of `solve` alone where it returned, else of the run's processes until they were killed.
    peak_memory_mib
        Largest memory of all processes of the run together.
    environment
        Id of the environment it ran in.
    timestamp
        End of the run, ISO 8601, UTC.
    metrics
        The evaluator's and the algorithm's own measurements.
    trace
        Incumbents ``[seconds, objective or None, bound or None]``, evaluated outside the run; no objective where
        infeasible.
    solution, certificate
        Their data, from which everything can be verified again.
    log_tail
        The last of what was printed, and the traceback.
    """

    key: str
    suite: str
    instance: str
    instance_sha256: str
    problem: str
    algorithm: str
    kind: str
    sees: str
    version: str
    seed: int
    time_limit: float
    memory_limit: int | None
    threads: int
    status: Status
    message: str = ""
    solver_status: str = ""
    sense: str
    objective: float | None = None
    feasible: bool = False
    bound: float | None = None
    bound_kind: BoundKind = "none"
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0
    environment: str = ""
    timestamp: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, float] = field(default_factory=dict)
    violations: dict[str, dict[str, float]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    trace: list[list[float | None]] = field(default_factory=list)
    solution: dict[str, Any] | None = None
    certificate: dict[str, Any] | None = None
    log_tail: str = ""

    @property
    def counted(self) -> float | None:
        """Objective that counts: that of a feasible solution."""
        return self.objective if self.feasible else None

    @property
    def gap(self) -> float:
        """Gap of the objective to the run's own bound, in [0, 1]."""
        return gap(self.counted, self.bound)

    @property
    def excess(self) -> float:
        """Distance of the objective from the run's own bound, relative to the bound."""
        return excess(self.counted, self.bound)

    @property
    def violation(self) -> float | None:
        """Largest relative violation, ``None`` if nothing was evaluated."""
        return max((violation["relative"] for violation in self.violations.values()), default=None)

    @property
    def failed(self) -> bool:
        """Whether the run is a failure, see `is_failure`."""
        return is_failure(self.kind, self.status, self.feasible, self.bound)

    def to_json(self) -> dict[str, Any]:
        """Everything under its stable name; numbers that are not finite are ``None``, as JSON has none."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data |= {"gap": self.gap, "excess": self.excess, "violation": self.violation}
        return {name: _finite(value) for name, value in data.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
