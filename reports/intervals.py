"""Robust means and their bootstrap intervals.

Sources: Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice" (2021), without its package; Owen, "The
pigeonhole bootstrap" (2007), for tables of seeds by instances.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["bootstrap_interval", "trimmed_mean"]

DRAWS = 20_000_000  # values drawn for one interval at most: with more than 10,000 values there are fewer resamples
LEAST_RESAMPLES = 200
BLOCK = 4_000_000  # resampled values held in memory at once


def trimmed_mean(values: np.ndarray, trim: float = 0.25) -> np.ndarray:
    """Mean of what is left after cutting a share (rounded down) of the values from either end.

    Parameters
    ----------
    values
        Shape [..., N], N >= 1.
    trim
        Share in [0, 1/2): 0 is the arithmetic mean, 1/4 the interquartile mean.

    Returns
    -------
    np.ndarray
        Shape [...]; equals ``scipy.stats.trim_mean(values, trim, axis=-1)``.
    """
    cut = int(trim * values.shape[-1])
    kept: np.ndarray = np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut]
    return np.asarray(kept.mean(axis=-1))


def bootstrap_interval(
    values: np.ndarray,
    strata: np.ndarray | None = None,
    trim: float = 0.25,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a trimmed mean by the stratified bootstrap.

    Each stratum is resampled with replacement to its own size, so that the mixture of strata, which was designed
    and not drawn, stays as it is. In a table of training seeds by instances both are resampled, the seeds as whole rows:
    what one seed learned badly it does badly everywhere, and cells resampled apart would average that away. More than 10,000
    values are resampled less often, never below 200 times: their interval is narrow, and so is its noise.

    Parameters
    ----------
    values
        Independent values, shape [N], N >= 1; or a row of them for each seed, shape [S, N], NaN where there is none.
    strata
        Label of the stratum of each of the N; one stratum by default.
    trim
        Share cut from either end, see `trimmed_mean`.
    confidence
        Coverage, e.g. 0.95.
    resamples
        Number of resamples.
    seed
        Same seed, same interval.

    Returns
    -------
    tuple of float
        Lower and upper end; both the value itself where N = S = 1, which says nothing about its spread.
    """
    table = np.atleast_2d(values)
    rows, columns = table.shape
    labels = np.zeros(columns, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1].astype(np.int64)
    flat = table.ravel()
    order = np.argsort(flat, kind="stable")[: np.count_nonzero(~np.isnan(flat))]  # NaN is last
    ranked, row, column = flat[order], order // columns, order % columns
    number = min(resamples, max(LEAST_RESAMPLES, DRAWS // flat.size))
    block = max(1, BLOCK // flat.size)
    of_rows = _counts(np.zeros(rows, dtype=np.int64).tobytes(), number, seed + 1, block)
    results = []
    for whole, counts in zip(of_rows, _counts(labels.tobytes(), number, seed, block), strict=True):
        # Of a resample only how often each value was drawn matters, and of a sorted one only the copies between the cuts.
        kept = np.take(counts, column, axis=1)
        if rows > 1:
            kept *= whole[:, row]
        if trim:
            ends = np.cumsum(kept, axis=1, out=kept)
            cut = np.floor(trim * ends[:, -1:])
            kept = np.diff(np.clip(ends, cut, ends[:, -1:] - cut, out=ends), axis=1, prepend=cut)
        with np.errstate(invalid="ignore"):  # a resample of empty cells alone has no mean
            results.append(kept @ ranked / kept.sum(axis=1, dtype=np.float64))
    # What rounding adds to a constant is no spread.
    means = np.concatenate(results).clip(ranked[0], ranked[-1])
    low, high = np.nanquantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _counts(strata: bytes, resamples: int, seed: int, block: int) -> list[np.ndarray]:
    """How often each value is drawn, blocks of shape [block, N]: the same for all algorithms that ran on the same instances."""
    labels = np.frombuffer(strata, dtype=np.int64)
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    random = np.random.Generator(np.random.PCG64(seed))
    blocks = []
    for start in range(0, resamples, block):
        number = min(block, resamples - start)
        counts = np.empty((number, labels.size), dtype=np.float32)
        for member in members:
            drawn = random.integers(0, member.size, (number, member.size), dtype=np.int32)
            drawn += np.arange(number, dtype=np.int32)[:, None] * member.size
            counts[:, member] = np.bincount(drawn.ravel(), minlength=number * member.size).reshape(number, member.size)
        blocks.append(counts)
    return blocks
