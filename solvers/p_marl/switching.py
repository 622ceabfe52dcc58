"""The second stage of an epoch: among decisions of about the least worst cost, those with the fewest switches.

Nobody but the worst device feels a switch in a max-min objective, so decisions that look at the epoch alone switch freely; what they waste
is paid later, when the devices that it moved are the worst.
"""

from __future__ import annotations

import time

import numpy as np

from mecbench.solvers.p_marl.epoch import Decisions, Epoch, Packing
from mecbench.solvers.p_marl.feasibility import decide

__all__ = ["fewest_switches"]

SEARCH = 0.5  # part of the time after which local search leaves the rest to HiGHS
ROUNDS = 40  # of sending devices home
MOVES = 200  # of the tabu search in each
GROWTH, SHRINKAGE = 1.5, 0.7  # of the part that is sent home, after a round that helped and one that did not
DEAR = 50.0  # multiprocessors that a switch counts as beside the overload that it removes
LEAST_SECONDS = 0.05  # for which HiGHS is begun


def fewest_switches(epoch: Epoch, previous: np.ndarray, decisions: Decisions, threshold: float, seconds: float, seed: int) -> Decisions:
    """Decisions with as few switches as are found, of at most a threshold; those given if there are none better.

    All or some of the devices that switch are sent home, and tabu search moves whom it must; HiGHS improves on that, or proves that
    nobody can.

    Parameters
    ----------
    epoch
        The epoch.
    previous
        u of the epoch before, shape [M], -1 for none.
    decisions
        Decisions whose cost is at most the threshold.
    threshold
        T.
    seconds
        Time limit [s]; what little is done without any keeps the given edges.
    seed
        Of tabu search and HiGHS.
    """
    packing = epoch.packing(threshold)
    if not packing.rest.size:
        return epoch.decide(epoch.attach(packing, np.empty(0, dtype=np.int64))) or decisions
    switch = _switches(packing, previous)
    # Whoever is on an edge now has to be: others than those of the packing are local at the threshold.
    best = decisions.edge[packing.rest] - 1
    until = time.monotonic() + seconds
    best = _send_home(packing, switch, best, until - (1.0 - SEARCH) * seconds, seed)
    unavoidable = float(switch.min(axis=1).sum())
    left = until - time.monotonic()
    if _total(switch, best) > unavoidable and left > LEAST_SECONDS:
        verdict = decide(packing, switch, left, seed, best)
        if verdict.edge is not None and _total(switch, verdict.edge) < _total(switch, best):
            best = verdict.edge
    return epoch.decide(epoch.attach(packing, best)) or decisions


def _send_home(packing: Packing, switch: np.ndarray, edge: np.ndarray, until: float, seed: int) -> np.ndarray:
    """Edges with fewer switches, by local search from edges that fit, shape [R]."""
    from mecbench.solvers.p_marl.packing_compiled import repair

    draws, random = np.random.RandomState(seed % 2**32), np.array([2 * seed + 0x9E3779B97F4A7C15], dtype=np.uint64)
    home, every, part = switch.argmin(axis=1), np.arange(edge.size), 1.0
    for _ in range(ROUNDS):
        away = np.flatnonzero(switch[every, edge] > switch[every, home])
        if not away.size or time.monotonic() >= until:
            break
        tried = edge.copy()
        sent = draws.choice(away, max(1, round(part * away.size)), replace=False)
        tried[sent] = home[sent]
        fits = repair(packing.weight, DEAR * switch, packing.capacity, tried, MOVES, random) == 0
        helped = fits and _total(switch, tried) < _total(switch, edge)
        edge, part = (tried, min(1.0, GROWTH * part)) if helped else (edge, SHRINKAGE * part)
    return edge


def _switches(packing: Packing, previous: np.ndarray) -> np.ndarray:
    """Whether each pair is a switch, as 0 or 1, shape [R, N]; infinite for impossible ones."""
    before = previous[packing.rest, None]
    switch = (before != np.arange(1, packing.weight.shape[1] + 1)) & (before >= 0)
    return np.where(packing.possible, switch.astype(float), np.inf)


def _total(switch: np.ndarray, edge: np.ndarray) -> float:
    return float(switch[np.arange(edge.size), edge].sum())
