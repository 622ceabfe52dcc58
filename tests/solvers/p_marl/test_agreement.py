"""All exact methods of P-ORIG give the optimum that trying everything gives."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from mecbench.instances import library
from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_marl import evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.bisection import Bisection

TIGHT = {"edge_multiprocessors": 5, "edge_work": 180.0 * 5 / 256}
EXACT = ["p-marl/bisection", "p-marl/monolith-highs", "p-marl/monolith-scip", "p-marl/monolith-cp-sat"]
# highspy and ortools cannot be loaded into one process, so each method gets one of its own.
APART = """
import json, sys
from mecbench.problems.p_marl import Instance, evaluate
from mecbench.solvers import Budget, resolve
found = []
for data in json.load(sys.stdin):
    instance, told = Instance.model_validate(data), []
    outcome = resolve(sys.argv[1]).solve(instance, Budget(60.0, report=lambda solution=None, bound=None: told.append(bound)), 0)
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    found.append([outcome.status, verdict.objective, [bound for bound in [*told, outcome.bound] if bound is not None]])
print("\\n" + json.dumps(found))
"""


@pytest.mark.parametrize("limit", [1000 / 24, 1000 / 30, None])
def test_bisection_is_brute_force(small, all_decisions, limit):
    """With and without limits of latency that bind, the proved optimum is the least of all decisions, or there is none."""
    for seed in range(4):
        instance = small(seed, 4, 2, latency_limit=limit, **TIGHT)
        optimum = all_decisions(instance).max(axis=1).min(initial=np.inf)
        outcome = Bisection(gap=0.0).solve(instance, Budget(60), 0)
        if np.isfinite(optimum):
            assert outcome.status == "optimal"
            assert evaluate(instance, outcome.solution).objective == pytest.approx(optimum, rel=1e-12)
        else:
            assert (outcome.status, outcome.solution) == ("bounded", None)


@pytest.mark.slow
@pytest.mark.parametrize("method", EXACT)
def test_exact_methods_find_the_optimum(small, all_decisions, method):
    """Packings, binaries, tables and cones: one optimum to 1e-6, and no bound that any tells is above it."""
    instances = [small(seed, 4, 2, **TIGHT) for seed in range(3)]
    instances += [library.load(f"p-marl-orig-tiny-{number:04d}").instance for number in range(3)]
    data = json.dumps([instance.model_dump(mode="json") for instance in instances])
    done = subprocess.run([sys.executable, "-c", APART, method], input=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for instance, (status, cost, bounds) in zip(instances, json.loads(done.stdout.splitlines()[-1]), strict=True):
        optimum = all_decisions(instance).max(axis=1).min()
        assert status == "optimal"
        assert cost == pytest.approx(optimum, rel=1e-6)
        assert bounds
        assert not any(beats(optimum, bound, Sense.MINIMISE) for bound in bounds)
