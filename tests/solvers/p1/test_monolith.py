"""What all monoliths share: only what the evaluator accepts is kept, bounds are lowered, and a model too large is not begun."""

from __future__ import annotations

import pytest

from mecbench.problems.p1 import Solution, evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.monolith import Best, fits


@pytest.fixture
def solutions(by_hand):
    """The world with one task, and three solutions of it: given up, in time on its device, and too late there."""
    instance = by_hand(source=[1], release=[0], availability=[[100] * 3, [50] * 3, [100] * 3])
    given_up = {"fail": [True], "node": [[1, 1]], "layers_done": [[0, 0]], "share": [[0, 0]], "subcarrier": [[0, 0]]}
    local = given_up | {"fail": [False], "layers_done": [[2, 2]]}
    return instance, *(Solution.model_validate(given_up if x == 0 else local | {"share": [[x, 0]]}) for x in (0, 20, 16))


def test_only_cheaper_feasible_solutions_are_taken(solutions):
    """0.2 Gcycle at 16 % take 1.25 s of 1.2: refused, though cheap; of the others the cheaper one stays, each passed on once."""
    instance, given_up, in_time, late = solutions
    reported = []
    best = Best(instance, Budget(report=lambda solution=None, bound=None: reported.append(solution)), 1e-6)
    for solution in (late, given_up, in_time, given_up):
        best.offer(solution)
    assert reported == [given_up, in_time]
    assert (best.solution, best.cost) == (in_time, evaluate(instance, in_time).objective)


def test_a_bound_is_lowered_by_what_the_solver_may_be_wrong_by(solutions):
    """Two decisions in each of two slots, and the bound itself, at the tolerance; a worse bound changes nothing."""
    instance, _, in_time, _ = solutions
    reported = []
    best = Best(instance, Budget(report=lambda solution=None, bound=None: reported.append(bound)), 1e-6, tolerance=1e-3)
    assert best.outcome({}).status == "unknown"
    for stated in (float("-inf"), 0.1, 0.05):
        best.prove(stated)
    assert reported == [pytest.approx(0.1 - 4.1e-3, abs=1e-12)]
    outcome = best.outcome({})
    assert (outcome.status, outcome.bound) == ("bounded", reported[0])
    best.offer(in_time)
    assert best.outcome({}).status == "feasible"


def test_optimal_is_what_has_met_its_bound(solutions):
    """The gap decides, from the bound as it is stated."""
    instance, _, in_time, _ = solutions
    best = Best(instance, Budget(), 1e-6)
    best.offer(in_time)
    best.prove(best.cost * (1 - 2e-6))
    assert best.outcome({}).status == "feasible"
    best.prove(best.cost * (1 - 0.9e-6))
    assert best.outcome({}).status == "optimal"


def test_a_model_is_begun_only_within_the_memory_limit():
    """A million parts at a kibibyte and the libraries fit into 2 GiB, not into 1 GiB; without a limit everything does."""
    assert fits(Budget(memory_limit=2048), 10**6, 1024.0)
    assert not fits(Budget(memory_limit=1024), 10**6, 1024.0)
    assert fits(Budget(), 10**12, 1024.0)
