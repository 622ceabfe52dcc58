"""The demand of `options.py`, compiled: for searches that try hundreds of thresholds of an epoch. The answers are the same, bit for bit."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["demand"]


@njit(cache=True, error_model="numpy", nogil=True)
def demand(fixed: np.ndarray, shared: np.ndarray, least: np.ndarray, threshold: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Fewest multiprocessors of each edge at which each device costs at most a threshold, with the cut that needs so few.

    Parameters
    ----------
    fixed, shared
        a and b of each option, shape [M, N, K].
    least
        Fewest multiprocessors with which each option is in time, int64, shape [M, N, K].
    threshold
        T, of the cost.
    most
        L + 1, where no number suffices.

    Returns
    -------
    tuple
        w_mn and k, the lowest of equals, int64, shape [M, N] each.
    """
    devices, edges, cuts = fixed.shape
    fewest, cut = np.full((devices, edges), most), np.zeros((devices, edges), dtype=np.int64)
    for m in range(devices):
        for n in range(edges):
            for k in range(cuts):
                a, b, best = fixed[m, n, k], shared[m, n, k], fewest[m, n]
                if best <= 1 or least[m, n, k] >= best or not a + b / (best - 1) <= threshold:
                    continue  # no better than what is known
                fewest[m, n], cut[m, n] = max(_required(a, b, threshold, best - 1), least[m, n, k]), k
    return fewest, cut


@njit(cache=True, error_model="numpy", nogil=True)
def _required(a: float, b: float, threshold: float, enough: int) -> int:
    """Fewest multiprocessors at most so many that are known to suffice, by the evaluator's own comparison."""
    need = enough
    if threshold > a:
        need = min(max(int(min(np.ceil(b / (threshold - a)), float(enough))), 1), enough)
    if a + b / need <= threshold and (need == 1 or not a + b / (need - 1) <= threshold):
        return need
    low, need = 0, enough  # rounding has put the quotient off
    while need - low > 1:
        middle = (low + need) // 2
        if a + b / middle <= threshold:
            need = middle
        else:
            low = middle
    return need
