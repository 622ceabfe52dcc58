"""Performance profiles. A page computes its own, again for the algorithms shown; a test compares the two."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["FLOOR", "TARGET", "performance_profile"]

TARGET = 1e-3  # gap to the best known objective at which a run counts as solved
FLOOR = 1e-3  # shorter times [s] are not told apart: they measure the machine, not the method


def performance_profile(scored: pd.DataFrame, target: float = TARGET) -> pd.DataFrame:
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
