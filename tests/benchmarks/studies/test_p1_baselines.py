"""The table of P1's baselines: every figure is the evaluator's, averaged; a run without a solution is not passed over."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.benchmarks.record import Record
from mecbench.benchmarks.studies.p1_baselines import ALGORITHMS, markdown, remaining, summarise, utilisation
from mecbench.instances.generation import generate
from mecbench.problems.p1 import Solution, evaluate
from mecbench.solvers.catalogue import resolve


def record(instance: str, objective: float | None, metrics: dict[str, float]) -> Record:
    """Record of a run of EC that the evaluator found feasible, if it has an objective."""
    return Record(
        key=instance,
        suite="",
        instance=instance,
        instance_sha256="",
        problem="p1",
        algorithm="p1/ec",
        kind="trivial",
        sees="central",
        version="1",
        seed=0,
        time_limit=10.0,
        memory_limit=None,
        threads=1,
        status="ok",
        sense="minimise",
        objective=objective,
        feasible=objective is not None,
        cpu_seconds=0.5,
        metrics=metrics,
    )


def metrics(completion: float, server: float, device: float, **others: float) -> dict[str, float]:
    """Metrics of an instance of one slot."""
    return {"completion_rate": completion, "server_utilisation_slot_0": server, "device_utilisation_slot_0": device} | others


BEFORE = {"one": {"server": np.ones(1), "device": np.array([0.5])}, "two": {"server": np.ones(1), "device": np.array([0.7])}}
RUNS = [record("one", 6.0, metrics(0.5, 0.2, 0.4, mean_delay_s=1.5)), record("two", 4.0, metrics(0.0, 0.4, 0.0))]


def test_means_are_over_instances() -> None:
    """Ratios are averaged, not costs divided; the delay of completed tasks is that of instances that have any."""
    found = summarise("n10", RUNS, {"one": 2.0, "two": 4.0}, BEFORE)
    assert (found.algorithm, found.sees, found.objective, found.ratio, found.worst) == ("ec", "central", 5.0, 2.0, 3.0)
    assert (found.metrics["completion_rate"], found.metrics["mean_delay_s"], found.processor_seconds) == (0.25, 1.5, 0.5)
    row = markdown([found], 3.0).splitlines()[-1]
    assert row.startswith("| ec | central | 5.000 | 2.000 | 3.000 |")
    assert "| 25.0 % |" in row


def test_what_is_left_is_less_what_was_used() -> None:
    """Before and after as in figure 5, instance by instance: devices 0.5 * 0.6 and 0.7, the server 0.8 and 0.6."""
    found = summarise("n10", RUNS, {"one": 2.0, "two": 4.0}, BEFORE)
    assert found.left["device"] == pytest.approx([0.5])
    assert found.left["server"] == pytest.approx([0.7])
    assert utilisation([found], BEFORE).splitlines()[2:] == ["| before | 60 % | 100 % |", "| ec | 50 % | 70 % |"]


def test_a_run_without_a_solution_is_an_error() -> None:
    """A mean over those that came through would flatter."""
    with pytest.raises(ValueError, match="expected a feasible solution of every run of p1/ec on n10, found 1 of 2"):
        summarise("n10", [RUNS[0], record("two", None, {})], {"one": 2.0, "two": 4.0}, BEFORE)


def test_the_evaluator_tells_all_that_is_shown() -> None:
    """On an instance of the size, metrics by these names give what is left of each slot; all algorithms are known."""
    stored = generate("p1", "n10", 0)
    instance = stored.instance
    shape = (instance.tasks, instance.window)
    share = np.zeros(shape, dtype=int)
    share[0, 0] = 7
    solution = Solution(
        fail=np.arange(instance.tasks) > 0,
        node=np.repeat(instance.source[:, None], instance.window, axis=1),
        layers_done=np.where(np.arange(instance.tasks)[:, None] > 0, np.zeros(shape, dtype=int), instance.layers),
        share=share,
        subcarrier=np.zeros(shape, dtype=int),
    )
    said = record(stored.name, 1.0, evaluate(instance, solution).metrics)
    found = summarise("n10", [said], {stored.name: 1.0}, {stored.name: remaining(stored)})
    expected = instance.availability / 100.0
    used = np.zeros(instance.slots)
    used[instance.release[0]] = 0.07 / instance.devices
    assert found.left["device"] == pytest.approx(expected[1:].mean(axis=0) - used)
    assert found.left["server"] == pytest.approx(expected[0])
    assert [resolve(f"p1/{name}").text for name in ALGORITHMS] == [f"p1/{name}" for name in ALGORITHMS]
