"""The leaderboard: one row per algorithm, whatever became of its runs."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from mecbench.reports.comparisons import compare_pairs, holm
from mecbench.reports.scores import score, summarise
from mecbench.reports.wording import interval, percent, probability, seconds, share

__all__ = ["display", "hard_failures", "leaderboard", "remarks"]

SAME = 1e-9  # scores that differ by less are tied


def leaderboard(runs: pd.DataFrame) -> pd.DataFrame:
    """Rank algorithms by their mean gap to the certified bound, then by feasibility, regret and time.

    Parameters
    ----------
    runs
        A runs frame, scored or not.

    Returns
    -------
    pd.DataFrame
        A row per problem and algorithm with ``rank`` (ties share one), ``tied`` (with the row above),
        ``separable`` (the 95 % interval of the mean gap is disjoint from that of the row above), ``paired_p`` (of the paired
        test against the row above, Holm-corrected over the rows of the problem; NaN for the first), ``problem``, ``algorithm``,
        ``sees``, ``kind`` and the scores of `summarise`.
    """
    scored = runs if "gap_to_best" in runs else score(runs)
    rows = [
        {"problem": problem, "algorithm": algorithm, "sees": group["sees"].iloc[0], "kind": group["kind"].iloc[0], **summarise(group)}
        for (problem, algorithm), group in scored.groupby(["problem", "algorithm"], sort=True)
    ]
    if not rows:
        return pd.DataFrame(columns=["rank", "problem", "algorithm", "sees", "kind"])
    board = pd.DataFrame(rows)
    board["quantum"] = (board["mean_gap"] / SAME).round()
    board = board.sort_values(
        ["problem", "quantum", "feasible_share", "median_regret", "sgm_seconds", "algorithm"],
        ascending=[True, True, False, True, True, True],
    ).reset_index(drop=True)
    above = board.shift(1)
    same_problem = board["problem"].eq(above["problem"])
    board["tied"] = same_problem & board["quantum"].eq(above["quantum"])
    board["separable"] = (
        same_problem
        & (board["mean_gap_low"] > above["mean_gap_high"].astype(float))
        & (np.minimum(board["instances"], above["instances"].astype(float)) > 1)
    )
    board["paired_p"] = _paired_with_above(scored, board)
    rank = board.groupby("problem")["quantum"].rank(method="min").astype(int)
    board.insert(0, "rank", rank)
    return board.drop(columns="quantum")


def _paired_with_above(scored: pd.DataFrame, board: pd.DataFrame) -> np.ndarray:
    """Corrected p-value of each row against the row above, shape [rows]."""
    values = []
    for problem, group in board.groupby("problem", sort=False):
        runs = dict(list(scored[scored["problem"].eq(problem)].groupby("algorithm")))
        names = group["algorithm"].tolist()
        tests = [compare_pairs(pd.concat([runs[one], runs[two]]), [one, two])["p"].iloc[0] for one, two in itertools.pairwise(names)]
        values += [np.nan, *holm(np.array(tests))]
    return np.array(values)


def hard_failures(scored: pd.DataFrame) -> list[str]:
    """One sentence for each bound that was beaten: somebody's mathematics or code is wrong."""
    sentences = [
        f"{run.algorithm} beats the certified bound {run.reference_bound!r} of {run.instance} with {run.objective!r} (seed {run.seed})"
        for run in scored[scored["beats_bound"]].itertuples()
    ]
    sentences += [
        f"{run.algorithm} claims the bound {run.bound!r} on {run.instance} (seed {run.seed}), which {run.best_objective!r} refutes"
        for run in scored[scored["refuted"]].itertuples()
    ]
    return sentences


def remarks(scored: pd.DataFrame) -> list[str]:
    """What a reader must know before comparing rows: missing runs, mixed limits, bounds that nobody certified."""
    sentences = []
    for problem, group in scored.groupby("problem"):
        total = group["instance_sha256"].nunique()
        covered = group.groupby("algorithm")["instance_sha256"].nunique()
        partial = covered[covered < total]
        if len(partial):
            listed = ", ".join(f"{name} ({count} of {total})" for name, count in partial.items())
            sentences.append(f"{problem}: not every algorithm ran on every instance, so these rows do not compare with others: {listed}.")
        limits = sorted(group["time_limit"].dropna().unique())
        if len(limits) > 1:
            sentences.append(f"{problem}: runs with different time limits are mixed: {', '.join(f'{limit:g} s' for limit in limits)}.")
        open_instances = group.loc[group["reference_bound"].isna(), "instance_sha256"].nunique()
        if open_instances:
            sentences.append(f"{problem}: {open_instances} of {total} instances have no certified bound; there every gap counts as 100 %.")
        skipped = sorted(group.loc[group["status"].eq("skipped"), "algorithm"].unique())
        if skipped:
            sentences.append(f"{problem}: skipped for want of a package, and counted as failures: {', '.join(skipped)}.")
    return sentences


def display(board: pd.DataFrame) -> pd.DataFrame:
    """The leaderboard as text, for a terminal or a page; ranks carry ``=`` for a tie, ``≈`` for not separable from the row above."""
    follows = [False, *(board["problem"].to_numpy()[1:] == board["problem"].to_numpy()[:-1])][: len(board)]
    rows = [
        {
            "#": f"{row['rank']}{' =' if row['tied'] else ' ≈' if follower and not row['separable'] else ''}",
            "algorithm": row["algorithm"],
            "sees": row["sees"],
            "kind": row["kind"],
            "mean gap": percent(row["mean_gap"]),
            "95 % interval": interval(row["mean_gap_low"], row["mean_gap_high"]),
            "p": probability(row["paired_p"]),
            "IQM gap": percent(row["iqm_gap"]),
            "solved": f"{row['solved']}/{row['runs']}",
            "feasible": share(row["feasible_share"]),
            "median excess": percent(row["median_excess"]),
            "median regret": percent(row["median_regret"]),
            "time": seconds(row["sgm_seconds"]),
            "PAR-2": seconds(row["par2_seconds"]),
            "claims hold": share(row["correctness"]),
            "alarm": _alarm(row["bounds_refuted"], row["bounds_beaten"]),
        }
        for row, follower in zip(board.to_dict("records"), follows, strict=True)
    ]
    return pd.DataFrame(rows)


def _alarm(refuted: int, beaten: int) -> str:
    """What went badly wrong with an algorithm, in words; empty if nothing did."""
    parts = []
    if refuted:
        parts.append(f"{refuted} false bound{'s' if refuted > 1 else ''}")
    if beaten:
        parts.append(f"certified bound beaten {beaten}×")
    return ", ".join(parts)
