"""The harness keeps every record as it arrives, whoever runs the runs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store


def test_resume(planned: Callable[..., Plan], tmp_path: Path) -> None:
    """A second job over the same store does only what is missing, and its summary speaks of all."""
    with Store(tmp_path) as store:
        first = harness.run(planned("p-edge/threshold", count=2), store)
        seen: list[tuple[int, int]] = []
        rest = planned("p-edge/threshold", "infeasible", count=3, held=store.finished())
        assert len(rest.runs) == 4
        second = harness.run(rest, store, jobs=2, progress=lambda record, done, total: seen.append((done, total)))
        assert seen == [(3, 6), (4, 6), (5, 6), (6, 6)]
        assert (first.statuses, second.statuses) == ({"ok": 2}, {"ok": 3, "infeasible": 3})
        assert first.exit_code == second.exit_code == 0
        assert harness.run(planned("p-edge/threshold", count=2, held=store.finished()), store) == first
        assert len(store.environments()) == 2


def test_executor(planned: Callable[..., Plan], tmp_path: Path, survivors: Callable[..., list[str]]) -> None:
    """Any executor serves: the runs go through `submit` with plain data, and the records are the same."""
    submitted: list[tuple[Any, ...]] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
            submitted.append((function, *arguments))
            return super().submit(function, *arguments, **options)

    runs = planned("p-edge/threshold", "sound", count=2)
    executor: Executor
    with Store(tmp_path / "a") as here, Store(tmp_path / "b") as there, Counting(2) as executor:
        harness.run(runs, here)
        for part in (runs.runs[:1], runs.runs[1:]):
            harness.run(Plan(part, ()), there, executor=executor)
        results: list[dict[str, tuple[Any, ...]]] = [
            {record.key: (record.status, record.objective, record.bound) for record in store.records()} for store in (here, there)
        ]
    assert results[0] == results[1]
    assert {spec for _, spec in submitted} == set(runs.runs)
    assert survivors(1.0) == []


def test_executor_of_processes(planned: Callable[..., Plan], tmp_path: Path, survivors: Callable[..., list[str]]) -> None:
    """An executor whose workers are processes serves too, job after job, and takes its warm processes with it."""
    context = multiprocessing.get_context("spawn")  # a fork would copy this process's threads
    with Store(tmp_path) as store:
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            for algorithm in ("p-edge/threshold", "segfault"):
                assert harness.run(planned(algorithm, count=2), store, executor=executor).done == 2
        assert sorted(record.status for record in store.records()) == ["crash", "crash", "ok", "ok"]
    assert survivors(3.0) == []


def test_contradiction(planned: Callable[..., Plan], tmp_path: Path) -> None:
    """One run's bound against another's solution fails the job though each record alone is sound."""
    source = tmp_path / "liar.py"
    source.write_text(
        "import numpy as np\n"
        "from mecbench.problems.p_edge import Solution, evaluate\n"
        "from mecbench.solvers import Outcome\n"
        "def liar(instance, budget, seed):\n"
        "    solution = Solution(allocation=np.ones(instance.devices, dtype=int))\n"
        "    return Outcome(solution, bound=evaluate(instance, solution).objective)\n"
    )
    with Store(tmp_path) as store:
        alone = harness.run(planned(f"{source}:liar"), store)
        assert (alone.exit_code, alone.statuses) == (0, {"ok": 1})
        both = harness.run(planned(f"{source}:liar", "p-edge/threshold", held=store.finished()), store)
        assert both.statuses == {"ok": 2}
        assert both.failed == ()
        assert [(found.algorithm, found.witness) for found in both.contradictions] == [(f"{source}:liar", "p-edge/threshold")]
        assert both.exit_code == 1
        assert {record.status for record in store.records()} == {"ok"}


def test_failing_progress(planned: Callable[..., Plan], tmp_path: Path, survivors: Callable[..., list[str]]) -> None:
    """An error of the caller's own ends the job and leaves no process behind; records until then are kept."""

    def fail(record: Record, done: int, total: int) -> None:
        raise ZeroDivisionError

    with Store(tmp_path) as store:
        with pytest.raises(ZeroDivisionError):
            harness.run(planned("sound", "fruitless_loop", count=4, time_limit=60.0), store, jobs=2, progress=fail)
        assert survivors(1.0) == []
        assert len(store) == 1
