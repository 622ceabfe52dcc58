"""What counts as worse than a baseline, and what cannot be one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks.baseline import Baseline, Quality, describe
from mecbench.benchmarks.frame import Reference
from mecbench.benchmarks.plan import Plan, RunSpec
from mecbench.benchmarks.record import Record
from mecbench.problems.errors import InputError

RUN = Record(
    key="k",
    suite="",
    instance="i",
    instance_sha256="0" * 64,
    problem="p-edge",
    algorithm="p-edge/equal-share",
    kind="trivial",
    sees="central",
    version="1",
    seed=0,
    time_limit=1.0,
    memory_limit=None,
    threads=1,
    status="ok",
    sense="minimise",
    objective=2.0,
    feasible=True,
    violations={"capacity": {"absolute": 0.0, "relative": 0.0}},
)
KNOWN = Reference(objective=1.0, bound=1.0)


def described(**changes: Any) -> dict[str, Any]:
    """Describe the run with some fields changed."""
    return describe(replace(RUN, **changes), KNOWN)


@pytest.mark.parametrize(
    ("objective", "worse"), [(2.0, False), (1.0, False), (2.0197, False), (1 / (1 - 0.505), True), (2.1, True)], ids=str
)
def test_half_a_point_of_gap_is_worse(objective: float, worse: bool) -> None:
    """From a gap of 50 %, 50.49 % is as before and 50.5 % is not; better is never worse."""
    assert bool(Quality.of(described()).worsening(described(objective=objective))) is worse


def test_time_is_no_quality() -> None:
    """A run may take a thousand times as long."""
    assert Quality.of(described(wall_seconds=0.001)).worsening(described(wall_seconds=1.0, cpu_seconds=1.0)) == ""


def test_a_new_violation_is_named_and_an_old_one_is_not() -> None:
    """Infeasible before and now is no news, even where the gap is 100 % both times; another constraint is."""
    broken = {"status": "infeasible", "feasible": False}
    capacity = {"capacity": {"absolute": 3.0, "relative": 0.5}, "least_share": {"absolute": 0.0, "relative": 0.0}}
    both = capacity | {"least_share": {"absolute": 1.0, "relative": 1.0}}
    before = Quality.of(described(**broken, violations=capacity))
    assert (before.gap, before.violated) == (1.0, {"capacity"})
    assert before.worsening(described(**broken, violations=capacity)) == ""
    assert before.worsening(described(**broken, violations=both)).startswith("violates least_share by 1 ")
    assert Quality.of(described()).worsening(described(**broken, violations=capacity)).startswith("violates capacity by 0.5 ")


def test_a_failure_is_a_gap_with_its_reason() -> None:
    """Whoever reads that a gap became 100 % wants to know why."""
    failed = described(status="crash", message="ended with exit code 3", objective=None, feasible=False, violations={})
    sentence = Quality.of(described()).worsening(failed)
    assert sentence == "gap 100.00 %, 50.00 % in the baseline (crash: ended with exit code 3)"
    assert failed["excess"] is None


def test_gaps_are_to_the_best_certified_bound() -> None:
    """A run's own certificate counts, a solver's word and a refuted claim do not; a bound is judged by the best objective."""
    assert described(bound=1.6, bound_kind="certified")["gap"] == pytest.approx(0.2)
    assert described(bound=1.6, bound_kind="solver")["gap"] == 0.5
    assert described(bound=9.0, bound_kind="certified", status="wrong-claim")["gap"] == 1.0
    assert described(kind="bound", bound=0.9, bound_kind="certified", objective=None, feasible=False)["gap"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cut short or damaged"),
        ('{"leaderboard": []}', "field benchmarks: expected the runs that pytest --benchmark --benchmark-json writes, found none"),
        ('{"benchmarks": [{"name": "test_sort", "extra_info": {}}]}', "field benchmarks.0.extra_info: expected a run"),
        ('{"benchmarks": [3]}', "field benchmarks.0.extra_info: expected a run"),
        (json.dumps({"benchmarks": [{"extra_info": described()}]}), "expected runs of the same instances and algorithms"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, planned, content: str, sentence: str) -> None:  # type: ignore[no-untyped-def]
    """Rather than comparing with nothing, and passing."""
    (tmp_path / "baseline.json").write_text(content)
    job: Plan = planned("p-edge/equal-share")
    with pytest.raises(InputError, match=r"baseline\.json") as error:
        Baseline.read(tmp_path / "baseline.json", job.runs)
    assert sentence in str(error.value)


def test_runs_are_found_by_content(tmp_path: Path, planned) -> None:  # type: ignore[no-untyped-def]
    """By instance, algorithm and seed, wherever the suite is and whatever the instance is called; a new run has no past."""
    spec: RunSpec = planned("p-edge/equal-share").runs[0]
    record = replace(RUN, instance_sha256=spec.instance_sha256)
    (tmp_path / "baseline.json").write_text(json.dumps({"benchmarks": [{"extra_info": describe(record, KNOWN)}]}))
    baseline = Baseline.read(tmp_path / "baseline.json", [spec])
    assert baseline.find(replace(record, instance="renamed", suite="other")) == Quality(0.5, frozenset(), False)
    assert baseline.find(replace(record, seed=1)) is None
