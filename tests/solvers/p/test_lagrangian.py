from __future__ import annotations

import pytest

from mecbench.problems.p import SIZES, bound, evaluate, generate
from mecbench.solvers import Algorithm, Budget, resolve


@pytest.fixture(scope="module")
def prepared() -> Algorithm:
    """The algorithm with its kernels compiled."""
    algorithm = resolve("p/lagrangian")
    algorithm.prepare()
    return algorithm


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_bound_and_solution_enclose_the_optimum(prepared: Algorithm, size: str, seed: int) -> None:
    """The certified bound is below the evaluated solution, both were reported, and they are close on most instances."""
    instance = generate(SIZES[size], seed)
    reports: list[tuple[float | None, float | None]] = []

    def report(solution=None, bound=None) -> None:
        reports.append((solution and evaluate(instance, solution).objective, bound))

    outcome = prepared.solve(instance, Budget(0.4, report=report), 0)
    verdict = evaluate(instance, outcome.solution)
    certified = bound(instance, outcome.certificate)
    assert verdict.feasible
    assert certified == pytest.approx(outcome.bound, rel=1e-9)
    assert certified <= verdict.objective
    assert min(cost for cost, _ in reports if cost) == verdict.objective
    assert max(value for _, value in reports if value) <= outcome.bound * (1 + 1e-9)
    assert outcome.metrics["gap"] == pytest.approx(1 - outcome.bound / verdict.objective, rel=1e-6)


def test_labels() -> None:
    """The leaderboard's labels: it sees the future, proves its bound, and needs no solver."""
    algorithm = resolve("p/lagrangian")
    assert (algorithm.kind, algorithm.sees, algorithm.requires) == ("exact", "clairvoyant", ())
