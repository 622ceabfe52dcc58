"""Plans of one group that no other of its plans beats or equals in cost and in all that is used, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["undominated"]


@njit(cache=True, error_model="numpy")
def undominated(node: np.ndarray, share: np.ndarray, hop: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Whether each plan stays; bool, shape [C].

    Of equals the first stays.

    Parameters
    ----------
    node, share, hop
        Node, share and whether there is a hop, by plan and slot, the plans in the order of cost; int64, int64 and bool, shape [C, K].
    kind
        Plans are compared with those of the same kind; int64, shape [C].
    """
    plans, window = node.shape
    stays = np.zeros(plans, dtype=np.bool_)
    kept = np.empty(plans, dtype=np.int64)
    count = 0
    for c in range(plans):
        beaten = False
        for i in range(count):
            other = kept[i]
            if kind[other] != kind[c]:
                continue
            beaten = True
            for k in range(window):
                uses = share[other, k] > 0 and (share[other, k] > share[c, k] or node[other, k] != node[c, k])
                if uses or (hop[other, k] and not hop[c, k]):
                    beaten = False
                    break
            if beaten:
                break
        if not beaten:
            stays[c] = True
            kept[count] = c
            count += 1
    return stays
