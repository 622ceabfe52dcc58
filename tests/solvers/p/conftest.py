"""Tiny instances of P and solvers in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from mecbench.problems.p import SIZES, Certificate, Instance, Parameters, Solution, generate

# highspy and ortools cannot be loaded into one process, so each batch of solves gets one of its own.
APART = """
import json, sys
from mecbench.problems.p import Instance
from mecbench.solvers import Budget, resolve
request = json.load(sys.stdin)
answers = []
for data in request["instances"]:
    for text in request["algorithms"]:
        reports = []
        def report(solution=None, bound=None):
            reports.append([solution and solution.model_dump(mode="json"), bound])
        outcome = resolve(text).solve(Instance.model_validate(data), Budget(request["time_limit"], report=report), 0)
        solution = outcome.solution and outcome.solution.model_dump(mode="json")
        certificate = outcome.certificate and outcome.certificate.model_dump(mode="json")
        answers.append(dict(algorithm=text, solution=solution, bound=outcome.bound, certificate=certificate,
                            status=outcome.status, metrics=outcome.metrics, reports=reports))
print("\\n" + json.dumps(answers))
"""


def draw_tiny(seed: int, **overrides: object) -> Instance:
    """An instance of the class tiny, or near it."""
    return generate(Parameters.model_validate(SIZES["tiny"].model_dump() | overrides), seed)


def in_another_process(algorithms: list[str], instances: list[Instance], time_limit: float = 60.0) -> list[SimpleNamespace]:
    """Answers of algorithms, for each instance in turn."""
    request = {
        "algorithms": algorithms,
        "instances": [instance.model_dump(mode="json") for instance in instances],
        "time_limit": time_limit,
    }
    done = subprocess.run([sys.executable, "-c", APART], input=json.dumps(request), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = [SimpleNamespace(**answer) for answer in json.loads(done.stdout.splitlines()[-1])]
    for answer in answers:
        answer.solution = answer.solution and Solution.model_validate(answer.solution)
        answer.certificate = answer.certificate and Certificate.model_validate(answer.certificate)
        answer.reports = [(solution and Solution.model_validate(solution), bound) for solution, bound in answer.reports]
    return answers


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Instance]:
    """The function that draws a tiny instance."""
    return draw_tiny


@pytest.fixture(scope="session")
def solve_apart() -> Callable[..., list[SimpleNamespace]]:
    """Solver of a batch of instances in a process of its own."""
    return in_another_process
