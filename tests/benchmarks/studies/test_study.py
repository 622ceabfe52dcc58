"""What is measured of a study's runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mecbench.benchmarks.studies.p_learned import STUDY
from mecbench.benchmarks.studies.study import Metric, rows


def test_figures_are_the_runs(runs: pd.DataFrame) -> None:
    """Means over seeds and traces of what the evaluator said; a failure's missing figures leave a hole, not a zero."""
    found = rows(STUDY, runs)
    assert set(found) == set(STUDY.metrics)
    agent = found["objective"]["p/hc-mappo-l [paper-50, paper]"]
    assert agent.mean == pytest.approx(130.0 + 1.0 + 1.5)
    np.testing.assert_array_equal(agent.table, 130.0 + np.arange(3)[:, None] + np.arange(4))
    failed = runs.assign(
        metrics=[{} if name == "p/greedy" else cell for name, cell in zip(runs["algorithm"], runs["metrics"], strict=True)]
    )
    assert "p/greedy" not in rows(STUDY, failed)["mean_delay_s"]


def test_the_distance_from_the_bound_forgives(runs: pd.DataFrame) -> None:
    """Who breaks what others keep has no gap to compare, but its objective still is so far from the bound."""
    study = replace(STUDY, metrics={"above_bound": Metric("above the bound", 1, percent=True)})
    late = runs.assign(feasible=False, objective=runs["objective"].mask(runs["algorithm"] == "p/greedy"))
    found = rows(study, late)["above_bound"]
    assert found["p/h-mappo [paper-50, paper]"].mean == pytest.approx((140.0 + 1.5 - 90.0) / 90.0)
    assert "p/greedy" not in found
