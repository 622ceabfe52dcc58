"""Seconds of each solver of P-EDGE on the same edge: threshold search beside CP-SAT, MILPs, SCIP and Algorithm 1.

Run with ``make speed``. Each solver has a process of its own and 60 s; ``finished`` in the extra information says whether
that was enough, else read the time as "at least". ``python -m mecbench.benchmarks.studies.solver_speed`` prints both
families of instances as a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.studies.solver_speed import METHODS, SIZES_MEASURED, Timing, measure


class ChildClock:
    """Shows the time that passed in the solver's own process."""

    now = 0.0

    def __call__(self) -> float:
        """Give the seconds that all measurements so far have taken."""
        return self.now


clock = ChildClock()


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Warm processes, shared by all solvers."""
    with Pool() as warm:
        yield warm


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("devices", "multiprocessors"), SIZES_MEASURED)
@pytest.mark.benchmark(timer=clock)
def test_solver(benchmark: Any, pool: Pool, devices: int, multiprocessors: int, method: str) -> None:
    """One NSG-cut edge of the paper's system, one thread."""
    benchmark.group = f"{devices} devices, {multiprocessors} multiprocessors"

    def solve() -> Timing:
        timing = measure(method, "nsg-cuts", devices, multiprocessors, 60.0, pool)
        clock.now += timing.seconds
        return timing

    timing = benchmark.pedantic(solve, rounds=1)
    benchmark.extra_info |= {"finished": timing.finished, "status": timing.status, "excess": timing.excess}
