"""Exact allocation of P-EDGE in polynomial time, batched.

The optimum of min max_m a_m + b_m / l_m over integers l >= 1 with sum l <= L is reached by giving one
multiprocessor at a time to the device that costs most: each row of costs is non-increasing in l, so the L - M
largest cells of the table are exactly those that greedy removes, and no allocation can remove larger ones. (The
paper calls the problem NP-hard "due to the fractional form"; only monotonicity matters.) Searching the threshold
T = max cost instead skips almost all of greedy's steps and carries its own proof: sum l(T) > L just below the
optimum.
"""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_edge.physics import cost

__all__ = ["allocate", "allocate_batch", "apportion", "required"]

BLOCK = 256  # rows that stay in cache together


def required(fixed: np.ndarray, shared: np.ndarray, threshold: float | np.ndarray, most: int | np.ndarray) -> np.ndarray:
    """Fewest multiprocessors with which each device costs at most a threshold, `most` where none suffices.

    Parameters
    ----------
    fixed, shared
        a and b, shape [..., M].
    threshold
        T, broadcast against [..., M].
    most
        Cap of the answer, usually L + 1, broadcast against [..., M].

    Returns
    -------
    np.ndarray
        int64, shape [..., M]; exact under the float expression of `physics.cost`.
    """
    slack = np.subtract(threshold, fixed)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        estimate = np.ceil(shared / slack)
    most = np.broadcast_to(np.asarray(most, dtype=np.int64), slack.shape)
    need = np.where(slack >= 0, np.clip(np.nan_to_num(estimate, nan=1.0), 1, most), most).astype(np.int64)
    # The quotient is rounded: settle the last unit with the evaluator's own comparison.
    need -= (need > 1) & (cost(fixed, shared, need - 1) <= threshold)
    need += (need < most) & (cost(fixed, shared, need) > threshold)
    off = ((need > 1) & (cost(fixed, shared, need - 1) <= threshold)) | ((need < most) & (cost(fixed, shared, need) > threshold))
    if off.any():  # costs that are flat to the last bit over more than one unit
        threshold, fixed, shared = np.broadcast_arrays(threshold, fixed, shared)
        need[off] = _bisect_required(fixed[off], shared[off], threshold[off], most[off])
    return need


def _bisect_required(fixed: np.ndarray, shared: np.ndarray, threshold: np.ndarray, most: np.ndarray) -> np.ndarray:
    low, high = np.zeros_like(most), most.copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = cost(fixed, shared, np.maximum(middle, 1)) <= threshold
        high = np.where(enough & (middle > low), middle, high)
        low = np.where(~enough & (middle > low), middle, low)
    return np.maximum(high, 1)
