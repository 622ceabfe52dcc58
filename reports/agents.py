"""Learned agents beside what needs no learning: all training seeds of an agent together, and what its training cost.

Of a runs frame these columns are used where there: ``agent`` and ``recipe`` (the same for all training seeds of an agent),
``training_seed``, ``training_cpu_seconds`` [s], ``transitions`` and ``multiplier``; ``limited_value``, ``limited_limit`` and
``limited_price`` of what a long-term constraint limits; ``cpu_seconds`` [s] and ``regret``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from mecbench.reports.comparisons import NOISE
from mecbench.reports.intervals import bootstrap_interval, trimmed_mean
from mecbench.reports.scores import families
from mecbench.reports.wording import interval, percent, quantity, seconds, share

__all__ = ["WITHIN", "agent_board", "agent_names", "display_agents", "priced_gap", "table"]

WITHIN = 1e-6  # excess over a limit, relative to it, that is none
_OPTIONAL = (
    "training_seed", "training_cpu_seconds", "transitions", "multiplier", "limited_value", "limited_limit", "limited_price", "cpu_seconds",
    "regret",
)  # fmt: skip


_TRAINING = ("transitions", "training_cpu_seconds", "multiplier")


def agent_board(scored: pd.DataFrame) -> pd.DataFrame:
    """Rank the agents of each problem that has learned ones, the others beside them.

    Parameters
    ----------
    scored
        Scored runs.

    Returns
    -------
    pd.DataFrame
        A row per problem and agent, the best first:

        - ``problem``, ``agent``, ``sees``, ``kind``; ``algorithms`` (names of its rows in the leaderboard), ``seeds`` of training,
          ``instances`` and ``runs``;
        - ``iqm_gap`` with ``_low`` and ``_high``: interquartile mean of `priced_gap` over seeds and instances with its 95 %
          interval, see `mecbench.reports.intervals.bootstrap_interval`; ``mean_gap`` likewise without trimming;
        - ``rival``, the best causal controller (else the best that neither learned nor knows the future), and ``improvement``
          with ``_low`` and ``_high``: the probability that a training seed does better than it on an instance, a tie counting
          half; NaN for what did not learn;
        - ``limited_value`` and ``limited_limit``, means of what is limited and of its limit; ``violating``, the share of
          runs beyond it, among them those without a result; ``worst_excess`` >= 0 relative to the limit; ``multiplier`` that it has
          learned, mean over seeds, beside ``limited_price``, that of the certified bounds, mean over instances;
        - ``decision_latency_p50``, ``decision_latency_p95`` [s], medians over runs;
        - ``transitions`` and ``training_cpu_seconds`` of one training run, means over seeds;
        - ``solver``, the problem's ``auto`` (else the clairvoyant method of least gap), and ``break_even``: as many instances
          pay for training in processor time, were each otherwise left to it; infinite if it is not slower.
    """
    frame = scored.assign(**{name: np.nan for name in _OPTIONAL if name not in scored}, priced_gap=priced_gap(scored))
    frame["agent"] = agent_names(scored)
    boards = [_board(str(problem), runs) for problem, runs in frame.groupby("problem") if runs["kind"].eq("learned").any()]
    return pd.concat(boards, ignore_index=True) if boards else pd.DataFrame(columns=["problem", "agent"])


def agent_names(scored: pd.DataFrame) -> pd.Series:
    """Agent of each run; where two share a name and not their recipe, that follows."""
    if "agent" not in scored:
        return scored["algorithm"]
    if "recipe" not in scored:
        return scored["agent"]
    several = scored.groupby("agent")["recipe"].transform("nunique") > 1
    return scored["agent"].mask(several, scored["agent"] + " " + scored["recipe"])


def priced_gap(scored: pd.DataFrame) -> pd.Series:
    """Certified gap, where a priced limit is missed the gap of the objective with the priced excess; in [0, 1], 1 for a failure.

    The regret r of who misses the limit is (z + price - b) / b, so r / (1 + r) is the gap of z + price to b.
    """
    if "regret" not in scored:
        return scored["gap"]
    regret = pd.to_numeric(scored["regret"], errors="coerce")
    priced = scored["status"].eq("infeasible") & regret.notna()
    return scored["gap"].mask(priced, regret / (1.0 + regret))


def table(runs: pd.DataFrame, column: str = "priced_gap") -> pd.DataFrame:
    """Mean of a column over the runs of each training seed (rows) on each instance (columns); what is no seed is one."""
    seeds = runs["training_seed"].fillna(-1.0)
    return runs.assign(row=seeds).pivot_table(index="row", columns="instance_sha256", values=column, aggfunc="mean", dropna=False)


def _board(problem: str, runs: pd.DataFrame) -> pd.DataFrame:
    groups = dict(list(runs.groupby("agent", sort=True)))
    gaps = {name: table(group) for name, group in groups.items()}
    level = {name: float(np.nanmean(gaps[name].to_numpy())) for name in groups}
    first = {name: group.iloc[0] for name, group in groups.items()}
    rival = _best(level, [name for name in groups if first[name]["kind"] == "controller"]) or _best(
        level, [name for name in groups if first[name]["kind"] != "learned" and first[name]["sees"] != "clairvoyant"]
    )
    solvers = [name for name in groups if first[name]["sees"] == "clairvoyant" and first[name]["kind"] != "learned"]
    solver = f"{problem}/auto" if f"{problem}/auto" in groups else _best(level, solvers)
    rows = []
    for name, group in groups.items():
        learned = first[name]["kind"] == "learned"
        row = {"problem": problem, "agent": name, "sees": first[name]["sees"], "kind": first[name]["kind"]}
        row |= {"algorithms": sorted(group["algorithm"].unique()), "seeds": len(gaps[name]), "instances": gaps[name].shape[1]}
        row |= {"runs": len(group), **_scores(group, gaps[name])}
        row |= {"rival": (rival or "") if learned else "", **_improvement(gaps[name], gaps[rival] if learned and rival else None)}
        row |= _constraint(group)
        for key in ("decision_latency_p50", "decision_latency_p95"):
            row[key] = float(pd.to_numeric(group[key], errors="coerce").median()) if key in group else math.nan
        row |= {cost: float(group.groupby("algorithm")[cost].first().mean()) for cost in _TRAINING}
        row |= {
            "solver": (solver or "") if learned else "",
            "break_even": _break_even(group, groups[solver]) if learned and solver else math.nan,
        }
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["iqm_gap", "mean_gap", "agent"], ignore_index=True)


def _best(level: dict[Any, float], names: list[Any]) -> str | None:
    return min(names, key=lambda name: (level[name], name), default=None)


def _scores(group: pd.DataFrame, gaps: pd.DataFrame) -> dict[str, float]:
    strata = families(group.groupby("instance_sha256")[["suite", "instance"]].first().loc[gaps.columns])
    values = gaps.to_numpy()
    scores: dict[str, float] = {}
    for name, trim in (("mean", 0.0), ("iqm", 0.25)):
        low, high = bootstrap_interval(values, strata, trim)
        scores |= {f"{name}_gap": float(trimmed_mean(values[~np.isnan(values)], trim)), f"{name}_gap_low": low, f"{name}_gap_high": high}
    return scores


def _improvement(gaps: pd.DataFrame, rival: pd.DataFrame | None) -> dict[str, float]:
    """Probability that a seed is better than a rival on an instance, with its interval."""
    shared = gaps.columns if rival is None else gaps.columns.intersection(rival.columns)
    if rival is None or shared.empty:
        return {"improvement": math.nan, "improvement_low": math.nan, "improvement_high": math.nan}
    mine, others = gaps[shared].to_numpy()[:, None], rival[shared].to_numpy()[None]
    difference = np.where(np.abs(mine - others) < NOISE, 0.0, mine - others)
    counts = (~np.isnan(difference)).sum(axis=1)
    better = ((difference < 0) + 0.5 * (difference == 0)).sum(axis=1)
    wins = np.where(counts > 0, better / np.maximum(counts, 1), np.nan)
    low, high = bootstrap_interval(wins, trim=0.0)
    return {"improvement": float(np.nanmean(wins)), "improvement_low": low, "improvement_high": high}


def _constraint(group: pd.DataFrame) -> dict[str, float]:
    value, limit = group["limited_value"].astype(float), group["limited_limit"].astype(float)
    if limit.isna().all():
        return dict.fromkeys(("limited_value", "limited_limit", "limited_price", "violating", "worst_excess"), math.nan)
    beyond = value / limit - 1.0
    return {
        "limited_value": float(value.mean()),
        "limited_limit": float(limit.mean()),
        "limited_price": float(group.groupby("instance_sha256")["limited_price"].first().astype(float).mean()),
        "violating": float((~(beyond <= WITHIN)).mean()),
        "worst_excess": float(beyond.clip(lower=0.0).where(beyond.isna() | (beyond > WITHIN), 0.0).max()),
    }


def _break_even(agent: pd.DataFrame, solver: pd.DataFrame) -> float:
    """Number of instances after which training is paid for; both times are means over the instances that both ran on."""
    times = [runs.groupby("instance_sha256")["cpu_seconds"].mean() for runs in (agent, solver)]
    both = times[0].index.intersection(times[1].index)
    saved = float(times[1][both].mean() - times[0][both].mean())
    training = float(agent.groupby("algorithm")["training_cpu_seconds"].first().mean())
    if math.isnan(saved) or math.isnan(training):
        return math.nan
    return training / saved if saved > 0 else math.inf


def display_agents(board: pd.DataFrame) -> pd.DataFrame:
    """The agents of one problem as text."""
    rows = [
        {
            "agent": row["agent"],
            "sees": row["sees"],
            "kind": row["kind"],
            "seeds": str(row["seeds"]) if row["kind"] == "learned" else "",
            "IQM gap, priced": percent(row["iqm_gap"]),
            "95 % interval": interval(row["iqm_gap_low"], row["iqm_gap_high"]),
            "better than rival": share(row["improvement"]),
            "limited": quantity(float(f"{row['limited_value']:.4g}")),
            "limit": quantity(row["limited_limit"]),
            "violating": share(row["violating"]),
            "worst excess": percent(row["worst_excess"]),
            "multiplier": quantity(float(f"{row['multiplier']:.3g}")),
            "decision p50": seconds(row["decision_latency_p50"]),
            "p95": seconds(row["decision_latency_p95"]),
            "training": seconds(row["training_cpu_seconds"]),
            "transitions": quantity(row["transitions"]),
            "break-even": quantity(math.ceil(row["break_even"]) if math.isfinite(row["break_even"]) else row["break_even"]),
        }
        for row in board.to_dict("records")
    ]
    return pd.DataFrame(rows)
