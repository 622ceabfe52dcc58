"""The LP with tangents in place of cones."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mecbench.problems.p import evaluate

CODE = """
import json, sys
import numpy as np
from mecbench.problems.p import Instance, evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p.relaxation import Relaxation
request = json.load(sys.stdin)
instance = Instance.model_validate(request["instance"])
relaxation = Relaxation(instance, Budget(60), 0)
size = relaxation.binaries.size
low, high = np.zeros(size, dtype=bool), np.ones(size, dtype=bool)
answer = {}
exec(request["code"])
print("\\n" + json.dumps(answer))
"""


@pytest.fixture
def ask():
    """Run code on a relaxation in a process of its own, for it loads HiGHS."""

    def run(instance, code: str) -> dict:
        request = json.dumps({"instance": instance.model_dump(mode="json"), "code": code})
        done = subprocess.run([sys.executable, "-c", CODE], input=request, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_fixed_choices_are_worth_what_the_evaluator_says(tiny, ask) -> None:
    """With all binaries fixed and tangents at its points, the LP is the exact split: two ways to one cost, to 1e-7."""
    code = """
random, pairs = np.random.default_rng(0), []
cuts = instance.cuts[instance.service]
while len(pairs) < 5:
    flags = np.zeros(size)
    flags[relaxation.deployed] = 1.0
    for (t, k), most in np.ndenumerate(cuts):
        j, z = random.integers(instance.servers), random.integers(most + 1)
        flags[relaxation.chosen[(relaxation.option == (t, k, j, z)).all(axis=1)]] = 1.0
    verdict = evaluate(instance, relaxation.read(flags))
    if verdict.feasible:
        fixed = flags > 0.5
        pairs.append([verdict.objective, relaxation.minimise(fixed, fixed, np.inf, 100, 1e-9).value])
answer["pairs"] = pairs
"""
    for cost, value in ask(tiny(1, storage=(2.0, 2.0)), code)["pairs"]:
        assert value == pytest.approx(cost, rel=1e-7)


def test_tangents_raise_the_value_to_that_of_the_cones_and_slack_ones_can_go(tiny, ask) -> None:
    """Rounds of tangents only raise the bound; dropping those that are slack leaves it where it is, and the basis too."""
    code = """
answer["values"] = [relaxation.minimise(low, high, np.inf, rounds, 1e-8).value for rounds in (1, 2, 4, 200)]
rows = relaxation._highs.getNumRow()
relaxation._most_rows = 0
relaxation.shrink()
answer["rows"] = [rows, relaxation._highs.getNumRow()]
solves = relaxation.solves
answer["again"] = relaxation.minimise(low, high, np.inf, 200, 1e-8).value
answer["solves"] = relaxation.solves - solves
"""
    answer = ask(tiny(2), code)
    assert answer["values"] == sorted(answer["values"])
    assert answer["values"][-1] > answer["values"][0]
    assert answer["rows"][1] < 0.8 * answer["rows"][0]
    assert answer["again"] == pytest.approx(answer["values"][-1], rel=1e-7)


def test_the_value_bounds_what_is_found(tiny, ask, solve_apart) -> None:
    """The relaxation lies below the optimum; above a cutoff nothing is wanted, and what is impossible has no point."""
    instance = tiny(1, users=3, slots=1)
    optimum = evaluate(instance, solve_apart(["p/monolith-highs"], [instance])[0].solution).objective
    code = """
answer["value"] = relaxation.minimise(low, high, np.inf, 200, 1e-6).value
answer["over"] = relaxation.minimise(low, high, 0.5 * answer["value"], 200, 1e-6).value
high[relaxation.chosen] = False
high[relaxation.failed] = False
answer["nothing"] = relaxation.minimise(low, high, np.inf, 200, 1e-6).value
"""
    answer = ask(instance, code)
    assert 0.9 * optimum < answer["value"] <= optimum
    assert answer["over"] >= 0.5 * answer["value"]
    assert answer["nothing"] == float("inf")
