"""Runs on the workers of a Dask cluster: the local run function, under what can go wrong with many machines.

A worker does one run per thread, in processes of its own like a local run. The client keeps as many runs in flight as
the workers have threads and holds the rest back: then the scheduler stores no thousand copies of an instance, and a run
that takes its worker down has nothing behind it that Dask would blame as well. Workers may join and leave at any time.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mecbench.benchmarks.environment import Environment, capture
from mecbench.benchmarks.isolation.pool import Ending, Pool, PoolClosed
from mecbench.benchmarks.judge import judge
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.run import run
from mecbench.problems.errors import InputError
from mecbench.solvers.catalogue import resolve

__all__ = ["ClusterExecutor", "connect", "dismiss", "work"]

PATIENCE = 3.0  # seconds in which a scheduler must answer
_CENSUS = 1.0  # seconds between two counts of the workers
_PULSE = 0.25  # seconds between two looks at whether a run is still wanted


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """Client of a Dask scheduler; its end abandons what is in flight and ends the workers' warm processes.

    Parameters
    ----------
    address
        Of the scheduler, e.g. ``tcp://127.0.0.1:8786``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    InputError
        If the package is missing, or no scheduler answers there.
    """
    _check_address(address)
    try:
        import dask
        from distributed import Client
    except ModuleNotFoundError as error:
        raise InputError(f"--cluster: expected the package {error.name}, found none: pip install distributed") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in our own words
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})  # instances may be large
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, RuntimeError, ImportError, ValueError) as error:
        raise InputError(f"{address}: expected a Dask scheduler that answers within {PATIENCE:g} s, found none: {error}") from None
    try:
        yield client
    finally:
        if client.status == "running":
            with suppress(Exception):  # whoever has gone has nothing to dismiss
                client.run(dismiss, on_error="ignore")
        client.close(timeout=PATIENCE)


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("tcp", "tls", "ws", "wss") and parts.hostname and parts.port
    except ValueError:  # a port that is none
        sound = False
    if not sound:
        raise InputError(f"--cluster: expected the address of a Dask scheduler like tcp://127.0.0.1:8786, found {address!r}")


class ClusterExecutor(Executor):
    """Executor over a cluster's workers; it takes runs only.

    A run whose workers die again and again becomes a record with status ``crash``. If the scheduler is lost, or a
    worker cannot do runs at all, the futures raise `InputError`.

    Parameters
    ----------
    client
        As of `connect`; the caller closes it, which ends this executor too.
    keep_environment
        Told of a worker's environment before the first record from there.
    """

    def __init__(self, client: Any, keep_environment: Callable[[Environment], None]) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)  # a run is done again even if one like it was done before
        self._keep_environment = keep_environment
        self._environments: set[str] = set()
        self._waiting: deque[tuple[RunSpec, Future[Record]]] = deque()
        self._in_flight = 0
        self._changed = threading.Condition()
        self.workers, self.threads = self._count()
        threading.Thread(target=self._follow, name="mecbench-cluster", daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Have a run done; `function` must be `mecbench.benchmarks.run.run`, its argument a `RunSpec`."""
        (spec,) = arguments
        if function is not run or not isinstance(spec, RunSpec) or options:
            raise TypeError(f"expected a run, found {function!r} of {arguments!r}")
        answer: Future[Record] = Future()
        with self._changed:
            self._waiting.append((spec, answer))
        self._send()
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all runs, or cancel those that wait."""
        with self._changed:
            for _, answer in self._waiting if cancel_futures else ():
                answer.cancel()
            if wait:
                self._changed.wait_for(lambda: not self._waiting and not self._in_flight)

    def _count(self) -> tuple[int, int]:
        threads = self._client.nthreads()
        return len(threads), sum(threads.values())

    def _follow(self) -> None:
        """Notice workers that join and leave."""
        while self._client.status in ("running", "connecting"):
            with suppress(Exception):  # the runs in flight notice a loss
                self.workers, self.threads = self._count()
                self._send()
            time.sleep(_CENSUS)

    def _send(self) -> None:
        """Send what the workers have threads for, and one run if there is no worker yet."""
        while True:
            with self._changed:
                if not self._waiting or self._in_flight >= max(1, self.threads):
                    return
                spec, answer = self._waiting.popleft()
                self._in_flight += 1
            if not answer.set_running_or_notify_cancel():
                self._land()
                continue
            try:
                # Bytes, and a function without a name to import: a worker without mecbench would die while it reads
                # anything else, and the run would take the blame.
                packed = pickle.dumps(partial(work, spec, _source(spec), version("mecbench")))
                sent = self._executor.submit(lambda packed: pickle.loads(packed)(), packed)
            except Exception as error:
                self._land()
                answer.set_exception(error if isinstance(error, InputError) else self._lost())
                continue
            sent.add_done_callback(partial(self._receive, spec, answer))

    def _land(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def _receive(self, spec: RunSpec, answer: Future[Record], sent: Future[tuple[Record, Environment]]) -> None:
        self._land()
        self._send()
        try:
            answer.set_result(self._record(spec, sent))
        except BaseException as error:
            answer.set_exception(error)

    def _record(self, spec: RunSpec, sent: Future[tuple[Record, Environment]]) -> Record:
        from distributed import KilledWorker

        try:
            record, environment = sent.result()
        except CancelledError:
            raise self._lost() from None
        except KilledWorker as error:
            message = f"{error.allowed_failures + 1} workers died with it, the last was {error.last_worker.address}"
            return replace(judge(spec, Ending("lost")), message=message)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{self._address}: expected workers that can do runs, found one that fails with {type(error).__name__}: {error}"
            ) from error
        if environment.id not in self._environments:
            self._keep_environment(environment)
            self._environments.add(environment.id)
        return replace(record, environment=environment.id)

    @property
    def _address(self) -> str:
        return str(self._client.scheduler.address)

    def _lost(self) -> InputError:
        return InputError(f"{self._address}: the scheduler was lost; finished runs are kept, and the same command does the rest")


def _source(spec: RunSpec) -> bytes | None:
    """Content of the user's file that a run is of: workers need not have it."""
    if not isinstance(spec.version, str):
        return None
    file = _file(spec)
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"algorithm file {file}: expected a readable Python file, found {error.strerror or error}") from None


def _file(spec: RunSpec) -> str:
    return spec.algorithm[: spec.algorithm.index(".py:") + len(".py")]


# What follows happens on a worker.

_idle: deque[Pool] = deque()  # pools of one run at a time, since closing its pool is how a run is killed
_versions = lru_cache(maxsize=1024)(lambda algorithm, problem: resolve(algorithm, problem).version)
_environment = cache(capture)


@atexit.register
def dismiss() -> None:
    """End the warm processes of this process that wait for runs; the next run starts others."""
    with suppress(IndexError):
        while True:
            _idle.pop().close()


def work(spec: RunSpec, source: bytes | None, planned_with: str) -> tuple[Record, Environment]:
    """Do a run in a Dask worker's thread and say where it was done; one that nobody waits for any more is killed.

    Parameters
    ----------
    spec
        What to run.
    source
        Content of the user's file that it is of.
    planned_with
        Version of mecbench.

    Raises
    ------
    InputError
        If the worker has other versions than the plan.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    _expect("mecbench", planned_with, version("mecbench"), worker.address)
    if source is None:
        _expect(spec.algorithm, spec.version, _versions(spec.algorithm, spec.problem), worker.address)
    environment = _environment()
    try:
        pool = _idle.pop()
    except IndexError:
        pool = Pool(idle=3)  # one warm process per import set
    finished = threading.Event()
    threading.Thread(target=_guard, args=(worker, worker.get_current_task(), pool, finished), daemon=True).start()
    try:
        record = run(spec if source is None else _local(spec, source, Path(worker.local_directory)), pool)
    except PoolClosed:
        raise Reschedule from None  # in case somebody waits after all
    except BaseException:
        pool.close()
        raise
    finally:
        finished.set()
    _idle.append(pool)
    return replace(record, algorithm=spec.algorithm), environment


def _expect(what: str, expected: object, found: object, worker: str) -> None:
    if found != expected:
        raise InputError(f"worker {worker}: expected {what} in version {expected}, found {found}")


def _guard(worker: Any, key: str, pool: Pool, finished: threading.Event) -> None:
    """Kill a run when its task is cancelled (Ctrl-C, a client that died) or its worker closes."""
    while not finished.wait(_PULSE):
        task = worker.state.tasks.get(key)
        if task is None or task.state != "executing" or worker.status.name not in ("running", "paused", "closing_gracefully"):
            pool.close()
            return


def _local(spec: RunSpec, source: bytes, folder: Path) -> RunSpec:
    """Run of a copy of the user's file."""
    file = _file(spec)
    copy = folder / "mecbench" / hashlib.sha256(source).hexdigest() / Path(file).name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_suffix(f".{threading.get_ident()}")
        part.write_bytes(source)
        part.replace(copy)
    return replace(spec, algorithm=f"{copy}{spec.algorithm.removeprefix(file)}")
