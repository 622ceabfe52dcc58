"""What the harness costs: per run, per planned run, per record in a large store.

``pytest benchmarks/speed/test_harness.py``
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.run import run
from mecbench.benchmarks.store import Store
from mecbench.instances.files import Generator, StoredInstance
from mecbench.problems.p_edge import SIZES, generate
from mecbench.solvers.catalogue import resolve

NO_OP = """
import numpy as np
from mecbench.problems.p_edge import Solution

def no_op(instance, budget, seed):
    return Solution(allocation=np.ones(instance.devices, dtype=int))
"""
ALGORITHMS = ("no_op.py:no_op", "p-edge/threshold", "p-edge/milp-onehot", "p-edge/cp-sat")


@pytest.fixture
def instances() -> list[StoredInstance]:
    """Return a hundred tiny instances."""
    generator = Generator(name="p-edge", version=1, parameters={}, seed=None)
    return [StoredInstance("p-edge", f"tiny-{seed}", generate(SIZES["tiny"], seed), "test", generator) for seed in range(100)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bookkeeping(
    benchmark: Any, algorithm: str, instances: list[StoredInstance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wall of a run with its record in the store, less the algorithm."""
    monkeypatch.chdir(tmp_path)
    Path("no_op.py").write_text(NO_OP)
    specs = plan(instances[:1], [resolve(algorithm, "p-edge")], seeds=range(220), time_limit=5.0, memory_limit=1024).runs
    todo = iter(specs)
    algorithm_seconds: list[float] = []
    with Pool() as pool, Store(tmp_path) as store:

        def once() -> None:
            record = run(next(todo), pool)
            store.add(record)
            algorithm_seconds.append(record.wall_seconds)

        benchmark.pedantic(once, rounds=200, warmup_rounds=20)
    walls = benchmark.stats.stats.data
    bookkeeping = statistics.median(wall - own for wall, own in zip(walls, algorithm_seconds[20:], strict=True))
    benchmark.extra_info["bookkeeping_ms"] = 1000 * bookkeeping
    print(f"\n{algorithm}: bookkeeping {1000 * bookkeeping:.2f} ms per run (median of 200)")


def test_planning(benchmark: Any, instances: list[StoredInstance], tmp_path: Path) -> None:
    """Planning against 10,000 stored runs, per run."""
    algorithms, seeds = [resolve("p-edge/threshold")], range(100)
    specs = plan(instances, algorithms, seeds=seeds, time_limit=5.0, memory_limit=1024).runs
    assert len(specs) == 10_000
    with Pool() as pool, Store(tmp_path) as store:
        record = run(specs[0], pool)
        for spec in specs:
            store.add(replace(record, key=spec.key))
        new = benchmark(lambda: plan(instances, algorithms, seeds=range(200), time_limit=5.0, memory_limit=1024, held=store.finished()))
    assert (len(new.runs), len(new.held)) == (10_000, 10_000)
    print(f"\nplanning: {benchmark.stats.stats.median / 20_000 * 1e6:.1f} us per run, against 10,000 stored")


@pytest.mark.parametrize("stored", [0, 100_000])
def test_insert(benchmark: Any, stored: int, instances: list[StoredInstance], tmp_path: Path) -> None:
    """Writing a record to a store that holds many."""
    spec = plan(instances[:1], [resolve("p-edge/threshold")], time_limit=5.0, memory_limit=1024).runs[0]
    with Pool() as pool, Store(tmp_path) as store:
        record = run(spec, pool)
        for number in range(stored):
            store.add(replace(record, key=f"{number * 7919 % 2**40:064x}"))
        numbers = iter(range(10**9))
        benchmark.pedantic(lambda: store.add(replace(record, key=f"new{next(numbers)}")), rounds=2000)
    print(f"\ninsert: {benchmark.stats.stats.median * 1e6:.0f} us beside {stored} records")
