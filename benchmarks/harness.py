"""The harness: maps runs over an executor and keeps every record as it arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mecbench.benchmarks.environment import capture
from mecbench.benchmarks.frame import Contradiction, contradictions
from mecbench.benchmarks.isolation.pool import Pool, import_set
from mecbench.benchmarks.plan import Plan, RunSpec
from mecbench.benchmarks.record import Record, is_failure
from mecbench.benchmarks.run import close_worker_pool
from mecbench.benchmarks.run import run as run_one
from mecbench.benchmarks.store import Store

__all__ = ["Progress", "Summary", "run", "summarise"]

Progress = Callable[[Record, int, int], None]
"""Called in the harness's thread with each new record, how many are done, and how many there are."""


@dataclass(frozen=True)
class Summary:
    """A job's end in numbers.

    Attributes
    ----------
    done, planned
        Runs of the job that have a record, and all of them.
    statuses
        Number of records by status.
    failed
        Keys of the runs that are failures, see `Record.failed`.
    contradictions
        Bounds that solutions beat.
    interrupted
        Whether Ctrl-C ended the job.
    """

    done: int
    planned: int
    statuses: dict[str, int]
    failed: tuple[str, ...]
    contradictions: tuple[Contradiction, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 if a run failed or a bound was beaten, 130 after Ctrl-C."""
        if self.interrupted:
            return 130
        return 1 if self.failed or self.contradictions else 0


def run(
    job: Plan,
    store: Store,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Do the runs of a plan that the store does not hold.

    Ctrl-C kills what is in flight and keeps what is finished; the same plan again does the rest.

    Parameters
    ----------
    job
        What to run.
    store
        Takes each record as it arrives.
    jobs
        Runs at a time, in local threads.
    executor
        Runs elsewhere instead, e.g. the executor of a cluster's client; the caller ends it.
    progress
        Told of each record.

    Returns
    -------
    Summary
        Of all runs of the plan, those done before included.

    Raises
    ------
    InputError
        If a record cannot be written; those before it are safe.
    """
    interrupted = False
    try:
        if job.runs:
            _run(job, store, jobs, executor, progress)
    except KeyboardInterrupt:
        interrupted = True
    return summarise(job, store, interrupted)


def _run(job: Plan, store: Store, jobs: int, executor: Executor | None, progress: Progress | None) -> None:
    environment = capture()
    store.add_environment(environment)
    store.add_instances(job.runs)
    done, total = len(job.held), len(job.held) + len(job.runs)

    def keep(record: Record) -> None:
        nonlocal done
        if not record.environment:  # an executor whose runs are elsewhere has said where
            record = replace(record, environment=environment.id)
        store.add(record)
        done += 1
        if progress is not None:
            progress(record, done, total)

    # Together those that share warm processes.
    specs = sorted(job.runs, key=lambda spec: (import_set(spec.requires), spec.threads))
    with _mapped(specs, jobs, executor) as futures:
        _collect(futures, keep)


@contextmanager
def _mapped(specs: list[RunSpec], jobs: int, executor: Executor | None) -> Iterator[set[Future[Record]]]:
    """Futures of the runs; leaving early cancels those that wait and kills those in flight."""
    if executor is None:
        with Pool(idle=2 * jobs) as pool, ThreadPoolExecutor(jobs, thread_name_prefix="mecbench-run") as own:
            futures = {own.submit(run_one, spec, pool) for spec in specs}
            try:
                yield futures
            finally:
                own.shutdown(wait=False, cancel_futures=True)
                pool.close()
        return
    futures = {executor.submit(run_one, spec) for spec in specs}
    try:
        yield futures
    finally:
        for future in futures:
            future.cancel()
        close_worker_pool()  # used if the caller's executor is threads of this process


def _collect(futures: set[Future[Record]], keep: Callable[[Record], None]) -> None:
    """Keep records in the order of their arrival and forget their futures; after an end too soon those that have arrived."""
    end: BaseException | None = None
    try:
        for future in as_completed(futures):
            end = future.exception()
            if end is not None:
                break
            keep(future.result())
            futures.discard(future)
    except KeyboardInterrupt as error:
        end = error
    if end is not None:
        for future in futures:
            if future.done() and not future.cancelled() and future.exception() is None:
                keep(future.result())
        raise end


def summarise(job: Plan, store: Store, interrupted: bool = False) -> Summary:
    """Count what a store holds of a plan."""
    keys = {*job.held, *(spec.key for spec in job.runs)}
    names = ("key", "instance_sha256", "kind", "status", "feasible", "bound")
    rows = [row for row in store.columns(names) if row[0] in keys]
    return Summary(
        done=len(rows),
        planned=len(keys),
        statuses=dict(Counter(status for _, _, _, status, _, _ in rows)),
        failed=tuple(key for key, _, *outcome in rows if is_failure(*outcome)),
        contradictions=tuple(contradictions(store, {sha256 for _, sha256, *_ in rows})),
        interrupted=interrupted,
    )
