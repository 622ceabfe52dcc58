"""What an evaluator says of a solution: the only source of any figure in a leaderboard."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["CertificateError", "Evaluation", "Sense", "SolutionError", "Violation", "beats", "excess", "gap"]


class Sense(StrEnum):
    """Direction of an objective."""

    MINIMISE = "minimise"
    MAXIMISE = "maximise"


class SolutionError(ValueError):
    """A solution that cannot be evaluated: its decisions do not fit the instance's shape."""


class CertificateError(ValueError):
    """A certificate that does not prove the bound it states."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Violation of one family of constraints.

    Attributes
    ----------
    absolute
        Largest violation of the family in the constraint's own unit; 0 if it holds.
    relative
        The same divided by max(1, |right-hand side|).
    """

    absolute: float
    relative: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Verdict of an evaluator.

    Attributes
    ----------
    objective
        Value of the objective, in the problem's own sense; infinite where it is not defined.
    terms
        The objective's terms by name.
    violations
        Every constraint family of the problem by name, satisfied ones included.
    feasible
        Whether every family's relative violation is within `tolerance`.
    tolerance
        The tolerance of that verdict; 0 where all constraints are integer.
    metrics
        The paper's metrics by name.
    """

    objective: float
    terms: dict[str, float]
    violations: dict[str, Violation]
    feasible: bool
    tolerance: float
    metrics: dict[str, float] = field(default_factory=dict)


def gap(objective: float | None, bound: float | None) -> float:
    """Relative gap |z - b| / max(|z|, |b|) in [0, 1]; 1 for a failure or opposite signs.

    Parameters
    ----------
    objective
        Objective of a feasible solution; ``None`` or infinite for a failure.
    bound
        Bound on the optimum; ``None`` where there is none.
    """
    if objective is None or bound is None or not (math.isfinite(objective) and math.isfinite(bound)):
        return 1.0
    if objective == bound:
        return 0.0
    if objective * bound < 0:
        return 1.0
    return abs(objective - bound) / max(abs(objective), abs(bound))


def excess(objective: float | None, bound: float | None) -> float:
    """Distance |z - b| / |b| from the bound, the "x % from the bound" shown to people; infinite for a failure."""
    if objective is None or bound is None or not (math.isfinite(objective) and math.isfinite(bound)):
        return math.inf
    if objective == bound:
        return 0.0
    return abs(objective - bound) / abs(bound) if bound else math.inf


def beats(objective: float, bound: float, sense: Sense) -> bool:
    """Whether a feasible objective crosses a bound by more than 1e-9 max(1, |b|), which refutes the bound."""
    margin = bound - objective if sense is Sense.MINIMISE else objective - bound
    return margin > 1e-9 * max(1.0, abs(bound))
