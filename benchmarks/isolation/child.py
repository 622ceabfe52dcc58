"""The forked process of one run: takes its limits, solves, sends what it finds, ends."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import resource
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from pydantic import ValidationError

from mecbench.benchmarks.isolation import linux
from mecbench.benchmarks.isolation.mailbox import Mailbox
from mecbench.benchmarks.isolation.messages import INCUMBENT, LARGEST, OUTCOME, STARTED, send
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.errors import explain
from mecbench.solvers.outcome import Budget, Outcome, OutcomeError

__all__ = ["Assignment", "Reporter", "run"]

TRACEBACK = 8192  # characters of it that are kept


@dataclass(frozen=True)
class Assignment:
    """What the forked process is to do.

    Attributes
    ----------
    instance
        Parsed before the fork.
    algorithm
        Name as the catalogue resolves it.
    resolved
        The algorithm itself if it is built in; code of a user's is read only after the fork.
    version
        What the algorithm must still be.
    seed, time_limit, memory_limit, threads
        Limits in seconds and MiB.
    """

    instance: ArrayModel
    algorithm: str
    resolved: Any
    version: int | str
    seed: int
    time_limit: float
    memory_limit: int | None
    threads: int


class Reporter:
    """Sends incumbents, at most `burst` at once and `rate` a second; the latest beyond that waits in the mailbox."""

    burst = 64
    rate = 2.0

    def __init__(self, pipe: int, mailbox: Mailbox) -> None:
        self._pipe = pipe
        self._mailbox = mailbox
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._tokens = float(self.burst)
        self._started = self._refilled = time.monotonic()

    def start(self) -> None:
        """Set the clock of the incumbents to zero."""
        self._started = self._refilled = time.monotonic()

    def __call__(self, solution: ArrayModel | None = None, bound: float | None = None) -> None:
        """Take an incumbent from any thread; processes that the algorithm forks report to nobody."""
        if os.getpid() != self._process or (solution is None and bound is None):
            return
        now = time.monotonic()
        decisions = None if solution is None else solution.model_dump(mode="json")
        body = json.dumps([now - self._started, decisions, None if bound is None else float(bound)]).encode()
        with self._lock:
            self._tokens = min(self.burst, self._tokens + (now - self._refilled) * self.rate)
            self._refilled = now
            if self._tokens < 1 and len(body) <= self._mailbox.capacity:
                self._mailbox.put(body)
            else:
                self._tokens -= 1
                send(self._pipe, INCUMBENT, body)


def run(assignment: Assignment, pipe: int, log: int, mailbox: Mailbox, inherited: list[int]) -> NoReturn:
    """Do the assignment in a process that was just forked, and end it.

    Parameters
    ----------
    pipe
        Takes the messages.
    log
        Takes what is printed.
    inherited
        Descriptors of the warm process that are not for the run.
    """
    code = 1
    try:
        _confine(assignment.memory_limit, log, inherited)
        body = json.dumps(_solve(assignment, Reporter(pipe, mailbox), pipe)).encode()
        if len(body) > LARGEST:
            body = json.dumps({"invalid": f"expected an outcome of at most {LARGEST} bytes, found {len(body)}"}).encode()
        _flush()
        send(pipe, OUTCOME, body)
        code = 0
    except BaseException:
        traceback.print_exc()
        _flush()
    finally:
        os._exit(code)


def _confine(memory_limit: int | None, log: int, inherited: list[int]) -> None:
    warm_process = os.getppid()
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != warm_process:
        os._exit(1)
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, place)
    for descriptor in (nothing, log, *inherited):
        os.close(descriptor)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # the last lines before a kill are wanted
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_data_size() + memory_limit * 2**20, hard))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")  # if the machine itself runs out of memory, let the run go first


def _data_size() -> int:
    with suppress(OSError, StopIteration), open("/proc/self/status") as file:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))
    return 0


def _lift_memory_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _solve(assignment: Assignment, report: Reporter, pipe: int) -> dict[str, Any]:
    """Solve and describe the outcome in JSON's terms; only the call of `solve` is on the clock."""
    random.seed(assignment.seed)
    np.random.seed(assignment.seed % 2**32)  # algorithms may draw from the global generators
    started, wall, cpu = False, 0.0, 0.0
    try:
        algorithm = _resolve(assignment)
        if assignment.resolved is None:  # the warm process has prepared the others
            algorithm.prepare()
        send(pipe, STARTED)
        started, cpu = True, _cpu_seconds()
        report.start()
        start = time.perf_counter()
        budget = Budget(assignment.time_limit, assignment.threads, assignment.memory_limit, report)
        try:
            outcome = algorithm.solve(assignment.instance, budget, assignment.seed)
        finally:
            wall, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
        described = _describe_outcome(outcome)
    except BaseException as error:
        _lift_memory_limit()
        described = _describe_error(error)
    return described | {"wall_seconds": wall, "cpu_seconds": cpu if started else 0.0}


def _resolve(assignment: Assignment) -> Any:
    if assignment.resolved is not None:
        return assignment.resolved
    from mecbench.solvers.catalogue import resolve

    algorithm = resolve(assignment.algorithm, assignment.instance.problem)
    if algorithm.version != assignment.version:
        raise RuntimeError(f"the file of {assignment.algorithm} was changed after the run was planned")
    return algorithm


def _describe_outcome(outcome: Any) -> dict[str, Any]:
    if not isinstance(outcome, Outcome):
        return {"invalid": f"expected an Outcome or a Solution, found {type(outcome).__name__}"}
    for name in ("solution", "certificate"):
        value = getattr(outcome, name)
        if value is not None and not isinstance(value, ArrayModel):
            return {"invalid": f"field {name}: expected a {name.capitalize()}, found {type(value).__name__}"}
    try:
        return {
            "solution": None if outcome.solution is None else outcome.solution.model_dump(mode="json"),
            "bound": None if outcome.bound is None else float(outcome.bound),
            "certificate": None if outcome.certificate is None else outcome.certificate.model_dump(mode="json"),
            "status": str(outcome.status),
            "metrics": {str(name): float(value) for name, value in outcome.metrics.items()},
        }
    except (TypeError, ValueError, AttributeError) as error:
        return {"invalid": f"the outcome cannot be written: {type(error).__name__}: {error}"}


def _describe_error(error: BaseException) -> dict[str, Any]:
    if isinstance(error, OutcomeError):
        return {"invalid": str(error)}
    if isinstance(error, ValidationError) and error.title in ("Solution", "Certificate"):
        return {"invalid": str(explain(error, error.title.lower()))}
    if isinstance(error, ModuleNotFoundError) and error.name and _absent(error.name.partition(".")[0]):
        return {"missing": error.name.partition(".")[0]}
    text = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))[-TRACEBACK:]
    return {"error": text, "trace": trace, "memory": isinstance(error, MemoryError) or "bad_alloc" in text}


def _absent(package: str) -> bool:
    return importlib.util.find_spec(package) is None
