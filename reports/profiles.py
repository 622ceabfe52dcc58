"""Curves over runs: performance profiles and distributions of the gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["gap_distribution", "performance_profile"]

FLOOR = 1e-3  # shorter times [s] are not told apart: they measure the machine, not the method


def performance_profile(scored: pd.DataFrame, target: float = 1e-3) -> pd.DataFrame:
    """Dolan-Moré profile: share of runs solved within a multiple of the fastest algorithm's time.

    Source: Dolan and Moré, "Benchmarking optimization software with performance profiles" (2002).

    Parameters
    ----------
    scored
        Scored runs. An algorithm's run meets the others on the same instance with the same seed; where an algorithm
        has no run it counts as unsolved.
    target
        A run is solved if it ended within its limit with a gap of at most this to the best known objective.

    Returns
    -------
    pd.DataFrame
        ``algorithm``, ``ratio`` >= 1 and ``share`` of all (instance, seed) pairs: one row per step of each curve,
        in order. Every algorithm has a first row at ratio 1.
    """
    time = scored["seconds"].clip(lower=FLOOR).where(scored["solved"] & (scored["gap_to_best"] <= target), np.inf)
    table = scored.assign(time=time).pivot_table(
        index=["instance_sha256", "seed"], columns="algorithm", values="time", aggfunc="min", fill_value=np.inf
    )
    fastest = table.min(axis=1)
    curves = []
    for algorithm in table:
        solved = np.isfinite(table[algorithm])
        ratios = np.sort((table[algorithm] / fastest)[solved].to_numpy())
        steps, counts = np.unique(np.concatenate(([1.0], ratios)), return_counts=True)
        shares = (np.cumsum(counts) - 1) / max(1, len(table))
        curves.append(pd.DataFrame({"algorithm": algorithm, "ratio": steps, "share": shares}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=["algorithm", "ratio", "share"])


def gap_distribution(scored: pd.DataFrame, levels: tuple[float, ...] = (0.0, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.25, 0.5)) -> pd.DataFrame:
    """Share of each algorithm's runs whose certified gap is at most each level.

    Returns
    -------
    pd.DataFrame
        Index algorithm, columns the levels, values in [0, 1]; level 0 takes rounding noise up to 1e-9.
    """
    columns = {level: scored["gap"].le(max(level, 1e-9)).groupby(scored["algorithm"]).mean() for level in levels}
    return pd.DataFrame(columns)
