"""Synthetic runs frames, so that reports are tested without running anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

Row = dict[str, Any]


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    """One run, fine by default: objective 110 against the bound 100."""

    def build(**changes: Any) -> Row:
        run: Row = {
            "instance": "demo-1",
            "problem": "demo",
            "suite": "quick",
            "algorithm": "demo/one",
            "kind": "heuristic",
            "sees": "central",
            "seed": 0,
            "status": "ok",
            "sense": "minimise",
            "objective": 110.0,
            "feasible": True,
            "bound": None,
            "bound_kind": "none",
            "reference_bound": 100.0,
            "best_objective": 100.0,
            "violation": 0.0,
            "wall_seconds": 1.0,
            "cpu_seconds": 1.0,
            "peak_memory_mib": 50.0,
            "time_limit": 5.0,
            "log_tail": "",
            "violations": {"capacity": 0.0},
        } | changes
        return {"instance_sha256": f"hash of {run['instance']}", **run}

    return build


@pytest.fixture(scope="session")
def failed(row: Callable[..., Row]) -> Callable[..., Row]:
    """A run that crashed and left nothing."""

    def build(**changes: Any) -> Row:
        nothing = {"status": "crash", "objective": None, "feasible": False, "violation": None, "violations": None}
        return row(**(nothing | {"log_tail": "Segmentation fault"} | changes))

    return build


@pytest.fixture(scope="session")
def runs(row: Callable[..., Row], failed: Callable[..., Row]) -> pd.DataFrame:
    """Four algorithms on ten instances: exact, a good heuristic, one that fails now and then, one that is never feasible."""
    random = np.random.Generator(np.random.PCG64(3))
    rows = []
    for number in range(10):
        name = f"demo-{number}"
        best = 100.0 + number
        known = {"instance": name, "reference_bound": best, "best_objective": best}
        rows.append(
            row(
                algorithm="demo/exact",
                kind="exact",
                objective=best,
                bound=best,
                bound_kind="certified",
                wall_seconds=0.2 + 0.1 * number,
                **known,
            )
        )
        rows.append(row(algorithm="demo/good", objective=best * (1 + 0.02 * random.random()), wall_seconds=0.01, **known))
        if number % 3:
            rows.append(row(algorithm="demo/fragile", kind="learned", objective=best * 1.01, wall_seconds=0.02, **known))
        else:
            rows.append(failed(algorithm="demo/fragile", kind="learned", wall_seconds=0.5, **known))
        rows.append(
            row(
                algorithm="demo/greedy",
                status="infeasible",
                objective=90.0,
                feasible=False,
                violation=0.3,
                violations={"capacity": 0.3, "least_share": 0.0},
                **known,
            )
        )
    return pd.DataFrame(rows)
