from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems import evaluation
from mecbench.reports.scores import constraint_satisfaction, order, primal_integral, score, shifted_geometric_mean, summarise

Build = Callable[..., dict[str, Any]]


def _frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
@settings(deadline=None, max_examples=60)
def test_gap_and_excess_are_those_of_the_evaluation(row: Build, objective: float, bound: float) -> None:
    """Reports compute gaps on whole columns; the definition must stay the one of the problems."""
    scored = score(_frame(row(objective=objective, reference_bound=bound, best_objective=None, sense="minimise"))).iloc[0]
    assert scored["gap"] == evaluation.gap(objective, bound)
    assert scored["excess"] == evaluation.excess(objective, bound)
    assert scored["beats_bound"] == evaluation.beats(objective, bound, evaluation.Sense.MINIMISE)


@pytest.mark.parametrize("status", ["crash", "invalid-output", "infeasible", "wrong-claim", "skipped"])
def test_a_failure_costs_the_limit_and_the_whole_gap(row: Build, status: str) -> None:
    """A method must not gain by failing, even if it left a good objective behind."""
    feasible = status == "wrong-claim"
    scored = score(_frame(row(status=status, feasible=feasible, objective=100.0, wall_seconds=0.1))).iloc[0]
    assert not scored["solved"]
    assert (scored["gap"], scored["gap_to_best"], scored["excess"]) == (1.0, 1.0, math.inf)
    assert (scored["seconds"], scored["par2"], scored["primal_integral"]) == (5.0, 10.0, 1.0)


def test_a_limit_keeps_the_incumbent_but_costs_the_time(row: Build) -> None:
    """An anytime method is judged by the solution it had, and is not called solved."""
    scored = score(_frame(row(status="timeout", wall_seconds=7.0))).iloc[0]
    assert scored["gap"] == pytest.approx(10 / 110)
    assert (scored["solved"], scored["seconds"], scored["par2"]) == (False, 5.0, 10.0)


def test_bounds_and_best_values_are_shared_by_all_runs(row: Build) -> None:
    """A bound proved by one run certifies the solutions of the others, in either sense."""
    scored = score(
        _frame(
            row(algorithm="demo/a", objective=110.0, bound=104.0, bound_kind="certified", best_objective=None, reference_bound=None),
            row(algorithm="demo/b", objective=105.0, bound=109.0, bound_kind="solver", best_objective=None, reference_bound=None),
        )
    )
    assert scored["reference_bound"].tolist() == [104.0, 104.0]
    assert scored["best_objective"].tolist() == [105.0, 105.0]
    assert scored["refuted"].tolist() == [False, True]
    mirrored = score(
        _frame(row(sense="maximise", objective=90.0, bound=95.0, bound_kind="certified", best_objective=91.0, reference_bound=99.0))
    )
    assert mirrored["reference_bound"].tolist() == [95.0]
    assert mirrored["best_objective"].tolist() == [91.0]


def test_a_bound_that_is_beaten_is_a_contradiction_of_both(row: Build) -> None:
    """A feasible solution across a certified bound is never silently taken for progress."""
    scored = score(
        _frame(row(objective=99.0, best_objective=99.0), row(objective=100.0, bound=100.0, bound_kind="certified", algorithm="demo/b"))
    )
    assert scored["beats_bound"].tolist() == [True, False]
    assert scored["refuted"].tolist() == [False, True]
    assert summarise(scored[scored["refuted"]])["correctness"] == 0.0


def test_primal_integral_follows_the_incumbents() -> None:
    """A fifth of the time without a solution, two fifths at a gap of one half, then the best known."""
    assert primal_integral([(1.0, 200.0), (3.0, 100.0)], 100.0, 100.0, 4.0, 5.0) == pytest.approx(0.2 * 1 + 0.4 * 0.5)
    assert primal_integral([], 100.0, 100.0, 0.5, 5.0) == pytest.approx(0.1)
    assert primal_integral([(0.0, 100.0)], math.nan, 100.0, 5.0, 5.0) == 1.0


def test_shifted_geometric_mean() -> None:
    """The shift keeps millisecond runs from ruling the mean."""
    assert shifted_geometric_mean(np.array([0.0, 30.0])) == pytest.approx(10.0)
    assert shifted_geometric_mean(np.array([2.0, 2.0])) == pytest.approx(2.0)


def test_summary_counts_instances_once(row: Build) -> None:
    """Repeating one instance with more seeds does not change what the others weigh."""
    rows = [row(instance="demo-1", objective=100.0)] + [row(instance="demo-2", seed=seed, objective=200.0) for seed in range(9)]
    summary = summarise(score(_frame(*rows)))
    assert (summary["instances"], summary["runs"]) == (2, 10)
    assert summary["mean_gap"] == pytest.approx(0.25)
    assert math.isnan(summary["correctness"])


def test_what_only_bounds_is_judged_by_its_bound(row: Build) -> None:
    """A relaxation without a solution is no failure; its distance from the best known objective is its score."""
    bounding = row(kind="bound", algorithm="demo/relaxation", objective=None, feasible=False, bound=80.0, bound_kind="solver")
    scored = score(_frame(row(objective=100.0), bounding))
    assert scored["solved"].tolist() == [True, True]
    assert scored["gap"].tolist() == pytest.approx([0.0, 0.2])


def test_intervals_resample_within_families(row: Build) -> None:
    """Two families of very different gaps: how many of each there are was designed, so it adds no spread."""
    rows = [
        row(instance=f"demo-{family}-{number:04d}", objective=100.0 * size)
        for family, size in (("near", 1), ("far", 4))
        for number in range(9)
    ]
    summary = summarise(score(_frame(*rows)))
    assert (summary["mean_gap_low"], summary["mean_gap_high"]) == pytest.approx((0.375, 0.375))
    mixed = [entry | {"instance": f"{chr(97 + number)}{entry['instance']}x"} for number, entry in enumerate(rows)]
    summary = summarise(score(_frame(*mixed)))
    assert summary["mean_gap_high"] - summary["mean_gap_low"] > 0.2


gaps = st.lists(st.tuples(st.integers(0, 6), st.floats(100.0, 1e4), st.floats(0.0, 5.0)), min_size=1, max_size=25)


@given(gaps, st.integers(0, 8), st.sampled_from(["crash", "timeout", "memout", "infeasible", "invalid-output", "skipped"]))
@settings(deadline=None, max_examples=50)
def test_one_more_failure_never_improves_a_score(row: Build, failed: Build, drawn: list[Any], instance: int, status: str) -> None:
    """The leaderboard cannot be climbed by failing where it hurts least."""
    rows = [
        row(instance=f"demo-{number}", seed=seed, objective=objective, wall_seconds=wall, bound=90.0, bound_kind="solver")
        for seed, (number, objective, wall) in enumerate(drawn)
    ]
    before = summarise(score(_frame(*rows)))
    after = summarise(score(_frame(*rows, failed(instance=f"demo-{instance}", seed=99, status=status, wall_seconds=0.0))))
    noise = 1e-12
    for worse_is_more in ("mean_gap", "iqm_gap", "mean_gap_to_best", "median_excess", "sgm_seconds", "par2_seconds", "primal_integral"):
        assert after[worse_is_more] >= before[worse_is_more] * (1 - noise) - noise
    assert after["feasible_share"] <= before["feasible_share"]
    assert after["correctness"] <= before["correctness"]
    assert after["solved"] == before["solved"]
    assert after["runs"] == before["runs"] + 1


def test_constraint_satisfaction_counts_every_run(row: Build, failed: Build) -> None:
    """A crash satisfies nothing; a family that an infeasible run keeps is credited."""
    broken = {"capacity": 0.3, "least_share": 0.0}
    scored = score(_frame(row(), row(seed=1, status="infeasible", feasible=False, violations=broken), failed(seed=2), failed(seed=3)))
    satisfied = constraint_satisfaction(scored)
    assert satisfied.loc["demo/one", "capacity"] == 0.25
    assert satisfied.loc["demo/one", "least_share"] == 0.5


def test_infeasible_runs_rank_after_feasible_ones(runs: pd.DataFrame) -> None:
    """A better objective does not help a solution that breaks a constraint; every run is still listed."""
    ordered = order(score(runs))
    assert len(ordered) == len(runs)
    first = ordered[ordered["instance"] == "demo-0"]["algorithm"].tolist()
    assert first == ["demo/exact", "demo/good", "demo/greedy", "demo/fragile"]
