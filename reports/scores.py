"""Scores of single runs and of algorithms. No run is ever dropped: a failure enters every aggregate.

A *runs frame* has one row per run and the columns of `COLUMNS`; a `trace` column of incumbents
``(seconds, objective)`` and the columns ``regret``, ``decision_latency_p50`` and ``decision_latency_p95`` [s] are used where there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mecbench.reports.intervals import bootstrap_interval, trimmed_mean

__all__ = ["COLUMNS", "constraint_satisfaction", "families", "order", "primal_integral", "score", "shifted_geometric_mean", "summarise"]

COLUMNS = (
    "instance",
    "instance_sha256",
    "problem",
    "suite",
    "algorithm",
    "kind",
    "sees",
    "seed",
    "status",
    "sense",
    "objective",
    "feasible",
    "bound",
    "bound_kind",
    "reference_bound",
    "best_objective",
    "violation",
    "wall_seconds",
    "time_limit",
    "log_tail",
    "violations",
)
"""Columns that a runs frame must have."""

# A run that ended so has no result that counts, whatever it left behind; one that hit a limit keeps its incumbent.
VOID = ("crash", "invalid-output", "infeasible", "wrong-claim", "skipped")
FAMILY = 5  # instances that make a stratum of their own: resampling fewer understates their spread
SHIFT = 10.0  # of the geometric mean [s], as is usual in MILP benchmarks
TOLERANCE = 1e-9  # of a bound that is beaten, relative to max(1, |bound|)


def score(runs: pd.DataFrame) -> pd.DataFrame:
    """Add to each run what it is worth.

    Best known values and certified bounds are those of the frame's columns and of all its runs, so that frames of
    several stores can be joined and contradictions between their runs show.

    Parameters
    ----------
    runs
        A runs frame.

    Returns
    -------
    pd.DataFrame
        The runs in their order, `reference_bound` and `best_objective` brought up to date, with

        - ``solved``: ended by itself with a feasible solution (of kind ``bound``: with a bound) and no false claim;
        - ``gap`` in [0, 1] and ``excess`` >= 0 against the certified bound (of kind ``bound``: of its bound against the
          best known objective), ``gap_to_best`` against the best known objective; 1, infinite and 1 for a failure;
        - ``seconds``: wall-clock time, the limit if not solved; ``par2``: twice the limit if not solved;
        - ``claims``: states a bound; ``refuted``: that bound is beaten by a feasible solution of any run;
        - ``beats_bound``: a feasible objective crosses the certified bound, so one of the two is wrong;
        - ``primal_integral`` in [0, 1]: mean over the time limit of the incumbent's gap to the best known objective.
    """
    frame = runs.copy()
    for column in ("objective", "bound", "reference_bound", "best_objective", "violation", "wall_seconds", "time_limit"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
    frame["feasible"] = frame["feasible"].eq(True)
    sign = np.where(frame["sense"].eq("maximise"), -1.0, 1.0)
    identity = frame["instance_sha256"]

    objective = frame["objective"].where(frame["feasible"])
    cost = (sign * objective).groupby(identity).transform("min")
    known = (sign * frame["best_objective"]).groupby(identity).transform("min")
    best = sign * np.fmin(cost, known)
    certified = frame["bound"].where(frame["bound_kind"].eq("certified") & frame["status"].ne("wrong-claim"))
    own = (sign * certified).groupby(identity).transform("max")
    library = (sign * frame["reference_bound"]).groupby(identity).transform("max")
    reference = sign * np.fmax(own, library)
    frame["best_objective"], frame["reference_bound"] = best, reference

    frame["claims"] = frame["bound"].notna() & frame["bound_kind"].ne("none")
    frame["refuted"] = frame["status"].eq("wrong-claim") | (frame["claims"] & _beats(best, frame["bound"], sign))
    frame["beats_bound"] = frame["feasible"] & _beats(objective, reference, sign)
    # What only bounds is judged by its bound, against the best known objective.
    bounding = frame["kind"].eq("bound")
    worth = frame["bound"].where(bounding, objective)
    frame["solved"] = frame["status"].eq("ok") & worth.notna() & ~frame["refuted"]

    counted = worth.mask(frame["status"].isin(VOID) | frame["refuted"])
    target = best.where(bounding, reference)
    frame["gap"] = _gap(counted, target)
    frame["excess"] = _excess(counted, target)
    frame["gap_to_best"] = _gap(counted, best)
    frame["seconds"] = np.where(frame["solved"], np.fmin(frame["wall_seconds"], frame["time_limit"]), frame["time_limit"])
    frame["par2"] = np.where(frame["solved"], frame["seconds"], 2 * frame["time_limit"])
    traces: Iterable[Any] = frame["trace"] if "trace" in frame else [None] * len(frame)
    frame["primal_integral"] = [
        primal_integral(trace if isinstance(trace, list | tuple) else (), *row)
        for trace, row in zip(
            traces, zip(counted, frame["best_objective"], frame["wall_seconds"], frame["time_limit"], strict=True), strict=True
        )
    ]
    return frame


def _beats(objective: Any, bound: Any, sign: np.ndarray) -> Any:
    return sign * (bound - objective) > TOLERANCE * np.maximum(1.0, np.abs(bound))


def _gap(objective: pd.Series, target: pd.Series) -> np.ndarray:
    z, b = objective.to_numpy(float), target.to_numpy(float)
    with np.errstate(all="ignore"):
        gap = np.where(z * b < 0, 1.0, np.abs(z - b) / np.maximum(np.abs(z), np.abs(b)))
    gap[z == b] = 0.0
    return np.where(np.isfinite(z) & np.isfinite(b), gap, 1.0)


def _excess(objective: pd.Series, target: pd.Series) -> np.ndarray:
    z, b = objective.to_numpy(float), target.to_numpy(float)
    with np.errstate(all="ignore"):
        excess = np.abs(z - b) / np.abs(b)
    excess[z == b] = 0.0
    return np.where(np.isfinite(z) & np.isfinite(b), excess, np.inf)


def primal_integral(trace: Iterable[tuple[float, float]], objective: float, best: float, wall_seconds: float, time_limit: float) -> float:
    """Mean over the time limit of the incumbent's gap to the best known objective.

    Source: Berthold, "Measuring the impact of primal heuristics" (2013), divided by the time limit.

    Parameters
    ----------
    trace
        Incumbents ``(seconds, objective)`` in order of time [s].
    objective
        Final objective, not finite for a failure, which scores 1 whatever its incumbents were.
    best
        Best known objective.
    wall_seconds, time_limit
        End of the run and its limit [s]; the final solution is held from the one to the other.

    Returns
    -------
    float
        In [0, 1]; 0 if the best known solution was there at once.
    """
    if not (math.isfinite(objective) and math.isfinite(best)):
        return 1.0
    last, gap, area = 0.0, 1.0, 0.0
    for point in trace:
        if point[1] is not None and math.isfinite(point[1]):
            moment = min(max(float(point[0]), last), time_limit)
            area += gap * (moment - last)
            last, gap = moment, _single_gap(float(point[1]), best)
    end = min(max(wall_seconds, last), time_limit) if math.isfinite(wall_seconds) else time_limit
    final = _single_gap(objective, best)
    area += gap * (end - last) + final * (time_limit - end)
    return area / time_limit if time_limit > 0 else final


def _single_gap(z: float, b: float) -> float:
    if z == b:
        return 0.0
    return 1.0 if z * b < 0 else abs(z - b) / max(abs(z), abs(b))


def shifted_geometric_mean(seconds: np.ndarray, shift: float = SHIFT) -> float:
    """exp(mean(log(t + shift))) - shift [s], shape [N] -> a number; short runs weigh by their difference, not their ratio."""
    return float(np.exp(np.log(seconds + shift).mean()) - shift)


def summarise(scored: pd.DataFrame) -> dict[str, Any]:
    """Aggregate the scored runs of one algorithm.

    Runs of an instance that differ in their seed are averaged first, so that an instance counts once and intervals
    do not shrink by repeating a deterministic run; intervals resample instances within their family (suite, and name
    without its number; small families together).

    Returns
    -------
    dict
        Counts ``instances``, ``runs``, ``solved``, ``feasible``, ``claims``, ``bounds_refuted``, ``bounds_beaten``;
        ``feasible_share``, ``mean_gap``, ``iqm_gap`` (each with ``_low`` and ``_high`` of its 95 % interval),
        ``mean_gap_to_best``, ``median_excess``, ``median_regret`` (certified, NaN where none is defined), ``sgm_seconds``,
        ``par2_seconds``, ``primal_integral``,
        ``correctness`` (share of claimed bounds that hold, NaN without a claim), ``decision_latency_p50`` and ``_p95``
        [s] (medians over runs, NaN without), ``statuses`` (counts).
    """
    instances = scored.groupby("instance_sha256", sort=True)
    gaps = instances["gap"].mean().to_numpy()
    strata = families(instances[["suite", "instance"]].first())
    mean_low, mean_high = bootstrap_interval(gaps, strata, trim=0.0)
    iqm_low, iqm_high = bootstrap_interval(gaps, strata)
    claims = int(scored["claims"].sum())
    latency = {
        key: float(pd.to_numeric(scored[key], errors="coerce").median()) if key in scored else math.nan
        for key in ("decision_latency_p50", "decision_latency_p95")
    }
    regret = (
        pd.to_numeric(scored["regret"], errors="coerce").where(~scored["status"].isin(VOID[:2]))
        if "regret" in scored
        else pd.Series(dtype=float)
    )
    return {
        "instances": len(gaps),
        "runs": len(scored),
        "solved": int(scored["solved"].sum()),
        "feasible": int(scored["feasible"].sum()),
        "feasible_share": float(scored["feasible"].mean()),
        "mean_gap": float(gaps.mean()),
        "mean_gap_low": mean_low,
        "mean_gap_high": mean_high,
        "iqm_gap": float(trimmed_mean(gaps)),
        "iqm_gap_low": iqm_low,
        "iqm_gap_high": iqm_high,
        "mean_gap_to_best": float(instances["gap_to_best"].mean().mean()),
        "median_excess": float(scored["excess"].median()),
        "median_regret": float(regret.median()),
        "sgm_seconds": shifted_geometric_mean(scored["seconds"].to_numpy()),
        "par2_seconds": float(scored["par2"].mean()),
        "primal_integral": float(instances["primal_integral"].mean().mean()),
        "claims": claims,
        "correctness": 1.0 - float((scored["claims"] & scored["refuted"]).sum()) / claims if claims else math.nan,
        "bounds_refuted": int(scored["refuted"].sum()),
        "bounds_beaten": int(scored["beats_bound"].sum()),
        **latency,
        "statuses": {str(status): int(count) for status, count in scored["status"].value_counts().items()},
    }


def families(instances: pd.DataFrame) -> np.ndarray:
    """Stratum of each instance; families too small to be resampled are one stratum together."""
    family = instances["suite"].astype(str) + " " + instances["instance"].astype(str).str.replace(r"[^a-zA-Z]*\d+$", "", regex=True)
    return family.where(family.groupby(family).transform("size") >= FAMILY, "").to_numpy(dtype=str)


def constraint_satisfaction(scored: pd.DataFrame, tolerance: float = 1e-6) -> pd.DataFrame:
    """Share of runs that satisfy each family of constraints.

    Parameters
    ----------
    scored
        Scored runs; `violations` maps families to relative violations. A feasible run satisfies all families of its
        problem, a run without an evaluation none.
    tolerance
        Largest relative violation that counts as satisfied in an infeasible run.

    Returns
    -------
    pd.DataFrame
        Index algorithm, a column per family, values in [0, 1]; NaN where the problem has no such family.
    """
    shares: dict[str, pd.Series] = {}
    for _, group in scored.groupby("problem"):
        cells = [cell if isinstance(cell, dict) else {} for cell in group["violations"].tolist()]
        for family in sorted({family for cell in cells for family in cell}):
            kept = group["feasible"] | np.array([cell.get(family, math.inf) <= tolerance for cell in cells])
            share = kept.groupby(group["algorithm"]).mean()
            shares[family] = shares[family].combine_first(share) if family in shares else share
    return pd.DataFrame(shares, index=pd.Index(sorted(scored["algorithm"].unique()), name="algorithm"))


def order(scored: pd.DataFrame) -> pd.DataFrame:
    """Sort scored runs by instance, the best first: feasible by gap and time, then infeasible by violation, then failures."""
    keys = pd.DataFrame(
        {
            "problem": scored["problem"],
            "instance": scored["instance"],
            "group": np.select([scored["gap_to_best"] < 1, scored["feasible"], scored["violation"].notna()], [0, 1, 2], 3),
            "gap": scored["gap_to_best"],
            "violation": scored["violation"].where(~scored["feasible"], 0.0),
            "seconds": scored["seconds"],
            "algorithm": scored["algorithm"],
            "seed": scored["seed"],
        }
    )
    return scored.loc[keys.sort_values(list(keys.columns), kind="stable").index]
