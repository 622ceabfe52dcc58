"""Algorithms that do what no algorithm should, given to the harness as ``faults.py:name``."""

# ruff: noqa: D102, D103 - their names say what they do

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p_edge import Certificate, Solution, evaluate
from mecbench.solvers import Outcome


def one_each(instance):
    """Give every device one multiprocessor, which is feasible."""
    return Solution(allocation=np.ones(instance.devices, dtype=int))


def sound(instance, budget, seed):
    return one_each(instance)


def python_loop(instance, budget, seed):
    budget.report(solution=one_each(instance), bound=0.0)
    while True:
        pass


def fruitless_loop(instance, budget, seed):
    while True:
        pass


def c_loop(instance, budget, seed):
    return sum(itertools.repeat(0))  # never returns to the interpreter


def many_incumbents(instance, budget, seed):
    """Report more than any pipe should carry, the best one last, and hang in C."""
    for _ in range(2000):
        budget.report(solution=one_each(instance))
    better = np.ones(instance.devices, dtype=int)
    better[np.argmax(instance.fixed_cost + instance.shared_cost)] = 2
    budget.report(solution=Solution(allocation=better))
    return sum(itertools.repeat(0))


def deaf(instance, budget, seed):
    """Ignore every polite signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)


def left_child(instance, budget, seed):
    subprocess.Popen(["sleep", "1000"])
    return one_each(instance)


def _grandchild():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()


def left_grandchild(instance, budget, seed):
    _grandchild()
    return one_each(instance)


def looping_grandchild(instance, budget, seed):
    _grandchild()
    while True:
        pass


def eight_gigabytes(instance, budget, seed):
    return np.ones(2**30)[: instance.devices]


def growing(instance, budget, seed):
    return [np.ones(2**21) for _ in range(512)]


def growing_family(instance, budget, seed):
    """Eight processes that are each below the limit and together beyond it."""
    for _ in range(8):
        if os.fork() == 0:
            kept = np.ones(2**25)
            time.sleep(1000 + kept[0])
    time.sleep(1000)


def segfault(instance, budget, seed):
    print("just before", flush=True)
    ctypes.string_at(0)


def silent_exit(instance, budget, seed):
    os._exit(0)


def system_exit(instance, budget, seed):
    sys.exit(0)


def exception(instance, budget, seed):
    raise LookupError("where is the edge? \udc80")


def not_a_number(instance, budget, seed):
    return Solution.model_construct(allocation=np.full(instance.devices, np.nan))


def refused_not_a_number(instance, budget, seed):
    return Solution(allocation=np.full(instance.devices, np.nan))


def bound_not_a_number(instance, budget, seed):
    return Outcome(one_each(instance), bound=float("nan"))


def wrong_shape(instance, budget, seed):
    return Solution(allocation=np.ones(instance.devices + 1, dtype=int))


def wrong_type(instance, budget, seed):
    return {"allocation": [1] * instance.devices}


def nothing(instance, budget, seed):
    return Outcome()


def infeasible(instance, budget, seed):
    return Solution(allocation=np.full(instance.devices, instance.multiprocessors))


def bound_beyond(instance, budget, seed):
    solution = one_each(instance)
    return Outcome(solution, bound=evaluate(instance, solution).objective * 1.001)


def false_certificate(instance, budget, seed):
    return Outcome(one_each(instance), certificate=Certificate(threshold=1e6))


def chatty(instance, budget, seed):
    line = "x" * 999
    for _ in range(100_000):
        print(line)
    print("the last line")
    return one_each(instance)


def undeclared_package(instance, budget, seed):
    import no_such_package  # noqa: F401


@dataclass(frozen=True)
class DeclaredPackage:
    """Needs what nobody has."""

    requires: ClassVar = ("no_such_package", "nor_this_one")

    def solve(self, instance, budget, seed):
        raise AssertionError("must not be called")


def garbage_in_the_pipe(instance, budget, seed):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b"\xff" * 100)
        except OSError:
            continue
    while True:
        pass


def kills_warm_process(instance, budget, seed):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)


def stops_warm_process(instance, budget, seed):
    _grandchild()
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(1000)


def brief(instance, budget, seed):
    time.sleep(0.005)
    return one_each(instance)
