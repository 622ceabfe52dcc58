"""Algorithms two by two on the same instances: who is better, how often, and could it be chance."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

__all__ = ["NOISE", "compare_pairs", "holm"]

EXACT = 50  # instances up to which the test is exact, if no two differences are equal; else it is the normal approximation
NOISE = 1e-9  # gaps that differ by less are equal


def compare_pairs(scored: pd.DataFrame, algorithms: list[str]) -> pd.DataFrame:
    """Compare every two algorithms by their gap, averaged over seeds, on the instances that both ran on.

    The test is Wilcoxon's signed-rank test, two-sided, zeros split evenly (Demšar, "Statistical comparisons of
    classifiers over multiple data sets", 2006); its values are corrected for the number of pairs by `holm`.

    Parameters
    ----------
    scored
        Scored runs of one problem.
    algorithms
        Names, in the order of the pairs.

    Returns
    -------
    pd.DataFrame
        A row per pair, the first before the second in the order given: ``first``, ``second``, ``instances``,
        ``improvement`` (the probability that the first is better on an instance, a tie counting half), ``p`` and ``p_holm``.
        Without a common instance the figures are NaN; without a difference p is 1.
    """
    gaps = scored.groupby(["algorithm", "instance_sha256"])["gap"].mean().unstack().reindex(algorithms).to_numpy(float)
    rows = []
    for first in range(len(algorithms)):
        for second in range(first + 1, len(algorithms)):
            difference = gaps[first] - gaps[second]
            difference = difference[np.isfinite(difference)]
            difference[np.abs(difference) < NOISE] = 0.0
            improvement = float(np.mean((difference < 0) + 0.5 * (difference == 0))) if difference.size else np.nan
            rows.append((algorithms[first], algorithms[second], difference.size, improvement, _wilcoxon(difference)))
    pairs = pd.DataFrame(rows, columns=["first", "second", "instances", "improvement", "p"])
    return pairs.assign(p_holm=holm(pairs["p"].to_numpy(float)))


def _wilcoxon(difference: np.ndarray) -> float:
    if not difference.size:
        return np.nan
    if not difference.any():
        return 1.0
    # SciPy's own choice for few values with ties is a permutation test, fifty milliseconds a pair: minutes for a long leaderboard.
    distinct = np.unique(np.abs(difference)).size == difference.size and np.all(difference)
    method: Literal["exact", "approx"] = "exact" if distinct and difference.size <= EXACT else "approx"
    return float(stats.wilcoxon(difference, zero_method="zsplit", method=method).pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p-values for their number by Holm's step-down procedure, shape [N]; NaN stays and does not count."""
    corrected = np.full(p.shape, np.nan)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(np.isfinite(p))]
    steps = p[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if order.size else steps
    return corrected
