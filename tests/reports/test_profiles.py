from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from mecbench.reports.profiles import performance_profile
from mecbench.reports.scores import score

Build = Callable[..., dict[str, Any]]


def test_profile_of_a_case_done_by_hand(row: Build, failed: Build) -> None:
    """Shares count all instances, unsolved ones and missing runs included."""
    rows = [
        row(instance="demo-1", algorithm="demo/a", objective=100.0, wall_seconds=1.0),
        row(instance="demo-2", algorithm="demo/a", objective=100.0, wall_seconds=4.0),
        row(instance="demo-3", algorithm="demo/a", objective=120.0, wall_seconds=0.1),
        row(instance="demo-1", algorithm="demo/b", objective=100.0, wall_seconds=3.0),
        row(instance="demo-2", algorithm="demo/b", objective=100.0, wall_seconds=2.0),
        failed(instance="demo-4", algorithm="demo/b"),
    ]
    curves = performance_profile(score(pd.DataFrame(rows)))
    assert curves[curves["algorithm"] == "demo/a"][["ratio", "share"]].to_numpy().tolist() == [[1.0, 0.25], [2.0, 0.5]]
    assert curves[curves["algorithm"] == "demo/b"][["ratio", "share"]].to_numpy().tolist() == [[1.0, 0.25], [3.0, 0.5]]
