"""What is to be run: instances x algorithms x seeds, less what the store already holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mecbench.benchmarks.learned import summary
from mecbench.instances.files import StoredInstance
from mecbench.solvers.catalogue import Algorithm

__all__ = ["Plan", "RunSpec", "content_key", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run to do: plain data that can be sent anywhere.

    Attributes
    ----------
    key
        Content key, see `content_key`.
    suite
        Suite it is run for, empty for none.
    instance, instance_sha256, problem, data
        Name, identity and problem of the instance, and its data as JSON text.
    algorithm, kind, sees, version, requires
        As the catalogue has them.
    training
        How a learned algorithm came about, see `learned.summary`.
    seed, time_limit, memory_limit, threads
        Limits in seconds and MiB.
    reference
        Objective of the best feasible solution known; a bound beyond it is refuted.
    """

    key: str
    suite: str
    instance: str
    instance_sha256: str
    problem: str
    data: str = field(repr=False)
    algorithm: str
    kind: str
    sees: str
    version: int | str
    requires: tuple[str, ...]
    seed: int
    time_limit: float
    memory_limit: int | None
    threads: int
    reference: float | None = None
    training: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs of a job.

    Attributes
    ----------
    runs
        Still to do, in order.
    held
        Keys of those that the store holds.
    """

    runs: tuple[RunSpec, ...]
    held: tuple[str, ...]


def content_key(
    instance_sha256: str, algorithm: str, version: int | str, seed: int, time_limit: float, memory_limit: int | None, threads: int
) -> str:
    """Identity of a run: SHA-256 over all that its result depends on, and nothing else."""
    content = [instance_sha256, algorithm, version, seed, float(time_limit), memory_limit, threads]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def plan(
    instances: Iterable[StoredInstance],
    algorithms: Sequence[Algorithm],
    *,
    seeds: Sequence[int] = (0,),
    time_limit: float,
    memory_limit: int | None = None,
    threads: int = 1,
    suite: str = "",
    held: Container[str] = frozenset(),
    references: Mapping[str, float] | None = None,
) -> Plan:
    """Plan every algorithm on every instance of its problem, with every seed.

    Parameters
    ----------
    instances, algorithms, seeds
        What to combine; an algorithm meets the instances of its own problem only.
    time_limit, memory_limit, threads
        Limits of each run in seconds and MiB.
    suite
        Name for the records.
    held
        Keys of runs that are done, usually `Store.finished`.
    references
        Objectives of the best feasible solutions known, by hash of the instance.

    Returns
    -------
    Plan
        Each run once, however often it was named.
    """
    runs: dict[str, RunSpec] = {}
    done: dict[str, None] = {}
    for stored in instances:
        sha256 = stored.instance.sha256
        data = stored.instance.model_dump_json()
        reference = (references or {}).get(sha256)
        for algorithm in algorithms:
            if algorithm.problem != stored.problem:
                continue
            training = summary(algorithm.header(stored.instance))
            for seed in seeds:
                key = content_key(sha256, algorithm.text, algorithm.version, seed, time_limit, memory_limit, threads)
                if key in held:
                    done[key] = None
                    continue
                runs[key] = RunSpec(
                    key=key,
                    suite=suite,
                    instance=stored.name,
                    instance_sha256=sha256,
                    problem=stored.problem,
                    data=data,
                    algorithm=algorithm.text,
                    kind=algorithm.kind,
                    sees=algorithm.sees,
                    version=algorithm.version,
                    requires=algorithm.requires,
                    seed=seed,
                    time_limit=float(time_limit),
                    memory_limit=memory_limit,
                    threads=threads,
                    reference=reference,
                    training=training,
                )
    return Plan(tuple(runs.values()), tuple(done))
