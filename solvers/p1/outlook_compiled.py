"""The outlook of an answer, compiled.

Numba compiles on first use and keeps the result on disk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import NODE_FEATURES, SHARED_FEATURES, TASK_FEATURES

__all__ = ["Prospects", "look"]

_FREE, _SLOT = NODE_FEATURES.index("free"), SHARED_FEATURES.index("slot")
_ACTIVE, _NODE, _DONE, _SLOTS_LEFT, _SECONDS_LEFT = (
    TASK_FEATURES.index(name) for name in ("active", "node", "layers_done", "slots_left", "seconds_left")
)
_NOTHING = 1e-9  # seconds in place of none


class Prospects(NamedTuple):
    """What is known of B episodes from the start; M nodes, L layers.

    Attributes
    ----------
    waiting
        Factor of what is put off.
    window
        K.
    penalty, slots, arrivals
        Of a lost task; H, int64; tasks to be expected in a slot; shape [B].
    direct, any_way
        Cost of the way to the server after l layers, in one hop, or in at most two, shape [B, M, L + 1].
    rest
        Gigacycles left after l layers, shape [B, L + 1].
    energy, time, best
        Weighted energy and time of a gigacycle at one per cent, and the share at which it costs least, shape [B, M].
    most
        Largest share of a node to be expected, shape [B].
    one_second
        Share that does the rest in a second [%], shape [B, M, L + 1].
    """

    waiting: float
    window: int
    penalty: np.ndarray
    slots: np.ndarray
    arrivals: np.ndarray
    direct: np.ndarray
    any_way: np.ndarray
    rest: np.ndarray
    energy: np.ndarray
    time: np.ndarray
    best: np.ndarray
    most: np.ndarray
    one_second: np.ndarray


@njit(cache=True, error_model="numpy")
def look(
    known: Prospects, asked: np.ndarray, nodes: np.ndarray, agents: np.ndarray, shared: np.ndarray, toll: np.ndarray, future: np.ndarray
) -> None:
    """Write what `Estimate.look` returns.

    Parameters
    ----------
    known
        Of the episodes.
    asked
        Row of each asked task, shape [B, 7].
    nodes, agents, shared
        Of the observation.
    toll, future
        Shapes [B, M] and [B, M, L + 1].
    """
    count, ends = future.shape[1:]
    at_server = np.empty(ends)
    for b in range(asked.shape[0]):
        penalty, later = known.penalty[b], known.slots[b] - shared[b, _SLOT]
        active = agents[b, :, _ACTIVE].sum()
        crowd = max(active + known.arrivals[b] * max(later - known.window, 0.0), 1.0)
        room = nodes[b, SERVER, _FREE] + max(later - 1.0, 0.0)
        worth = known.time[b, SERVER] * known.rest[b, 0] / min(max(100.0 * room / crowd, 1.0), 100.0) ** 2
        for done in range(ends):
            at_server[done] = 2.0 * np.sqrt(known.time[b, SERVER] * worth * known.rest[b, done])
        # One more task costs twice what it pays for itself, as it slows all others; those cost what they would among themselves.
        alone = 0.5 * (crowd - 1.0) / crowd
        others = 0.0
        for m in range(1, count):
            others += min(alone * at_server[0] + known.any_way[b, m, 0], penalty)
        others *= (crowd - active) / (count - 1)
        for q in range(agents.shape[1]):
            if agents[b, q, _ACTIVE] > 0:
                done = int(agents[b, q, _DONE])
                others += min(alone * at_server[done] + known.any_way[b, int(agents[b, q, _NODE]), done], penalty)
        done = int(asked[b, _DONE])
        others -= min(alone * at_server[done] + known.any_way[b, int(asked[b, _NODE]), done], penalty)
        slots, seconds = asked[b, _SLOTS_LEFT], max(asked[b, _SECONDS_LEFT], _NOTHING)
        for m in range(count):
            toll[b, m] = worth if m == SERVER else 0.0
            for done in range(ends - 1):
                own = penalty
                if slots > 1:
                    way = known.any_way[b, m, done] if slots > 2 else known.direct[b, m, done]
                    own = min(own, known.waiting * (at_server[done] + way))
                    least = known.one_second[b, m, done] / seconds
                    if m != SERVER and least <= known.most[b]:
                        used = min(max(known.best[b, m], least, 1.0), known.most[b])
                        own = min(own, known.rest[b, done] * (known.energy[b, m] * used**2 + known.time[b, m] / used))
                future[b, m, done] = own + others
            future[b, m, ends - 1] = others
