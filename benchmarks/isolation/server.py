"""The warm process: imports once what runs need and forks once per run.

It has one thread and does one run at a time, so that every process below it belongs to that run.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import time
from contextlib import suppress
from functools import partial
from typing import Any

import numpy.ma  # these two NumPy imports at their first use, which would be on a run's clock
import numpy.random  # noqa: F401

from mecbench.benchmarks.isolation import child
from mecbench.benchmarks.isolation.mailbox import Mailbox
from mecbench.benchmarks.isolation.messages import FORKED, INCUMBENT, READY, REPORT, STARTED, WANTED, Inbox, Message, send
from mecbench.benchmarks.isolation.watch import Orphaned, Watch
from mecbench.problems import load
from mecbench.problems.arrays import ArrayModel
from mecbench.solvers.catalogue import discover, resolve

__all__ = ["Server"]

_KNOWN_INSTANCES = 32
# What the first use of a package imports; the package alone would leave it to the run's clock.
_IN_USE = {
    "cvxpy": "cvxpy.cvxcore.python.cppbackend",
    "ortools": "ortools.sat.python.cp_model",
    "pyomo": "pyomo.environ",
    "scipy": "scipy.optimize",
}


class Server:
    """Answers requests for runs.

    Parameters
    ----------
    requests, replies
        Pipes from and to the harness.
    """

    def __init__(self, requests: int, replies: int) -> None:
        faulthandler.enable(file=2, all_threads=False)  # the forks inherit it
        resolve(next(iter(discover("mecbench.solvers"))))  # imports every solver's module, so that no fork has to
        self._requests = requests
        self._replies = replies
        self._inbox = Inbox(requests)
        self._waiting: list[Message] = []
        self._instances: dict[str, ArrayModel] = {}
        self._algorithms: dict[tuple[str, str], Any] = {}

    def serve(self) -> None:
        """Do one run after another until the harness closes the pipe."""
        try:
            send(self._replies, READY)
            while True:
                self._run(json.loads(self._receive()))
        except (Orphaned, BrokenPipeError):
            return

    def _receive(self) -> bytes:
        while not self._waiting:
            if self._inbox.ended:
                raise Orphaned
            self._waiting += self._inbox.pull()
        return self._waiting.pop(0)[1]

    def _run(self, request: dict[str, Any]) -> None:
        assignment = self._prepare(request)
        send(self._replies, FORKED)
        mailbox = Mailbox()
        results, results_end = os.pipe()
        log, log_end = os.pipe()
        gc.freeze()  # the run's collections neither walk nor copy what is here already
        process = os.fork()
        if process == 0:
            child.run(assignment, results_end, log_end, mailbox, [self._requests, self._replies, results, log])
        os.close(results_end)
        os.close(log_end)
        started = partial(send, self._replies, STARTED)
        watch = Watch(process, results, log, self._requests, assignment.time_limit, assignment.memory_limit, started)
        try:
            watch.wait()
        finally:
            os.close(results)
            os.close(log)
        last = mailbox.get()
        mailbox.close()
        for kind, body in watch.messages:
            send(self._replies, kind, body)
        if last is not None:
            send(self._replies, INCUMBENT, last)
        report = {
            "cause": watch.cause,
            "exit_code": watch.exit_code,
            "wall_seconds": 0.0 if watch.started is None else time.monotonic() - watch.started,
            "cpu_seconds": watch.cpu_seconds,
            "peak_memory_mib": watch.peak_memory / 2**20,
            "log_tail": watch.log_tail.decode(errors="replace"),
        }
        send(self._replies, REPORT, json.dumps(report).encode())

    def _prepare(self, request: dict[str, Any]) -> child.Assignment:
        instance = self._instance(request["problem"], request["instance"])
        for package in request["requires"]:
            _import(_IN_USE.get(package, package))
        return child.Assignment(
            instance=instance,
            algorithm=request["algorithm"],
            resolved=self._algorithm(request["algorithm"], request["problem"]),
            version=request["version"],
            seed=request["seed"],
            time_limit=request["time_limit"],
            memory_limit=request["memory_limit"],
            threads=request["threads"],
        )

    def _instance(self, problem: str, sha256: str) -> ArrayModel:
        """Parsed instance, asked for if it is not among the latest."""
        instance = self._instances.pop(sha256, None)
        if instance is None:
            send(self._replies, WANTED)
            instance = load(problem).Instance.model_validate_json(self._receive())
            while len(self._instances) >= _KNOWN_INSTANCES:
                del self._instances[next(iter(self._instances))]
        self._instances[sha256] = instance  # the latest is the last
        return instance

    def _algorithm(self, text: str, problem: str) -> Any:
        """Algorithm, unless it is a user's file, which only the run itself may execute."""
        if ".py:" in text:
            return None
        if (text, problem) not in self._algorithms:
            self._algorithms[text, problem] = resolve(text, problem)
            with suppress(Exception):  # what fails here fails again in the run, where it is recorded
                self._algorithms[text, problem].prepare()
        return self._algorithms[text, problem]


def _import(module: str) -> None:
    with suppress(Exception):  # it fails again in the run, where it is recorded
        importlib.import_module(module)
