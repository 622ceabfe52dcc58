"""Random instances of CMG in which everything binds, and what solvers say of one, checked."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from mecbench.problems.cmg import SIZES, Instance, Parameters, bound, evaluate, generate
from mecbench.solvers import Budget, Outcome, resolve


class Told(NamedTuple):
    """Outcome of an algorithm, and the objectives of its plans and its bounds, those told on the way included."""

    outcome: Outcome
    values: list[float]
    bounds: list[float]


def draw_instance(seed: int, size: str = "tiny", **changes: object) -> Instance:
    """An instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


def ask(name: str, instance: Instance, time_limit: float) -> Told:
    """Solve: every plan told is feasible, none is better than a bound told, and a certificate gives the bound that is claimed."""
    reports = []
    budget = Budget(time_limit, report=lambda solution=None, bound=None: reports.append((solution, bound)))
    outcome = resolve(name).solve(instance, budget, 0)
    reports.append((outcome.solution, outcome.bound))
    verdicts = [evaluate(instance, solution) for solution, _ in reports if solution is not None]
    assert all(verdict.feasible for verdict in verdicts)
    values, bounds = [verdict.objective for verdict in verdicts], [claim for _, claim in reports if claim is not None]
    assert not values or not bounds or max(values) <= min(bounds)
    assert outcome.certificate is None or outcome.bound == bound(instance, outcome.certificate)
    return Told(outcome, values, bounds)


@pytest.fixture(scope="session")
def draw():
    """The function that draws an instance."""
    return draw_instance


@pytest.fixture(scope="session")
def told():
    """The function that has an algorithm solve an instance, and checks what it tells."""
    return ask
