"""Robust means and their bootstrap intervals.

Source: Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice" (2021), without its package.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["bootstrap_interval", "interquartile_mean", "mean"]

BLOCK = 4_000_000  # resampled values held in memory at once


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Mean of what is left after cutting a quarter (rounded down) of the values from either end.

    Parameters
    ----------
    values
        Shape [..., N], N >= 1.

    Returns
    -------
    np.ndarray
        Shape [...]; equals ``scipy.stats.trim_mean(values, 0.25, axis=-1)``.
    """
    cut = values.shape[-1] // 4
    kept: np.ndarray = np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut]
    return np.asarray(kept.mean(axis=-1))


def mean(values: np.ndarray) -> np.ndarray:
    """Arithmetic mean over the last axis."""
    return np.asarray(values.mean(axis=-1))


def bootstrap_interval(
    values: np.ndarray,
    strata: np.ndarray | None = None,
    statistic: Callable[[np.ndarray], np.ndarray] = interquartile_mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a statistic by the stratified bootstrap.

    Each stratum is resampled with replacement to its own size, so that the mixture of strata, which was designed
    and not drawn, stays as it is.

    Parameters
    ----------
    values
        Independent values, shape [N], N >= 1.
    strata
        Label of each value's stratum, shape [N]; one stratum by default.
    statistic
        Maps [..., N] to [...].
    confidence
        Coverage, e.g. 0.95.
    resamples
        Number of resamples.
    seed
        Same seed, same interval.

    Returns
    -------
    tuple of float
        Lower and upper end; both the value itself where N = 1, which says nothing about its spread.
    """
    labels = np.zeros(values.size, dtype=int) if strata is None else np.unique(strata, return_inverse=True)[1]
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, BLOCK // values.size)
    results = []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = [values[member[random.integers(0, member.size, (count, member.size), dtype=np.int32)]] for member in members]
        results.append(statistic(np.concatenate(drawn, axis=-1)))
    low, high = np.quantile(np.concatenate(results), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
