"""The strongest solver: trees where they close gaps, column generation where there are too many chunks for them."""

from __future__ import annotations

import pytest

from mecbench.problems.cmg import bound, evaluate
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget


@pytest.fixture(scope="module")
def auto():
    """The solver, compiled."""
    solver = resolve("cmg/auto")
    solver.prepare()
    return solver


@pytest.mark.parametrize(("size", "changes", "treed"), [("tiny-scarce", {}, True), ("paper", {"slots": 40}, False)])
def test_trees_are_grown_where_they_help(auto, draw, size, changes, treed):
    """Small instances come with a tree, large ones with a bound of the relaxation; both hold."""
    instance = draw(1, size, **changes)
    outcome = auto.solve(instance, Budget(1.0), 0)
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    assert outcome.bound == bound(instance, outcome.certificate) >= verdict.objective
    assert (outcome.certificate.tree is not None) == treed
    assert (outcome.status == "optimal") == treed
