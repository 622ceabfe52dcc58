"""Enumeration proves tiny optima without certificates, and column generation finds the same."""

from __future__ import annotations

import pytest

from mecbench.problems.cmg import evaluate
from mecbench.problems.errors import InputError
from mecbench.solvers.cmg.column_generation import ColumnGeneration
from mecbench.solvers.cmg.enumeration import Enumeration
from mecbench.solvers.outcome import Budget


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels are compiled off the clock, as the harness does it."""
    Enumeration().prepare()
    ColumnGeneration().prepare()


@pytest.mark.parametrize("size", ["tiny", "tiny-scarce"])
@pytest.mark.parametrize("seed", range(10))
def test_both_sides_agree_on_tiny_instances(draw, size, seed):
    """The optimum that enumeration proves to 1e-6 is what column generation finds, and within what its bound certifies."""
    instance = draw(seed, size)
    exact = Enumeration().solve(instance, Budget(60.0), 0)
    other = ColumnGeneration().solve(instance, Budget(30.0), 0)
    verdict = evaluate(instance, exact.solution)
    assert verdict.feasible
    assert verdict.objective <= exact.bound <= verdict.objective * (1 + 1e-6)
    assert evaluate(instance, other.solution).objective == pytest.approx(verdict.objective, rel=1e-6)
    assert other.bound >= verdict.objective
    if size == "tiny":
        assert other.bound <= verdict.objective * (1 + 1e-6)


@pytest.mark.parametrize("changes", [{"limit": "average", "supply": "scarce"}, {"chunks": 2, "devices": 2}, {"attack": "strong"}])
def test_options_are_enumerated(draw, changes):
    """Average limits, more channels and stronger attacks are proven as well."""
    instance = draw(1, **({"slots": 2} | changes))
    outcome = Enumeration().solve(instance, Budget(60.0), 0)
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    assert verdict.objective <= outcome.bound <= verdict.objective * (1 + 1e-5)


def test_without_time_the_root_bound_stands(draw):
    """A budget that ends before the enumeration leaves a bound that still holds."""
    instance = draw(1, "tiny-scarce")
    outcome = Enumeration().solve(instance, Budget(1e-6), 0)
    exact = Enumeration().solve(instance, Budget(60.0), 0)
    assert outcome.status == "feasible"
    assert outcome.bound >= evaluate(instance, exact.solution).objective


@pytest.mark.parametrize(("size", "changes", "what"), [("paper", {}, "assignments"), ("tiny", {"eavesdropper_power": "const"}, "const")])
def test_what_cannot_be_enumerated_is_refused(draw, size, changes, what):
    """Too many assignments, or security that hangs on powers: one sentence, not an endless run."""
    with pytest.raises(InputError, match=what):
        Enumeration().solve(draw(0, size, **changes), Budget(1.0), 0)
