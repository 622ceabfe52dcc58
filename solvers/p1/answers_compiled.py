"""What answers cost, compiled: `answers.values` for NumPy.

Numba compiles on first use and keeps the result on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.layout import LARGEST_SHARE

__all__ = ["values"]


@njit(cache=True)
def values(mask: np.ndarray, prices: np.ndarray, work: np.ndarray, future: np.ndarray, impossible: float) -> np.ndarray:
    """As `answers.values`, of the type of the prices."""
    rows, count, _ = prices.shape
    layers = work.shape[1]
    found = np.full((rows, count, layers * LARGEST_SHARE + 1), impossible, dtype=prices.dtype)
    each = np.empty(LARGEST_SHARE)
    for b in range(rows):
        for k in range(count):
            hop, energy, time, toll = prices[b, k, 0], prices[b, k, 1], prices[b, k, 2], prices[b, k, 3]
            most = int(mask[b, k, layers + 1])
            if mask[b, k, 0] > 0:
                found[b, k, 0] = -hop - future[b, k, 0]
            for x in range(1, most + 1):
                each[x - 1] = energy * x * x + time / x
            for j in range(layers):
                least, ended, cycles = int(mask[b, k, j + 1]), -hop - future[b, k, j + 1], work[b, j]
                if least > 0:
                    shares = found[b, k, j * LARGEST_SHARE : (j + 1) * LARGEST_SHARE + 1]
                    for x in range(least, most + 1):
                        shares[x] = ended - cycles * each[x - 1] - toll * x
    return found
