"""Records of runs that never were."""

from __future__ import annotations

from typing import Any

import pytest

from mecbench.benchmarks.record import Record


def make_record(
    algorithm: str, trace: list[list[float | None]], objective: float | None, bound: float | None, wall: float = 300.0, **changes: Any
) -> Record:
    """Record of a run that told these solutions and bounds, and half of whose time a processor worked for it."""
    data: dict[str, Any] = {
        "key": algorithm,
        "suite": "",
        "instance": "one",
        "instance_sha256": "",
        "problem": algorithm.split("/")[0],
        "algorithm": algorithm,
        "kind": "exact",
        "sees": "clairvoyant",
        "version": "1",
        "seed": 0,
        "time_limit": 300.0,
        "memory_limit": None,
        "threads": 1,
        "status": "ok",
        "sense": "minimise",
        "objective": objective,
        "feasible": objective is not None,
        "bound": bound,
        "bound_kind": "none" if bound is None else "solver",
        "wall_seconds": wall,
        "cpu_seconds": wall / 2,
        "trace": trace,
    }
    return Record(**(data | changes))


@pytest.fixture(scope="session")
def record() -> Any:
    """The function that makes a record."""
    return make_record
