from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mecbench.reports.leaderboard import leaderboard
from mecbench.reports.scores import score
from mecbench.reports.traces import gap_over_time

Build = Callable[..., dict[str, Any]]


def test_curve_of_a_case_done_by_hand(row: Build, failed: Build) -> None:
    """Nothing in hand counts as 100 %, an incumbent from its moment on, and a failure throughout."""
    moments = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
    rows = [
        row(instance="demo-1", objective=100.0, wall_seconds=2.0, trace=[[0.2, 400.0, None], [1.0, 200.0, None], [1.5, None, 90.0]]),
        row(instance="demo-2", objective=100.0, wall_seconds=0.05, trace=[]),
        failed(instance="demo-3", trace=[[0.1, 100.0, None]]),
        row(instance="demo-4", objective=125.0, wall_seconds=3.0, trace=None),
    ]
    curve = gap_over_time(score(pd.DataFrame(rows)), moments).loc["demo/one"].to_numpy()
    np.testing.assert_allclose(4 * curve, [1 + 0 + 1 + 1, 0.75 + 2, 0.5 + 2, 0 + 2, 0 + 1 + 0.2])


def test_curves_end_at_the_mean_gap(runs: pd.DataFrame) -> None:
    """The figure and the leaderboard cannot disagree, whatever failed and however many seeds an instance has."""
    again = pd.concat([runs, runs.iloc[:7].assign(seed=1, objective=130.0)], ignore_index=True)
    scored = score(again)
    curves = gap_over_time(scored, np.array([0.01, 1e9]))
    board = leaderboard(scored).set_index("algorithm")
    for algorithm in board.index:
        assert curves.loc[algorithm, 1e9] == pytest.approx(board.loc[algorithm, "mean_gap"])
    assert (curves[0.01] >= curves[1e9] - 1e-12).all()
