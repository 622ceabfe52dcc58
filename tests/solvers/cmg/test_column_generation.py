"""Column generation: feasible plans, bounds that recompute, and gaps that the problem's description asks for."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.cmg import bound, evaluate
from mecbench.problems.cmg.pricing import ceiling
from mecbench.problems.cmg.tables import tables
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.column_generation import ColumnGeneration, Generation
from mecbench.solvers.cmg.local_search import LocalSearch
from mecbench.solvers.cmg.master import plentiful
from mecbench.solvers.cmg.plans import Plans, planning_tables
from mecbench.solvers.outcome import Budget

OPTIONS = [
    {"limit": "average"},
    {"limit": "average", "supply": "scarce"},
    {"continuous_frames": True},
    {"eavesdropper_power": "const"},
    {"attack": "strong", "supply": "scarce"},
    {"devices": 1, "chunks": 2},
    {"slots": 1},
]


def gap_of(instance, outcome) -> float:
    """Certified gap, relative to the objective, of an outcome whose words all hold."""
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible, verdict.violations
    assert outcome.bound == bound(instance, outcome.certificate)
    assert outcome.bound >= verdict.objective
    return (outcome.bound - verdict.objective) / abs(verdict.objective)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels are compiled off the clock, as the harness does it."""
    ColumnGeneration().prepare()


@pytest.mark.parametrize("seed", range(4))
def test_tiny_plans_are_proven_optimal(draw, seed):
    """Where batteries are plentiful, bound and plans of tiny instances meet to 1e-6."""
    instance = draw(seed)
    outcome = ColumnGeneration().solve(instance, Budget(30.0), 0)
    assert gap_of(instance, outcome) <= 1e-6


@pytest.mark.parametrize("changes", OPTIONS)
def test_every_option_is_solved(draw, changes):
    """Whatever the options, the plan is feasible and the bound holds and is not idle."""
    instance = draw(1, **changes)
    gap = gap_of(instance, ColumnGeneration().solve(instance, Budget(10.0), 0))
    loose = "continuous_frames" in changes or "eavesdropper_power" in changes  # no such plans are looked for
    assert gap <= (0.7 if loose else 0.01)


def test_long_horizons_do_without_a_master(draw):
    """Where the master would be slow there is none, and a few turns alone bring the gap below a per cent."""
    instance = draw(0, "long", slots=(68, 68), devices=(10, 10))
    generation = Generation(instance)
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(6, lambda: 1.0, generation.price)
    generation.run(lambda: 1.0, lambda value: None)
    assert generation.iterations == 0
    assert alternation.plans.value <= bound(instance, generation.duals.certificate()) <= alternation.plans.value * 1.01


@pytest.mark.slow
@pytest.mark.parametrize(("size", "most"), [("small", 1e-3), ("small-scarce", 1e-3), ("paper", 1e-3), ("scarce", 2e-3)])
def test_gaps_are_as_asked(draw, size, most):
    """The certified gaps of the description's targets, by work that ends by itself after a few seconds."""
    instance = draw(1, size)
    generation = Generation(instance)
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(15, lambda: 1.0, generation.price)
    generation.run(lambda: 1.0, lambda value: None)
    search = LocalSearch(alternation.plans, 0)
    search.run(lambda: 1.0, lambda: None, patience=0.0)
    verdict = evaluate(instance, search.plans.solution())
    assert verdict.feasible
    assert bound(instance, generation.duals.certificate()) <= verdict.objective * (1 + most)


def test_an_algorithm_by_name(draw):
    """It is found by its name, and says what it is."""
    outcome = resolve("cmg/column-generation").solve(draw(0), Budget(30.0), 0)
    assert outcome.status == "optimal"
    assert outcome.metrics["gap"] <= 1e-7


def test_generation_ends_at_the_master(draw):
    """Column generation closes: the relaxation at the best prices is the master's value, and the proof costs nothing more."""
    instance = draw(2, "small-scarce")
    generation = Generation(instance)
    generation.run(lambda: 1.0, lambda value: None)
    generation.prove(lambda value: None)
    assert generation.value == pytest.approx(generation._master.value, rel=2e-6)
    assert generation.proven[1] == pytest.approx(generation.value, rel=1e-4)


def test_alternation_is_near(draw):
    """A few turns of plans and prices bring both sides within half a per cent."""
    instance = draw(1, "small")
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(15, lambda: 1.0)
    assert alternation.plans.value <= alternation.value <= alternation.plans.value * 1.005


def test_moves_only_gain(draw):
    """Local search never loses, accounts for each device exactly, and leaves a feasible plan."""
    instance = draw(1, "small-scarce", slots=(5, 5))
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(1, lambda: 1.0)
    before, values, budget = alternation.plans.value, [], Budget(0.5)
    search = LocalSearch(alternation.plans.copy(), 0)
    search.run(lambda: budget.remaining, lambda: values.append(search.plans.value))
    assert values == sorted(values)
    assert search.plans.value >= before
    verdict = evaluate(instance, search.plans.solution())
    assert verdict.feasible
    assert verdict.objective == pytest.approx(search.plans.value, rel=1e-9)
    assert (search.plans.offload.sum(axis=0) <= 1).all()


def test_plentiful_batteries_are_recognised(draw):
    """The paper's batteries never bind and need no rows; scarce ones do."""
    assert plentiful(draw(0, "paper"))
    assert not plentiful(draw(0, "scarce"))
    assert not plentiful(draw(0, "paper", limit="average"))


def test_secure_pairs_cost_the_bound_nothing(draw):
    """At the prices of column generation, charging shares in cells proves what selling channels as a whole would only claim."""
    instance = draw(1, "small-scarce")
    generation = Generation(instance)
    generation.run(lambda: 1.0, lambda value: None)
    duals = generation.duals
    found = ceiling(tables(instance), duals.energy, duals.channel, 8)
    assert found.value.sum() == pytest.approx(found.single.sum(), rel=1e-4)
    np.testing.assert_allclose(found.capacity[duals.channel > 1e-6], duals.channel[duals.channel > 1e-6], rtol=1e-3)
