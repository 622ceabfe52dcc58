"""One run: the function that a local thread and a cluster's worker call alike."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os

from mecbench.benchmarks.isolation.pool import Pool, Request
from mecbench.benchmarks.judge import judge, skipped
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.record import Record

__all__ = ["close_worker_pool", "run", "worker_pool"]


@functools.cache
def worker_pool() -> Pool:
    """Warm processes of this process, for runs that are given none."""
    return Pool()


@atexit.register
def close_worker_pool() -> None:
    """End them, if there are any; the next run starts others."""
    if worker_pool.cache_info().currsize:
        worker_pool().close()
        worker_pool.cache_clear()


os.register_at_fork(after_in_child=worker_pool.cache_clear)  # they answer to the parent


def run(spec: RunSpec, pool: Pool | None = None) -> Record:
    """Do a run in a process of its own and judge what comes of it.

    Parameters
    ----------
    spec
        What to run.
    pool
        Where; by default this process's own warm processes.

    Raises
    ------
    PoolClosed
        If the pool is or gets closed; then there is no record.
    """
    missing = [package for package in spec.requires if not _installed(package)]
    if missing:
        return skipped(spec, missing)
    request = Request(
        problem=spec.problem,
        instance=spec.instance_sha256,
        data=spec.data,
        algorithm=spec.algorithm,
        version=spec.version,
        requires=spec.requires,
        seed=spec.seed,
        time_limit=spec.time_limit,
        memory_limit=spec.memory_limit,
        threads=spec.threads,
    )
    return judge(spec, (worker_pool() if pool is None else pool).run(request))


@functools.cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package.partition(".")[0]) is not None
