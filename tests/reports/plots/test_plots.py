from __future__ import annotations

import json

import pandas as pd
import pytest

from mecbench.reports.leaderboard import leaderboard
from mecbench.reports.plots import Material, describe_all, gap_over_time, pairs, scripts
from mecbench.reports.scores import score


@pytest.fixture(scope="module")
def material(runs: pd.DataFrame) -> Material:
    """The synthetic runs."""
    scored = score(runs)
    return Material(scored, leaderboard(scored))


def test_plots_are_found_with_their_words_and_scripts(material: Material) -> None:
    """Two files are enough to be on the page; no figure is without a word on how to read it."""
    plots = describe_all(material)
    assert list(plots) == ["gap_boxes", "gap_over_time", "quality_and_time", "performance_profile", "pairs", "constraints"]
    for (name, plot), script in zip(plots.items(), scripts(), strict=True):
        assert f"plots.{name} = (section, chosen) =>" in script
        assert min(len(plot.title), len(plot.text), len(plot.reading)) > 10
        json.dumps(dict(plot.data), allow_nan=False)


def test_curves_over_time_are_on_one_grid(material: Material) -> None:
    """Every algorithm has a curve, from before the first run ends to after the last."""
    data = gap_over_time.describe(material).data
    assert set(data["curves"]) == set(material.algorithms)
    assert all(len(curve) == len(data["moments"]) for curve in data["curves"].values())
    assert data["moments"][-1] >= round(float(material.scored["wall_seconds"].max()), 3)


def test_pairs_left_untested_are_said(runs: pd.DataFrame) -> None:
    """Of a long leaderboard only the first are tested two by two, and the page does not hide it."""
    many = pd.concat([runs.assign(algorithm=runs["algorithm"] + f"-{number}") for number in range(11)], ignore_index=True)
    scored = score(many)
    plot = pairs.describe(Material(scored, leaderboard(scored)))
    assert len(plot.data["tested"]) == 40
    assert len(plot.data["p_holm"]) == 40 * 39 // 2
    assert "the first 40 are tested, 4 are not" in plot.text
