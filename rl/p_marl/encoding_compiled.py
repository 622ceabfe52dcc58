"""What the network that scores edge by edge sees of each edge, compiled: what its cuts cost, who is remembered there, what may pay.

Numba compiles on first use and keeps the result on disk. Everything is computed in double precision and kept in single.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.rl.p_marl.encoding import CHARGE, CROWD, DEAREST, EFFICIENCY, OWN, Known

__all__ = ["describe"]


@njit(cache=True, error_model="numpy", nogil=True)
def describe(seen: np.ndarray, known: Known) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Describe rows and those of their edges that are worth a look.

    Parameters
    ----------
    seen
        Rows as `Sight` gives them, the number of devices per edge last, float32, shape [n, F].
    known
        See there.

    Returns
    -------
    tuple
        What is admitted, bool [n, 1 + N K]; edges that are scored, e of row r as N r + e, int64 [P]; numbers that describe these, of which
        the first K are prices of cuts, float32 [P, ...], and estimated costs of their cuts, float32 [P, K]; numbers that describe the row,
        float32 [n, 7], cost of local inference, float32 [n, 1], and what the state is valued by, float32 [n, 9].
    """
    number, edges, cuts, blocks = len(seen), known.edges, len(known.work), len(known.crowds)
    mask = np.zeros((number, 1 + edges * cuts), dtype=np.bool_)
    place = np.empty(number * edges, dtype=np.int64)
    told = np.empty((number * edges, 2 * cuts + blocks * (cuts + 1) + 4 + OWN), dtype=np.float32)
    costs = np.empty((number * edges, cuts), dtype=np.float32)
    own, alone, state = (
        np.empty((number, OWN), dtype=np.float32),
        np.empty((number, 1), dtype=np.float32),
        np.empty((number, OWN + 2), dtype=np.float32),
    )
    best, count = np.empty(edges), 0
    for n in range(number):
        each = seen[n]
        clock = min(max(each[0], known.slowest), 1.0)
        local = known.latency * clock**known.latency_exponent + known.energy * clock**known.energy_exponent
        even, cost = 1.0 + each[-1], min(max(each[known.last_cost], 0.0), DEAREST)
        begun = 0.0
        for edge in range(edges + 1):
            begun += each[known.previous + edge]
        first, least, evenly, nearest = count, local, np.inf, 0.0
        for edge in range(edges):
            efficiency = each[known.efficiency + edge]
            if not efficiency > 0.0:
                continue
            stays, useful = each[known.previous + 1 + edge], False
            line = told[count]
            for cut in range(cuts):
                fixed = known.share[cut] * local + known.switch_cost * (begun - stays) + known.sending[cut] / efficiency
                evenly = min(evenly, fixed + known.work[cut] * even / known.insistence)
                pays = fixed + known.work[cut] < local
                mask[n, 1 + edge * cuts + cut] = pays
                useful = useful or pays
                line[cut] = fixed
            if not useful:
                continue
            start = 2 * cuts
            others = each[-1]
            for block in range(blocks):
                total = load = 0.0
                for cut in range(cuts):
                    crowd = each[known.crowds[block] + edge * cuts + cut]
                    total, load = total + crowd, load + crowd * known.work[cut]
                    line[start + block * cuts + cut] = crowd / CROWD
                line[start + blocks * cuts + block] = load
                if block == blocks - 1 and (known.remembered == 2 or (known.remembered == 1 and begun > 0.0)):
                    others = total
            best[edge] = DEAREST
            for cut in range(cuts):
                price = min(max(line[cut] + known.work[cut] * (1.0 + known.crowding * others) - known.inertia * stays, 0.0), DEAREST)
                costs[count, cut] = price
                if mask[n, 1 + edge * cuts + cut]:
                    best[edge] = min(best[edge], price)
            start += blocks * (cuts + 1)
            line[start] = efficiency / EFFICIENCY
            line[start + 1] = stays
            line[start + 2] = stays * cost
            least = min(least, best[edge])
            place[count] = n * edges + edge
            count += 1
        mask[n, 0] = each[0] > 0.0 and evenly >= local
        own[n, 0], own[n, 1], own[n, 2] = each[0], each[known.battery] / CHARGE, local
        own[n, 3], own[n, 4], own[n, 5], own[n, 6] = cost, each[known.previous], begun, least
        scored = 0
        for index in range(first, count):
            line, edge = told[index], place[index] - n * edges
            for cut in range(cuts):
                line[cuts + cut] = costs[index, cut] - least
            line[-OWN - 1] = best[edge] - least
            line[-OWN:] = own[n]
            nearest += best[edge]
            scored += best[edge] < DEAREST
        alone[n, 0] = local
        state[n, :OWN] = own[n]
        state[n, OWN] = scored / edges
        state[n, OWN + 1] = (nearest + (edges - (count - first)) * DEAREST) / edges
    return mask, place[:count], told[:count], costs[:count], own, alone, state
