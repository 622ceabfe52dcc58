from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mecbench.reports.comparisons import compare_pairs, holm
from mecbench.reports.leaderboard import leaderboard
from mecbench.reports.scores import score

Build = Callable[..., dict[str, Any]]


def test_holm_of_a_case_done_by_hand() -> None:
    """Steps down from the smallest, never decreases, never exceeds one, and leaves what is missing alone."""
    corrected = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.9]))
    np.testing.assert_allclose(corrected, [0.04, 0.09, np.nan, 0.09, 0.9])
    assert holm(np.array([])).size == 0


@pytest.fixture
def scored(row: Build) -> pd.DataFrame:
    """Algorithm b is slightly worse than a on every instance, c equals a, d ran elsewhere."""
    random = np.random.Generator(np.random.PCG64(5))
    rows = [row(instance="elsewhere-1", algorithm="demo/d", objective=105.0)]
    for number in range(12):
        objective = 100.0 * (1 + random.random())
        worse = objective * (1 + 0.01 * random.random() + 0.001)
        for seed, shift in ((0, 0.5), (1, -0.5)):
            rows += [
                row(instance=f"demo-{number}", algorithm=f"demo/{name}", objective=value + shift, seed=seed)
                for name, value in (("a", objective), ("b", worse), ("c", objective))
            ]
    return score(pd.DataFrame(rows))


def test_a_pair_meets_on_instances_and_the_test_is_scipys(scored: pd.DataFrame) -> None:
    """Seeds are averaged first, so that repeating a run does not make chance look like evidence."""
    pairs = compare_pairs(scored, ["demo/a", "demo/b", "demo/c", "demo/d"]).set_index(["first", "second"])
    gaps = scored.groupby(["algorithm", "instance"])["gap"].mean().unstack()
    expected = stats.wilcoxon(gaps.loc["demo/a"].dropna(), gaps.loc["demo/b"].dropna()).pvalue
    ahead = pairs.loc[("demo/a", "demo/b")]
    assert (ahead["instances"], ahead["improvement"]) == (12, 1.0)
    assert ahead["p"] == pytest.approx(expected)
    assert ahead["p_holm"] == pytest.approx(3 * expected)  # three pairs have a common instance
    assert pairs.loc[("demo/a", "demo/c"), ["improvement", "p"]].tolist() == [0.5, 1.0]
    assert np.isnan(pairs.loc[("demo/a", "demo/d"), "p_holm"])


def test_the_paired_test_separates_what_intervals_do_not(scored: pd.DataFrame) -> None:
    """A small difference on every instance is real although the instances differ far more: both verdicts stand on the board."""
    board = leaderboard(scored[scored["algorithm"].isin(["demo/a", "demo/b"])])
    assert board["algorithm"].tolist() == ["demo/a", "demo/b"]
    assert not board["separable"].any()
    assert np.isnan(board["paired_p"][0])
    assert board["paired_p"][1] < 0.01
