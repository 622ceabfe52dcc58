"""Which differences are real: every two algorithms on the same instances."""

from __future__ import annotations

from mecbench.reports.comparisons import compare_pairs
from mecbench.reports.pictures import figures
from mecbench.reports.plots.plot import Material, Plot

__all__ = ["POSITION", "describe"]

POSITION = 50
MOST = 40  # algorithms whose pairs are tested: the correction for 780 pairs leaves little power as it is


def describe(material: Material) -> Plot:
    """A heat map of the probability of improvement, with the verdict of the paired test."""
    tested = material.algorithms[:MOST]
    pairs = compare_pairs(material.scored, tested)
    left_out = len(material.algorithms) - len(tested)
    return Plot(
        title="Which differences are real",
        text="Probability that the algorithm of the row is better than that of the column on an instance; * where the paired test "
        "separates the two at the 5 % level."
        + (f" Of the leaderboard the first {MOST} are tested, {left_out} are not." if left_out else ""),
        reading="Above 50 % the row is ahead, a tie counts half. The test is Wilcoxon's signed-rank on the gap per instance (mean over "
        "seeds), two-sided, ties split evenly, corrected by Holm's procedure for all pairs of the problem, not only those shown. It "
        "uses that both ran on the same instances, so it can separate what the intervals of the leaderboard do not. No star is no proof "
        "of equality, and a star says nothing of how large the difference is: see the gaps.",
        data={
            "tested": tested,
            "instances": pairs["instances"].tolist(),
            "improvement": figures(pairs["improvement"], 4),
            "p": figures(pairs["p"], 3),
            "p_holm": figures(pairs["p_holm"], 3),
        },
        keyed=False,
    )
