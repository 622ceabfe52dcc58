"""Table 1 of P-MARL: every figure is the evaluator's, averaged; a run without a solution is not passed over."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.record import Record
from mecbench.benchmarks.studies.p_marl_table1 import BOUNDS, PAPER, ROLLING, RULES, distances, markdown, summarise
from mecbench.problems.p_marl import SIZES, Task, evaluate, generate
from mecbench.problems.task import rollout
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.p_marl.heuristics import AllLocal


def record(instance: str, objective: float | None, metrics: dict[str, float]) -> Record:
    """Record of a run of ALP, late and therefore infeasible."""
    return Record(
        key=instance,
        suite="",
        instance=instance,
        instance_sha256="",
        problem="p-marl",
        algorithm="p-marl/alp",
        kind="trivial",
        sees="local",
        version="1",
        seed=0,
        time_limit=10.0,
        memory_limit=None,
        threads=1,
        status="infeasible",
        sense="minimise",
        objective=objective,
        cpu_seconds=0.5,
        metrics=metrics,
    )


def test_excesses_are_averaged_where_there_is_a_bound() -> None:
    """Two instances of three are bounded: the excess is theirs, the metrics are everybody's."""
    runs = [record(name, 1.0, {"mean_worst_cost": value}) for name, value in (("one", 1.0), ("two", 1.2), ("three", 4.4))]
    found = summarise(runs, {"mean_worst_cost": {"one": 1.0, "two": 1.0}, "worst_mean_cost": {}})
    assert found.instances == 3
    assert found.metrics == pytest.approx({"mean_worst_cost": 2.2})
    assert found.above == {"mean_worst_cost": pytest.approx((0.1, 0.2))}


def test_a_run_without_a_solution_is_an_error() -> None:
    """A mean over those that came through would flatter."""
    with pytest.raises(ValueError, match="expected a solution of every run of p-marl/alp, found none on two"):
        summarise([record("one", 1.0, {}), record("two", None, {})], {})


def test_the_evaluator_tells_all_that_is_shown() -> None:
    """On an instance of the size ALP has a row and its distance from the paper's, which is within 5 % by calibration."""
    instance = generate(SIZES["240x11"].model_copy(update={"epochs": 1}), 0)
    solution = rollout(Task(**AllLocal.task_options), AllLocal(), [instance], 0).solutions[0]
    verdict = evaluate(instance, solution)
    found = summarise([record("one", verdict.objective, verdict.metrics)], {"mean_worst_cost": {"one": verdict.objective}})
    assert max(abs(part) for pair in distances(found).values() for part in pair) < 0.05
    table = markdown([found]).splitlines()
    assert len(table) == 2 + len(PAPER) + 2
    assert len({row.count("|") for row in table}) == 1
    assert "0.00 %, at most 0.00 %" in table[-2]


def test_all_algorithms_are_known() -> None:
    """The command's names resolve, the bounds' among them."""
    assert [resolve(f"p-marl/{name}").kind for name in BOUNDS] == ["bound", "bound"]
    assert {resolve(f"p-marl/{name}").sees for name in (*RULES, ROLLING)} == {"local", "central"}
