from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mecbench.reports.leaderboard import leaderboard
from mecbench.reports.plots import Material, cost_and_limit, describe_all, gap_over_time, learned_agents, learning_curves, pairs, scripts
from mecbench.reports.plots.plot import Plot
from mecbench.reports.scores import score

CURVES = pd.DataFrame(
    {
        "problem": "demo",
        "algorithm": "demo/fragile",
        "agent": "demo/fragile",
        "recipe": "a",
        "training_seed": 0.0,
        "transitions": np.arange(300) * 1000.0,
        "reward": np.linspace(-50.0, -10.0, 300),
        "cost": np.linspace(9.0, 2.0, 300),
        "limit": 2.0,
        "multiplier": np.nan,
        "chosen": 250_000.0,
    }
)


@pytest.fixture(scope="module")
def material(runs: pd.DataFrame) -> Material:
    """The synthetic runs, of a problem with a limit."""
    scored = score(runs.assign(limited_value=2.0 + 0.5 * (runs["status"] == "infeasible"), limited_limit=2.0))
    return Material(scored, leaderboard(scored), CURVES)


def _plot(described: Plot | None) -> Plot:
    assert described is not None
    return described


def test_plots_are_found_with_their_words_and_scripts(material: Material) -> None:
    """Two files are enough to be on the page; no figure is without a word on how to read it."""
    plots = describe_all(material)
    assert list(plots) == [
        *("gap_boxes", "gap_over_time", "quality_and_time", "performance_profile", "learned_agents"),
        *("pairs", "cost_and_limit", "constraints", "learning_curves"),
    ]
    for (name, plot), script in zip(plots.items(), scripts(), strict=True):
        assert f"plots.{name} = " in script
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


def test_what_has_nothing_to_show_is_left_out(runs: pd.DataFrame) -> None:
    """Where nothing was learned and nothing is limited, no empty figure says so."""
    scored = score(runs[runs["kind"] != "learned"])
    assert set(describe_all(Material(scored, leaderboard(scored)))).isdisjoint({"learned_agents", "cost_and_limit", "learning_curves"})


def test_agents_never_pay_off_in_words(material: Material) -> None:
    """What is infinite is a word, since JSON has no such number; what is not known is nothing."""
    scored = material.scored.assign(training_cpu_seconds=np.where(material.scored["kind"] == "learned", 50.0, np.nan), cpu_seconds=1.0)
    scored = scored.assign(sees=np.where(scored["algorithm"] == "demo/exact", "clairvoyant", "central"))
    agents = {row["agent"]: row for row in _plot(learned_agents.describe(Material(scored, material.board))).data["agents"]}
    assert agents["demo/fragile"]["break_even"] == "never"
    assert agents["demo/good"]["break_even"] is None


def test_cost_against_its_limit(material: Material) -> None:
    """Means in multiples of bound and limit, who breaks the limit included; runs without a solution have no place."""
    data = _plot(cost_and_limit.describe(material)).data
    found = {name: [data[key][place] for key in ("strain", "cost", "violating", "counted")] for place, name in enumerate(data["names"])}
    assert found["demo/exact"] == [1.0, 1.0, 0.0, 10.0]
    assert found["demo/fragile"] == [1.0, 1.01, 0.0, 6.0]
    greedy = material.scored[material.scored["algorithm"] == "demo/greedy"]
    assert found["demo/greedy"] == [1.25, pytest.approx((90.0 / greedy["reference_bound"]).mean(), rel=1e-5), 1.0, 10.0]


def test_curves_are_thinned_and_keep_their_ends(material: Material) -> None:
    """Thousands of points would not be seen; the rows without a curve are counted."""
    (curve,) = _plot(learning_curves.describe(material)).data["curves"]
    assert len(curve["transitions"]) == len(curve["cost"]) == learning_curves.POINTS
    assert (curve["transitions"][0], curve["transitions"][-1], curve["reward"][-1]) == (0.0, 299_000.0, -10.0)
    assert (curve["limit"], curve["chosen"], curve["seed"], set(curve["multiplier"])) == (2.0, 250_000.0, 0, {None})
    known = material.scored.assign(recipe="a", training_seed=0.0)
    assert "No curve" not in _plot(learning_curves.describe(Material(known, material.board, CURVES))).text
    other = known.assign(recipe=np.where(known["instance"] == "demo-1", "b", "a"))
    assert "No curve is known of 1 training runs" in _plot(learning_curves.describe(Material(other, material.board, CURVES))).text
