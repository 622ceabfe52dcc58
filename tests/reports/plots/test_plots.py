from __future__ import annotations

import pandas as pd
import pytest

from mecbench.reports.leaderboard import leaderboard
from mecbench.reports.plots import Material, draw_all, gap_against_time, gap_boxes, performance_profile
from mecbench.reports.plots.style import LEAST_GAP, OTHER, looks
from mecbench.reports.scores import score


@pytest.fixture(scope="module")
def material(runs: pd.DataFrame) -> Material:
    """The synthetic runs, of which the last algorithm has no look."""
    scored = score(runs)
    board = leaderboard(scored)
    return Material(scored, board, looks(board["algorithm"][:3]))


def test_plots_are_found_and_none_is_without_its_table(material: Material) -> None:
    """A module is enough to be on the page; each table has every algorithm, those that the figure leaves out too."""
    plots = draw_all(material)
    assert list(plots) == ["gap_boxes", "gap_against_time", "performance_profile"]
    for plot in plots.values():
        assert plot.table["algorithm"].tolist() == material.algorithms
        assert plot.figure.layout.height > 0
        assert len(plot.figure.data) >= 3


def test_boxes_hold_the_quartiles_of_all_runs(material: Material) -> None:
    """Failures are in the figure: a method that fails on four of ten reaches 100 %."""
    boxes = {box.name: box for box in gap_boxes.draw(material).figure.data}
    assert boxes["demo/fragile"].upperfence[0] == 1.0
    assert boxes["demo/fragile"].median[0] == pytest.approx(1 - 1 / 1.01)
    assert boxes["demo/exact"].median[0] == LEAST_GAP
    assert boxes["demo/greedy"].line.color == OTHER.colour


def test_points_carry_mean_and_interval(material: Material) -> None:
    """The bar around a point ends where the leaderboard's interval does."""
    point = {trace.name: trace for trace in gap_against_time.draw(material).figure.data}["demo/fragile"]
    row = material.board.set_index("algorithm").loc["demo/fragile"]
    assert point.y[0] == row["mean_gap"]
    assert point.y[0] + point.error_y.array[0] == pytest.approx(row["mean_gap_high"])
    assert point.x[0] == row["sgm_seconds"]


def test_curves_end_at_the_share_ever_solved(material: Material) -> None:
    """Each curve is drawn to the right edge, where the table says ``ever``."""
    plot = performance_profile.draw(material)
    curves = {trace.name: trace for trace in plot.figure.data}
    assert set(curves) == {"demo/exact", "demo/good", "demo/fragile"}
    assert curves["demo/exact"].y[-1] == 1.0
    assert plot.table.set_index("algorithm").loc["demo/exact", "ever"] == "100 %"
    assert len({trace.x[-1] for trace in plot.figure.data}) == 1
