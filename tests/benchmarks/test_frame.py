"""The runs frame has what reports need; what runs say of each other is computed on reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mecbench.benchmarks.frame import Contradiction, Reference, contradictions, to_frame
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.problems.evaluation import Regret
from mecbench.reports import scores


@pytest.fixture
def store(planned: Callable[..., Plan], tmp_path: Path) -> Store:
    """Return a store with three runs of one instance: a bound, a solution, and a failure."""
    spec = planned("p-edge/threshold").runs[0]
    labels = {name: getattr(spec, name) for name in ("suite", "instance", "instance_sha256", "problem", "kind", "sees", "seed")}
    limits = {name: getattr(spec, name) for name in ("time_limit", "memory_limit", "threads")}
    common = Record(key="", algorithm="", version="1", status="ok", sense="minimise", **labels, **limits)
    violations = {"capacity": {"absolute": 0.0, "relative": 0.0}, "least_share": {"absolute": 2.0, "relative": 0.5}}
    store = Store(tmp_path)
    store.add_instances([spec])
    store.add(replace(common, key="b", algorithm="p-edge/bound", bound=2.0, bound_kind="certified"))
    store.add(replace(common, key="s", algorithm="p-edge/solution", objective=2.5, feasible=True, metrics={"decision_latency_p50": 0.1}))
    store.add(replace(common, key="i", algorithm="p-edge/infeasible", status="infeasible", objective=1.0, violations=violations))
    return store


def test_frame(store: Store) -> None:
    """Failures are rows too, and references come from all runs together."""
    with store:
        frame = to_frame(store)
    assert set(scores.COLUMNS) <= set(frame.columns)
    assert frame["status"].tolist() == ["ok", "ok", "infeasible"]
    assert frame["reference_bound"].tolist() == [2.0] * 3
    assert frame["best_objective"].tolist() == [2.5] * 3
    assert frame["gap"].tolist() == [1.0, pytest.approx(0.2), 1.0]
    assert frame["excess"].tolist() == [float("inf"), 0.25, float("inf")]
    assert frame["violations"].tolist() == [{}, {}, {"capacity": 0.0, "least_share": 0.5}]
    assert frame["violation"].tolist()[2] == 0.5
    assert frame["decision_latency_p50"].tolist()[1] == 0.1
    assert scores.score(frame)["gap"].tolist() == frame["gap"].tolist()


def test_library_counts(store: Store, planned: Callable[..., Plan]) -> None:
    """The library's best known values enter beside those of the runs."""
    sha256 = planned("p-edge/threshold").runs[0].instance_sha256
    with store:
        frame = to_frame(store, {sha256: Reference(2.25, 1.0)})
        assert (frame["best_objective"][0], frame["reference_bound"][0]) == (2.25, 2.0)
        assert contradictions(store, known={sha256: Reference(2.25, 1.0)}) == []
        assert contradictions(store, known={sha256: Reference(1.5)}) == [
            Contradiction("tiny-0", sha256, "p-edge/bound", 2.0, "certified", "library", 1.5)
        ]


def test_regret_of_who_misses_a_priced_constraint(store: Store, planned: Callable[..., Plan]) -> None:
    """An infeasible run compares by its regret, where the library's certificate prices what it missed, and only there."""
    sha256 = planned("p-edge/threshold").runs[0].instance_sha256
    priced = {"decision_latency_p50": (2.0, 0.0)}
    with store:
        other = to_frame(store, {sha256: Reference(2.25, 2.0, Regret(2.0, priced, frozenset({"capacity"})))})
        frame = to_frame(store, {sha256: Reference(2.25, 0.5, Regret(0.5, {}, frozenset({"least_share"})))})
    assert other["regret"].isna().all()
    assert frame["regret"].fillna(-1).tolist() == [-1, -1, 1.0]
    assert scores.summarise(scores.score(frame.iloc[2:]))["median_regret"] == 1.0


def test_contradictions_are_never_written(store: Store) -> None:
    """A solution that beats another run's bound shows on reading, and no record changes."""
    with store:
        before = list(store.records())
        store.add(replace(before[1], key="n", algorithm="p-edge/new", objective=1.75))
        (found,) = contradictions(store)
        assert (found.algorithm, found.bound, found.witness, found.objective) == ("p-edge/bound", 2.0, "p-edge/new", 1.75)
        assert contradictions(store, instances=[]) == []
        assert list(store.records())[:3] == before


def test_empty(tmp_path: Path) -> None:
    """An empty store is an empty frame, not an error."""
    with Store(tmp_path) as store:
        assert len(to_frame(store)) == 0
