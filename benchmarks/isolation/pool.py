"""The harness's side: warm processes, one per concurrent run and import set, kept for the next run."""

from __future__ import annotations

import functools
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Literal, Self

from mecbench.benchmarks.isolation import linux
from mecbench.benchmarks.isolation.messages import (
    FORKED,
    INCUMBENT,
    INSTANCE,
    OUTCOME,
    READY,
    REPORT,
    REQUEST,
    STARTED,
    WANTED,
    Inbox,
    Message,
    MessageError,
    send,
)
from mecbench.benchmarks.isolation.watch import GRACE, START_ALLOWANCE, Cause

__all__ = ["Ending", "Pool", "PoolClosed", "Request", "import_set"]

ImportSet = Literal["highs", "ortools", "neither"]

_PREPARATION = 120.0  # seconds a warm process may take to start, and to import what a request requires
_SLACK = 5.0  # seconds beyond the run's own limits after which a silent warm process is given up
_HIGHS = {"cvxpy", "highspy", "pyomo", "pyscipopt"}
_ORTOOLS = {"ortools"}


class PoolClosed(RuntimeError):  # noqa: N818 - what happened
    """The pool was closed while the run was waiting or in flight; there is no result."""


@dataclass(frozen=True)
class Request:
    """One run.

    Attributes
    ----------
    problem
        Name of the problem.
    instance, data
        Hash of the instance and its data as JSON text.
    algorithm, version
        Name as the catalogue resolves it, and the version it must have.
    requires
        Packages to import before the clock starts.
    seed, time_limit, memory_limit, threads
        Limits in seconds and MiB.
    """

    problem: str
    instance: str
    data: str = field(repr=False)
    algorithm: str
    version: int | str
    requires: tuple[str, ...]
    seed: int
    time_limit: float
    memory_limit: int | None
    threads: int


@dataclass(frozen=True)
class Ending:
    """How a run ended and what it had sent until then.

    Attributes
    ----------
    cause
        ``finished`` (an outcome arrived), ``time``, ``memory``, ``died``, ``unstarted`` (it never reached `solve`) or
        ``lost`` (with its warm process).
    exit_code
        Of the run's process, negative for a signal.
    outcome
        What the run described as its outcome, ``None`` if nothing readable arrived.
    incumbents
        ``[seconds, solution or None, bound or None]`` each, in the order of time.
    wall_seconds, cpu_seconds, peak_memory_mib
        Measured by the warm process, start and end of the run's process included.
    log_tail
        The last of what was printed.
    """

    cause: Cause | Literal["lost"]
    exit_code: int | None = None
    outcome: dict[str, Any] | None = None
    incumbents: list[list[Any]] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0
    log_tail: str = ""


def import_set(requires: tuple[str, ...]) -> ImportSet:
    """Import set of an algorithm: HiGHS's packages and OR-Tools ship one library twice and cannot share a process."""
    highs, ortools = bool(_HIGHS & set(requires)), bool(_ORTOOLS & set(requires))
    if highs == ortools:
        return "neither"
    return "highs" if highs else "ortools"


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    """Give the one thread that starts all warm processes: they die with the *thread* that started them, so it lives on."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="mecbench-spawner")


os.register_at_fork(after_in_child=_spawner.cache_clear)  # a fork does not have the thread


def _spawn(threads: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    count = str(threads)
    limits = {f"{library}_NUM_THREADS": count for library in ("MKL", "NUMBA", "NUMEXPR", "OMP", "OPENBLAS", "VECLIB_MAXIMUM")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mecbench.benchmarks.isolation", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=os.environ | limits | {"PYTHONHASHSEED": "0"},
        start_new_session=True,  # Ctrl-C is for the harness
    )


class _Lost(Exception):  # noqa: N818 - what happened
    """The warm process ended or does not answer."""


class _WarmProcess:
    """A warm process and the conversation with it; used by one thread at a time."""

    def __init__(self, threads: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = _spawner().submit(_spawn, threads, self._errors).result()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._replies = self._process.stdout.fileno()
        self._inbox = Inbox(self._replies)
        self._waiting: list[Message] = []

    def start(self) -> None:
        """Wait until it is ready.

        Raises
        ------
        RuntimeError
            If it cannot start, which no run can be blamed for.
        """
        try:
            kind, _ = self._receive(time.monotonic() + _PREPARATION)
        except (_Lost, MessageError) as error:
            raise RuntimeError(f"a warm process for runs cannot start: {error}") from None
        assert kind == READY

    def run(self, request: Request) -> Ending:
        """Do a run.

        Raises
        ------
        _Lost
            If the process ended or did not answer in time; it is of no use any more.
        """
        asked = {name: value for name, value in vars(request).items() if name != "data"}
        deadline = time.monotonic() + _PREPARATION
        outcome: dict[str, Any] | None = None
        incumbents: list[list[Any]] = []
        try:
            send(self._requests, REQUEST, json.dumps(asked).encode())
            while True:
                kind, body = self._receive(deadline)
                if kind == WANTED:
                    send(self._requests, INSTANCE, request.data.encode())
                elif kind == FORKED:
                    deadline = time.monotonic() + START_ALLOWANCE + _SLACK
                elif kind == STARTED:
                    deadline = time.monotonic() + request.time_limit + GRACE + _SLACK
                elif kind == INCUMBENT:
                    incumbents += _incumbent(body)
                elif kind == OUTCOME:
                    outcome = _read_object(body)
                elif kind == REPORT:
                    incumbents.sort(key=lambda incumbent: incumbent[0])
                    return Ending(outcome=outcome, incumbents=incumbents, **json.loads(body))
        except (BrokenPipeError, MessageError) as error:
            raise _Lost(f"its pipe broke: {error}") from None

    def _receive(self, deadline: float) -> Message:
        poller = select.poll()
        poller.register(self._replies, select.POLLIN)
        while not self._waiting:
            if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise _Lost("it did not answer in time")
            self._waiting += self._inbox.pull()
            if self._inbox.ended and not self._waiting:
                raise _Lost(f"it ended unexpectedly: {self._last_words()}")
        return self._waiting.pop(0)

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._errors.seek(0)
        return f"exit code {self._process.poll()}; {self._errors.read()[-2000:].decode(errors='replace').strip()}"

    def terminate(self) -> None:
        """Have it kill its run and end, from any thread."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def close(self) -> None:
        """End it and whatever runs below it; returns when nothing is left."""
        self.terminate()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:  # stopped, or hung: then from outside, the run first
            linux.kill_descendants(self._process.pid)
            self._process.kill()
            self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            assert file is not None
            with suppress(BrokenPipeError):
                file.close()


def _read_object(body: bytes) -> dict[str, Any] | None:
    """Content of a message that a run wrote; ``None`` if it is no JSON object."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _incumbent(body: bytes) -> list[list[Any]]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return [content] if isinstance(content, list) and len(content) == 3 and isinstance(content[0], int | float) else []


class Pool:
    """Warm processes; any number of threads may run at once, each with a process of its own.

    Parameters
    ----------
    idle
        Warm processes kept beside those at work; the longest idle ones beyond are closed.
    """

    def __init__(self, idle: int = 8) -> None:
        self._most_idle = idle
        self._lock = threading.Lock()
        self._idle: list[tuple[tuple[ImportSet, int], _WarmProcess]] = []
        self._busy: set[_WarmProcess] = set()
        self._closed = threading.Event()

    def run(self, request: Request) -> Ending:
        """Do a run in a process of its own.

        Raises
        ------
        PoolClosed
            If the pool is or gets closed.
        RuntimeError
            If no warm process can be started.
        """
        key = import_set(request.requires), request.threads
        process = self._take(key)
        try:
            ending = process.run(request)
        except _Lost as error:
            ending = Ending("lost", log_tail=str(error))
        except BaseException:
            self._discard(process)
            raise
        if self._closed.is_set():
            self._discard(process)
            raise PoolClosed("the harness is ending")
        if ending.cause == "lost":
            self._discard(process)
        else:
            self._keep(key, process)
        return ending

    def _take(self, key: tuple[ImportSet, int]) -> _WarmProcess:
        with self._lock:
            if self._closed.is_set():
                raise PoolClosed("the harness is ending")
            for entry in reversed(self._idle):
                if entry[0] == key:
                    self._idle.remove(entry)
                    self._busy.add(entry[1])
                    return entry[1]
        process = _WarmProcess(key[1])
        with self._lock:
            self._busy.add(process)
            if self._closed.is_set():
                process.terminate()
        try:
            process.start()
        except BaseException:
            self._discard(process)
            if self._closed.is_set():
                raise PoolClosed("the harness is ending") from None
            raise
        return process

    def _keep(self, key: tuple[ImportSet, int], process: _WarmProcess) -> None:
        with self._lock:
            self._busy.discard(process)
            self._idle.append((key, process))
            surplus = [] if len(self._idle) <= self._most_idle else [self._idle.pop(0)[1]]
            if self._closed.is_set():  # between the run's end and here: nobody else will close it
                surplus += [entry[1] for entry in self._idle]
                self._idle.clear()
        for one in surplus:
            one.close()

    def _discard(self, process: _WarmProcess) -> None:
        process.close()
        with self._lock:
            self._busy.discard(process)

    def close(self) -> None:
        """Kill every run, end every warm process; runs in flight raise `PoolClosed` in their threads."""
        with self._lock:
            self._closed.set()
            idle = [process for _, process in self._idle]
            self._idle.clear()
            busy = list(self._busy)
        for process in idle + busy:
            process.terminate()
        for process in idle:
            process.close()
        deadline = time.monotonic() + 5.0
        while self._busy and time.monotonic() < deadline:  # their threads close them
            time.sleep(0.005)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
