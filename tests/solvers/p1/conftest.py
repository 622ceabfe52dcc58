"""A world small enough to compute by hand, rollouts of policies, and solvers in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mecbench.problems.p1 import Certificate, Instance, Solution, Task, evaluate
from mecbench.problems.task import rollout

DATA = Path(__file__).parents[2] / "problems" / "p1" / "data"

# Two layers of 0.1 Gcycle; devices of 1 GHz, whose best share is 23 % and takes 0.87 s for both layers; a server of 10 GHz,
# whose energy is free, so that its best share is all of it. Device 1 is linked to the server, device 2 to nothing.
BY_HAND = {
    "window": 2,
    "deadline": 1.2,
    "slot_fit": False,
    "energy_weight": 0.8,
    "delay_weight": 0.2,
    "penalty": 5.0,
    "subcarriers": 1,
    "bandwidth": 1e6,
    "transmission_power": 1.0,
    "noise": -113.0,
    "path_loss_exponent": 4.0,
    "least_distance": 5.0,
    "device_range": 10.0,
    "server_range": 100.0,
    "arrival_rate": 0.6,
    "least_availability": 10,
    "input_bits": 100_000,
    "layer_bits": [50_000, 1000],
    "layer_cycles": [100_000_000, 100_000_000],
    "position": [[0.0, 0.0], [50.0, 0.0], [150.0, 0.0]],
    "frequency": [1e10, 1e9, 1e9],
    "energy_coefficient": [0.0, 1e-26, 1e-26],
    "availability": [[100, 100, 100], [40, 15, 100], [100, 100, 100]],
    "source": [1, 1, 2, 1],
    "release": [0, 0, 0, 1],
}


@pytest.fixture(scope="session")
def by_hand():
    """Maker of the world, with changes."""
    return lambda **changes: Instance.model_validate(BY_HAND | changes)


@pytest.fixture(scope="session")
def measured():
    """Reader of the instances on which the rules were measured."""
    return lambda devices: [Instance.model_validate(json.loads((DATA / f"n{devices}-{seed}.json").read_text())) for seed in range(5)]


@pytest.fixture(scope="session")
def tiny():
    """Reader of the instances whose optima are known."""
    return lambda name: Instance.model_validate(json.loads((DATA / f"{name}.json").read_text()))


@pytest.fixture(scope="session")
def played():
    """Solutions of a policy, each of which the evaluator accepts and none of whose answers was refused."""

    def play(policy, *instances, seed=0):
        task = Task(**getattr(policy, "task_options", {}))
        refused = []
        step = task.step

        def watch(action):
            taken = step(action)
            refused.append(taken.metrics["refused"].sum())
            return taken

        task.step = watch
        solutions = rollout(task, policy, instances, seed).solutions
        assert refused[-1] == 0
        assert all(evaluate(instance, solution).feasible for instance, solution in zip(instances, solutions, strict=True))
        return solutions

    return play


@pytest.fixture(scope="session")
def accepted():
    """Objective of a solution that the evaluator accepts."""

    def check(instance, solution):
        evaluation = evaluate(instance, solution)
        assert evaluation.feasible
        return evaluation.objective

    return check


# highspy and ortools cannot be loaded into one process, so each batch of solves gets one of its own.
APART = """
import json, sys
from mecbench.problems.p1 import Instance
from mecbench.solvers import Budget, resolve
request = json.load(sys.stdin)
def dump(model):
    return model and model.model_dump(mode="json")
answers = []
for data in request["instances"]:
    for text in request["algorithms"]:
        reports = []
        algorithm = resolve(text)
        algorithm.prepare()
        budget = Budget(**request["budget"], report=lambda solution=None, bound=None: reports.append([dump(solution), bound]))
        outcome = algorithm.solve(Instance.model_validate(data), budget, 0)
        answers.append(dict(algorithm=text, solution=dump(outcome.solution), bound=outcome.bound, status=outcome.status,
                            certificate=dump(outcome.certificate), metrics=outcome.metrics, reports=reports))
print("\\n" + json.dumps(answers))
"""


def in_another_process(algorithms: list[str], instances: list[Instance], time_limit: float = 60.0, **limits) -> list[SimpleNamespace]:
    """Answers of algorithms, for each instance in turn."""
    data = [instance.model_dump(mode="json") for instance in instances]
    request = {"algorithms": algorithms, "instances": data, "budget": {"time_limit": time_limit} | limits}
    done = subprocess.run([sys.executable, "-c", APART], input=json.dumps(request), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = [SimpleNamespace(**answer) for answer in json.loads(done.stdout.splitlines()[-1])]
    for answer in answers:
        answer.solution = answer.solution and Solution.model_validate(answer.solution)
        answer.certificate = answer.certificate and Certificate.model_validate(answer.certificate)
        answer.reports = [(solution and Solution.model_validate(solution), bound) for solution, bound in answer.reports]
    return answers


@pytest.fixture(scope="session")
def solve_apart():
    """Solver of a batch of instances in a process of its own."""
    return in_another_process
