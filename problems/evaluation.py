"""What an evaluator says of a solution: the only source of any figure in a leaderboard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["CertificateError", "Evaluation", "Regret", "Sense", "SolutionError", "Violation", "beats", "excess", "gap"]


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


@dataclass(frozen=True, slots=True)
class Regret:
    """Certified Lagrangian regret: how far from a bound is who misses the constraints that the bound prices.

    A Lagrangian bound limits from below (a cost) not only the objective of feasible solutions, but the objective plus
    the priced excess of every solution that keeps the other constraints. So solutions that miss a priced constraint
    compare with those that meet it, and the regret is never negative.

    Attributes
    ----------
    bound
        The bound, of an objective that is minimised.
    prices
        Multiplier and limit of each priced metric, by its name in `Evaluation.metrics`.
    priced
        Families of constraints that may be violated; the others must hold.
    """

    bound: float
    prices: dict[str, tuple[float, float]]
    priced: frozenset[str]

    def of(self, objective: float | None, metrics: Mapping[str, float], violations: Mapping[str, float]) -> float | None:
        """Regret relative to the bound.

        Parameters
        ----------
        objective, metrics
            Of an evaluation; ``None`` for a failure.
        violations
            Relative violation of each family.

        Returns
        -------
        float or None
            ``None`` where the regret is not defined: a failure, another constraint violated, or a bound that is not positive.
        """
        broken = any(violation > 1e-9 for name, violation in violations.items() if name not in self.priced)
        if objective is None or not math.isfinite(objective) or broken or self.bound <= 0 or not self.prices.keys() <= metrics.keys():
            return None
        excess = sum(multiplier * (metrics[name] - limit) for name, (multiplier, limit) in self.prices.items())
        value = (objective + excess - self.bound) / self.bound
        return value if math.isfinite(value) else None


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
    if objective < 0 < bound or bound < 0 < objective:  # their product may vanish
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
