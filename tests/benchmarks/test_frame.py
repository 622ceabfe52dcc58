"""The runs frame has what reports need; what runs say of each other is computed on reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mecbench.benchmarks.frame import Contradiction, Reference, contradictions, to_frame
from mecbench.benchmarks.isolation.pool import Ending
from mecbench.benchmarks.judge import judge
from mecbench.benchmarks.plan import Plan, plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.instances.generation import generate
from mecbench.problems.evaluation import Regret
from mecbench.problems.p import evaluate
from mecbench.reports import scores
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget


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


def test_seeds_of_one_recipe_are_one_agent(store: Store) -> None:
    """What was trained alike has one name and one recipe, whatever its checkpoint is called; what was not trained is itself."""
    trained = {"agent": "p-edge/ppo", "size": "small", "transitions": 1000, "training_cpu_seconds": 60.0, "recipe": "a"}
    with store:
        solution = list(store.records())[1]
        for seed, recipe in enumerate("aab"):
            text = f"p-edge/ppo:checkpoint=runs/{seed}.npz,sampled=1"
            store.add(replace(solution, key=text, algorithm=text, training=trained | {"seed": seed, "recipe": recipe}))
        frame = to_frame(store)
    assert frame["agent"].tolist() == ["p-edge/bound", "p-edge/solution", "p-edge/infeasible", *["p-edge/ppo:sampled=1 [small]"] * 3]
    assert frame["recipe"].tolist() == ["", "", "", "a", "a", "b"]
    assert frame["training_seed"].tolist()[3:] == [0, 1, 2]
    assert frame["training_cpu_seconds"].fillna(0).tolist() == [0, 0, 0, 60, 60, 60]
    assert frame["transitions"].isna().tolist() == [True] * 3 + [False] * 3


def test_what_a_limit_limits(tmp_path: Path) -> None:
    """The average delay of P stands beside its limit, and a run's certificate prices what misses it, where the library has none."""
    stored = generate("p", "tiny", 20_000)
    job = plan([stored], [resolve("p/edge-only"), resolve("p/lagrangian")], time_limit=2.0)
    with Store(tmp_path) as store:
        store.add_instances(job.runs)
        for spec in job.runs:
            outcome = resolve(spec.algorithm).solve(stored.instance, Budget(2.0), 0)
            described = {
                name: getattr(outcome, name).model_dump(mode="json") for name in ("solution", "certificate") if getattr(outcome, name)
            }
            ended = {"outcome": described | {"bound": outcome.bound, "wall_seconds": 1.0, "cpu_seconds": 1.0}}
            store.add(judge(spec, Ending("finished", **ended)))
        frame = to_frame(store).set_index("algorithm")
    edge = evaluate(stored.instance, resolve("p/edge-only").solve(stored.instance, Budget(2.0), 0).solution)
    assert frame["limited_limit"].tolist() == [3.0, 3.0]
    assert frame.loc["p/edge-only", "limited_value"] == edge.metrics["mean_delay_s"]
    assert (frame["regret"] >= 0).all()
    assert frame["limited_price"].nunique() == 1
    assert (frame["limited_price"] >= 0).all()


def test_empty(tmp_path: Path) -> None:
    """An empty store is an empty frame, not an error."""
    with Store(tmp_path) as store:
        assert len(to_frame(store)) == 0
