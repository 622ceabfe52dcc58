"""Branch and cut on the perspective relaxation."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p import evaluate
from mecbench.solvers import resolve

ONE_SLOT = {"users": 3, "slots": 1}

WARM = """
import json, sys
import numpy as np
from mecbench.problems.p import Instance, evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p.branch_and_cut import close
instance = Instance.model_validate(json.load(sys.stdin))
cold = close(instance, Budget(60), 0, 1e-6)
warm = close(instance, Budget(60), 0, 1e-6, cold.solution)
late = cold.solution.model_copy(update={"bandwidth": cold.solution.bandwidth / 1e3})
misled = close(instance, Budget(60), 0, 1e-6, late)
print("\\n" + json.dumps([[evaluate(instance, o.solution).objective, o.bound, o.status, o.metrics["lps"]] for o in (cold, warm, misled)]))
"""


def test_one_tree_finds_the_optimum_of_the_outer_approximation(tiny, solve_apart) -> None:
    """Own branching and HiGHS's own MILP: the same optimum to 1e-6, proven by both, and no bound passes it on the way."""
    instances = [tiny(seed, **ONE_SLOT) for seed in (0, 1)] + [tiny(2)]
    answers = solve_apart(["p/monolith-highs", "p/branch-and-cut"], instances)
    for instance, highs, tree in zip(instances, answers[::2], answers[1::2], strict=True):
        optimum = evaluate(instance, highs.solution).objective
        verdict = evaluate(instance, tree.solution)
        assert verdict.feasible
        assert tree.status == "optimal"
        assert verdict.objective == pytest.approx(optimum, rel=1e-6)
        assert optimum * (1 - 2e-6) <= tree.bound <= optimum
        for solution, bound in tree.reports:
            assert solution is None or evaluate(instance, solution).feasible
            assert bound is None or not beats(optimum, bound, Sense.MINIMISE)


def test_a_known_solution_spares_work_and_a_bad_one_does_no_harm(tiny) -> None:
    """The optimum as a start leaves the proof only; a start that breaks C8 is ignored."""
    instance = tiny(1)
    done = subprocess.run([sys.executable, "-c", WARM], input=instance.model_dump_json(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cold, warm, misled = json.loads(done.stdout.splitlines()[-1])
    assert cold[2] == warm[2] == misled[2] == "optimal"
    assert warm[0] == pytest.approx(cold[0], rel=1e-6)
    assert misled[0] == pytest.approx(cold[0], rel=1e-6)
    assert warm[3] < cold[3]


@pytest.mark.slow
def test_a_limit_leaves_an_honest_bound(tiny, solve_apart) -> None:
    """Out of time, open nodes count: bounds only rise, the last is the best, and none passes what another method finds."""
    instance = tiny(0, users=20, servers=5)
    (early,) = solve_apart(["p/branch-and-cut:search_part=0"], [instance], time_limit=3.0)
    (other,) = solve_apart(["p/lagrangian"], [instance], time_limit=1.0)
    bounds = [bound for _, bound in (*early.reports, (None, early.bound)) if bound is not None]
    assert bounds == sorted(bounds)
    assert early.status != "optimal"
    assert not any(beats(evaluate(instance, other.solution).objective, bound, Sense.MINIMISE) for bound in bounds)


def test_an_infeasible_instance_has_no_solution(tiny, solve_apart) -> None:
    """A delay limit that no choice keeps: nothing is found and nothing claimed."""
    (answer,) = solve_apart(["p/branch-and-cut"], [tiny(0, **ONE_SLOT, delay_limit=1e-3)])
    assert (answer.solution, answer.bound, answer.status) == (None, None, "unknown")


def test_parameters_have_names() -> None:
    """A looser gap and no search before are a user's to ask for."""
    assert resolve("p/branch-and-cut:gap=1e-4,search_part=0").text == "p/branch-and-cut:gap=0.0001,search_part=0.0"
