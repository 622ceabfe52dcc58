"""Records of runs that never were."""

from __future__ import annotations

from typing import Any

import pandas as pd
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


def _learned_run(algorithm: str, instance: int, objective: float, delay: float, **changes: Any) -> dict[str, Any]:
    metrics = {"mean_delay_s": delay, "mean_energy_j": objective / 10, "mean_privacy": 9.0, "success_rate": 1.0, "users_within_delay": 0.5}
    feasible = delay <= 3.0
    run = {
        "instance": f"p-{instance}",
        "instance_sha256": f"{instance:064x}",
        "problem": "p",
        "suite": "p-paper-50",
        "algorithm": algorithm,
        "agent": algorithm,
        "recipe": "",
        "kind": "heuristic",
        "sees": "central",
        "seed": 0,
        "status": "ok" if feasible else "infeasible",
        "sense": "minimise",
        "objective": objective,
        "feasible": feasible,
        "bound": None,
        "bound_kind": "none",
        "reference_bound": 90.0,
        "best_objective": 91.0,
        "violation": max(0.0, delay / 3.0 - 1.0),
        "violations": {"delay": max(0.0, delay / 3.0 - 1.0)},
        "regret": (objective + 2.0 * (delay - 3.0) - 90.0) / 90.0,
        "wall_seconds": 1.0,
        "cpu_seconds": 1.0,
        "time_limit": 60.0,
        "log_tail": "",
        "metrics": metrics,
        "limited_value": delay,
        "limited_limit": 3.0,
        "limited_price": 2.0,
    }
    return run | changes


@pytest.fixture(scope="session")
def runs() -> pd.DataFrame:
    """Three seeds of the paper's agent, one of its rival, a controller, a rule and the clairvoyant, on four traces."""
    rows = []
    for trace in range(4):
        for seed in range(3):
            learned = {
                "kind": "learned",
                "sees": "local",
                "training_seed": seed,
                "training_cpu_seconds": 100.0,
                "transitions": 1e6,
                "multiplier": 1.5,
            }
            name = f"p/hc-mappo-l:checkpoint={seed}.npz"
            learned |= {"decision_latency_p50": 1e-3, "decision_latency_p95": 2e-3, "cpu_seconds": 0.5}
            rows.append(_learned_run(name, trace, 130.0 + seed + trace, 2.7, **learned, agent="p/hc-mappo-l [paper-50, paper]"))
        rows.append(_learned_run("p/h-mappo:checkpoint=0", trace, 140.0 + trace, 4.4, **learned, agent="p/h-mappo [paper-50, paper]"))
        rows.append(_learned_run("p/greedy", trace, 180.0 + trace, 8.0))
        rows.append(_learned_run("p/drift-plus-penalty", trace, 95.0 + trace, 3.0, kind="controller"))
        rows.append(_learned_run("p/auto", trace, 91.0 + trace, 3.0, kind="exact", sees="clairvoyant", cpu_seconds=60.5))
    return pd.DataFrame(rows)
