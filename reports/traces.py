"""Quality over time: the mean gap that algorithms had reached at each moment."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["gap_over_time"]


def gap_over_time(scored: pd.DataFrame, moments: np.ndarray) -> pd.DataFrame:
    """Mean gap to the certified bound of what each algorithm had in hand at given moments.

    Before its first feasible incumbent a run has a gap of 1, after its end it keeps its final gap; a failure has 1
    throughout. Instances count equally, and so do the seeds of an instance: the curve of an algorithm ends at its mean gap.

    Parameters
    ----------
    scored
        Scored runs of one problem, with a column ``trace`` of incumbents ``(seconds, objective, ...)`` where there are any.
    moments
        Times [s], increasing, shape [T].

    Returns
    -------
    pd.DataFrame
        Index algorithm, columns the moments, values in [0, 1].
    """
    algorithms, owner = np.unique(scored["algorithm"].to_numpy(dtype=str), return_inverse=True)
    seeds = scored.groupby(["algorithm", "instance_sha256"])["gap"].transform("size").to_numpy(float)
    instances = scored.groupby("algorithm")["instance_sha256"].transform("nunique").to_numpy(float)
    final, wall = scored["gap"].to_numpy(float), scored["wall_seconds"].fillna(np.inf).to_numpy(float)
    runs, times, objectives = _incumbents(scored)
    counts = (final < 1)[runs] & (times <= wall[runs])  # a failure's incumbents are void, and nothing is found after the end
    runs, times, objectives = runs[counts], times[counts], objectives[counts]
    bounds = scored["reference_bound"].to_numpy(float)[runs]
    with np.errstate(all="ignore"):
        gaps = np.abs(objectives - bounds) / np.maximum(np.abs(objectives), np.abs(bounds))
    gaps = np.where(objectives == bounds, 0.0, np.where(np.isfinite(gaps) & (objectives * bounds >= 0), gaps, 1.0))
    done = np.flatnonzero(final < 1)
    run = np.concatenate([runs, done])
    time = np.concatenate([times, np.maximum(wall[done], 0.0)])
    gap = np.concatenate([gaps, final[done]])
    last = np.concatenate([np.zeros(len(runs), dtype=int), np.ones(len(done), dtype=int)])
    order = np.lexsort((last, time, run))
    run, time, gap = run[order], time[order], gap[order]
    # Each incumbent changes the mean by its distance from the one before it, from its moment on.
    first = np.r_[True, run[1:] != run[:-1]] if run.size else np.zeros(0, dtype=bool)
    change = (gap - np.where(first, 1.0, np.r_[1.0, gap[:-1]])) / (seeds * instances)[run] if run.size else gap
    place = owner[run] * (len(moments) + 1) + np.searchsorted(moments, time, side="left")
    steps = np.bincount(place, weights=change, minlength=len(algorithms) * (len(moments) + 1)).reshape(len(algorithms), -1)
    means = (1.0 + np.cumsum(steps[:, :-1], axis=1)).clip(0.0, 1.0)
    return pd.DataFrame(means, index=pd.Index(algorithms, name="algorithm"), columns=moments)


def _incumbents(scored: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, time [s] and objective of every incumbent."""
    rows: list[int] = []
    times: list[float] = []
    objectives: list[float] = []
    for row, trace in enumerate(scored.get("trace", ())):
        if isinstance(trace, list | tuple):
            for point in trace:
                if point[1] is not None:
                    rows.append(row)
                    times.append(point[0])
                    objectives.append(point[1])
    return np.array(rows, dtype=int), np.array(times, dtype=float), np.array(objectives, dtype=float)
