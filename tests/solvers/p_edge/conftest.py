from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_edge import Certificate, Instance, Parameters, Solution, evaluate, generate
from mecbench.problems.p_edge.physics import cost

# highspy and ortools cannot be loaded into one process, so each solver gets one of its own.
APART = """
import json, sys
from mecbench.problems.p_edge import Instance
from mecbench.solvers import Budget, resolve
request = json.load(sys.stdin)
exec(request["prepare"])
algorithm, answers = resolve(request["algorithm"]), []
for data in request["instances"]:
    reports = []
    def report(solution=None, bound=None):
        reports.append([solution and solution.allocation.tolist(), bound])
    outcome = algorithm.solve(Instance.model_validate(data), Budget(request["time_limit"], report=report), 0)
    certificate = outcome.certificate and outcome.certificate.model_dump(mode="json")
    solution = outcome.solution and outcome.solution.model_dump(mode="json")
    answers.append(dict(solution=solution, bound=outcome.bound, certificate=certificate, status=outcome.status, reports=reports))
print("\\n" + json.dumps(answers))
"""

MakeInstance = Callable[[list[float], list[float], int], Instance]


@pytest.fixture(scope="session")
def make_instance() -> MakeInstance:
    """Maker of an instance with given costs a, b and L: exact where b is dyadic, to 2**-40 of the largest elsewhere."""

    def make(fixed: list[float], shared: list[float], multiprocessors: int) -> Instance:
        whole = 2**40
        work = 2.0 ** math.ceil(math.log2(max(shared)))
        head = np.array([whole - max(1, round(b / work * whole)) for b in shared])
        steps = np.unique(np.concatenate(([0, whole], head)))
        return Instance(
            multiprocessors=multiprocessors,
            clock_ratio=np.ones(len(fixed)),
            uplink_rate=np.ones(len(fixed)),
            cut=np.searchsorted(steps, head),
            switch_cost=np.array(fixed, dtype=float),  # the one part of the fixed cost that can be set freely
            group_macs=np.diff(steps),
            cut_bytes=np.zeros(len(steps) - 1, dtype=int),
            edge_work=work,
            full_latency=1e-300,
            latency_exponent=0.0,
            full_energy=1e-300,
            energy_exponent=0.0,
            transmit_power=0.0,
            energy_unit=1.0,
            latency_unit=1.0,
        )

    return make


@pytest.fixture(scope="session")
def random_instances(make_instance: MakeInstance) -> Callable[[int, int, int, int], list[Instance]]:
    """Maker of instances of three kinds in turn: NSG cuts, random cuts, and small integers that are full of ties."""

    def make(count: int, most_devices: int, most_multiprocessors: int, seed: int) -> list[Instance]:
        random = np.random.RandomState(seed)
        instances = []
        for number in range(count):
            devices = int(random.randint(2, most_devices + 1))
            multiprocessors = int(random.randint(devices, most_multiprocessors + 1))
            if number % 3 == 2:
                fixed, shared = random.randint(0, 5, devices), random.randint(1, 10, devices)
                instances.append(make_instance(fixed.tolist(), shared.tolist(), multiprocessors))
            else:
                family = ("nsg-cuts", "random-cuts")[number % 3]
                instances.append(generate(Parameters(family=family, devices=devices, multiprocessors=multiprocessors), number))
        return instances

    return make


@pytest.fixture(scope="session")
def best_by_enumeration() -> Callable[[Instance], list[float]]:
    """Oracle: costs of the leximin-best allocation in descending order, by trying all allocations."""

    def best(instance: Instance) -> list[float]:
        spare = instance.multiprocessors - instance.devices
        shares = itertools.product(range(1, spare + 2), repeat=instance.devices)
        allocations = np.array([share for share in shares if sum(share) <= instance.multiprocessors])
        return min(sorted(row, reverse=True) for row in cost(instance.fixed_cost, instance.shared_cost, allocations).tolist())

    return best


@pytest.fixture(scope="session")
def best_by_stages() -> Callable[[Instance], float]:
    """Oracle: least cost by a dynamic programme over devices and multiprocessors that uses no property of the costs."""

    def best(instance: Instance) -> float:
        capacity = instance.multiprocessors
        value = np.full(capacity + 1, -np.inf)
        for fixed, shared in zip(instance.fixed_cost, instance.shared_cost, strict=True):
            own = cost(fixed, shared, np.arange(capacity + 1))
            value = np.array([np.maximum(own[: c + 1], value[c::-1]).min() for c in range(capacity + 1)])
        return float(value[capacity])

    return best


@pytest.fixture(scope="session")
def solve_apart() -> Callable[..., list[SimpleNamespace]]:
    """Solver of a batch of instances in a process of its own; `prepare` is run there first."""

    def solve(algorithm: str, instances: list[Instance], time_limit: float = 60.0, prepare: str = "") -> list[SimpleNamespace]:
        request = {
            "algorithm": algorithm,
            "instances": [instance.model_dump(mode="json") for instance in instances],
            "time_limit": time_limit,
            "prepare": prepare,
        }
        done = subprocess.run([sys.executable, "-c", APART], input=json.dumps(request), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers = [SimpleNamespace(**answer) for answer in json.loads(done.stdout.splitlines()[-1])]
        for answer in answers:
            answer.solution = answer.solution and Solution.model_validate(answer.solution)
            answer.certificate = answer.certificate and Certificate.model_validate(answer.certificate)
        return answers

    return solve


@pytest.fixture(scope="session")
def check_exact(best_by_stages: Callable[[Instance], float]) -> Callable[..., None]:
    """Check of an exact method: it finds the optimum of the dynamic programme, calls it so, and claims no more."""

    def check(instance: Instance, answer: SimpleNamespace, tolerance: float) -> None:
        optimum = best_by_stages(instance)
        verdict = evaluate(instance, answer.solution)
        assert verdict.feasible
        assert verdict.objective == pytest.approx(optimum, rel=tolerance, abs=0)
        assert answer.status == "optimal"
        assert not beats(optimum, answer.bound, Sense.MINIMISE)
        assert answer.bound == pytest.approx(optimum, rel=2 * tolerance, abs=2 * tolerance)
        for allocation, bound in answer.reports:
            assert allocation is None or evaluate(instance, Solution(allocation=allocation)).feasible
            assert bound is None or not beats(optimum, bound, Sense.MINIMISE)

    return check
