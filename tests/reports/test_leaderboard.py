from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from mecbench.reports.leaderboard import display, hard_failures, leaderboard, remarks
from mecbench.reports.scores import score

Build = Callable[..., dict[str, Any]]


def test_every_algorithm_and_every_run_is_on_the_board(runs: pd.DataFrame) -> None:
    """Failures lower a row; they do not remove it, nor shrink its count."""
    board = leaderboard(runs)
    assert board["algorithm"].tolist() == ["demo/exact", "demo/good", "demo/fragile", "demo/greedy"]
    assert board["rank"].tolist() == [1, 2, 3, 4]
    assert board["runs"].tolist() == [10, 10, 10, 10]
    assert board["solved"].tolist() == [10, 10, 6, 0]
    fragile = board.set_index("algorithm").loc["demo/fragile"]
    assert fragile["mean_gap"] == pytest.approx((4 * 1 + 6 * (1 - 1 / 1.01)) / 10)
    assert fragile["par2_seconds"] == pytest.approx((4 * 10 + 6 * 0.02) / 10)


def test_ties_share_a_rank_and_overlaps_are_marked(row: Build) -> None:
    """A difference that chance explains is not shown as an order."""
    rows = []
    for number in range(12):
        name = f"demo-{number}"
        rows += [
            row(instance=name, algorithm="demo/a", objective=100.0, wall_seconds=0.1),
            row(instance=name, algorithm="demo/b", objective=100.0, wall_seconds=0.2),
            row(instance=name, algorithm="demo/c", objective=120.0 + number),
            row(instance=name, algorithm="demo/d", objective=132.0 - number),
            row(instance=name, algorithm="demo/e", objective=900.0),
        ]
    shown = display(leaderboard(pd.DataFrame(rows))).set_index("algorithm")
    assert shown["#"].to_dict() == {"demo/a": "1", "demo/b": "1 =", "demo/c": "3", "demo/d": "4 ≈", "demo/e": "5"}


def test_infeasible_rows_rank_by_their_regret(row: Build) -> None:
    """Who misses a limit by less stands before who misses it by more, however fast the latter is."""
    worse = [row(algorithm="demo/worse", status="infeasible", feasible=False, regret=2.0, wall_seconds=0.1)]
    better = [row(algorithm="demo/better", status="infeasible", feasible=False, regret=0.5, wall_seconds=1.0)]
    board = leaderboard(pd.DataFrame([*worse, *better]))
    assert board["algorithm"].tolist() == ["demo/better", "demo/worse"]
    assert display(board)["median regret"].tolist() == ["50.00 %", "200.00 %"]


def test_a_beaten_bound_is_an_alarm(row: Build) -> None:
    """A false bound is a hard failure of whoever claimed it, named with its figures."""
    scored = score(
        pd.DataFrame(
            [row(objective=100.0), row(algorithm="demo/liar", status="wrong-claim", bound=101.0, bound_kind="solver", objective=100.0)]
        )
    )
    shown = display(leaderboard(scored)).set_index("algorithm")
    assert shown.loc["demo/liar", "alarm"] == "1 false bound"
    assert shown.loc["demo/one", "alarm"] == ""
    assert shown.loc["demo/liar", "claims hold"] == "0 %"
    assert hard_failures(scored) == ["demo/liar claims the bound 101.0 on demo-1 (seed 0), which 100.0 refutes"]
    beaten = score(pd.DataFrame([row(objective=99.0, best_objective=99.0)]))
    assert display(leaderboard(beaten))["alarm"].tolist() == ["certified bound beaten 1×"]


def test_remarks_name_what_does_not_compare(row: Build) -> None:
    """Fewer instances, other limits and missing certificates are said, not averaged away."""
    scored = score(
        pd.DataFrame(
            [
                row(instance="demo-1"),
                row(instance="demo-2", reference_bound=None),
                row(instance="demo-1", algorithm="demo/two", time_limit=60.0),
                row(instance="demo-2", algorithm="demo/three", reference_bound=None, status="skipped", feasible=False),
            ]
        )
    )
    text = " ".join(remarks(scored))
    assert "demo/three (1 of 2), demo/two (1 of 2)" in text
    assert "5 s, 60 s" in text
    assert "1 of 2 instances have no certified bound" in text
    assert "skipped for want of a package, and counted as failures: demo/three" in text


def test_an_empty_store_has_an_empty_board(runs: pd.DataFrame) -> None:
    """Nothing has run yet: no error."""
    board = leaderboard(runs.iloc[:0])
    assert board.empty
    assert display(board).empty
