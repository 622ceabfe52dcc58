"""Decisions near a bound within tenths of a second, by annealing packings at ever lower thresholds; by effort, not by the clock."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mecbench.solvers.p_marl.epoch import Decisions, Epoch, Packing
from mecbench.solvers.p_marl.relaxation import regrets

__all__ = ["anneal", "approach", "compile_repacking", "seeded"]

FIRST = 3e-3  # relative, of the first threshold above the bound; raised by half until a packing is found
STEP = 0.6  # of the way from the bound to the cost, where the next threshold lies
NEARER = 0.7  # of what is left of that way, after a threshold that was not reached
MOVES = 20_000  # at each threshold
HEAT = 2.0, 0.2  # first and last temperature [multiprocessors]
PENALTY = 2.0  # of a missing multiprocessor
RADIUS = 4.0  # regret beyond which an edge is not tried [multiprocessors]


def approach(
    epoch: Epoch,
    bound: float,
    price: np.ndarray,
    known: Decisions | None,
    random: np.ndarray,
    *,
    gap: float,
    tries: int,
    over: Callable[[], bool],
) -> Decisions | None:
    """Look for decisions within a gap of a bound.

    Parameters
    ----------
    epoch
        The epoch.
    bound
        Lower bound on its worst cost.
    price
        y of the edges near the bound, shape [N].
    known
        Decisions to improve on, if there are any.
    random
        State of the generator, uint64, shape [1], as `seeded` makes it.
    gap
        Relative distance from the bound at which the search stops.
    tries
        Thresholds that are tried at most.
    over
        Whether the time is.

    Returns
    -------
    Decisions or None
        The best ones found; the known ones if there are none better.
    """
    best, found, part, above = known, False, STEP, FIRST
    for _ in range(tries):
        cost = math.inf if best is None else best.cost
        if cost <= bound * (1.0 + gap) or over():
            break
        goal = bound + part * (cost - bound) if found else bound * (1.0 + above)
        packing = epoch.packing(min(goal, epoch.ceiling, math.nextafter(cost, -math.inf)))
        better = _at(epoch, packing, price, best, random)
        if better is not None and better.cost < cost:
            best, found, part = better, True, STEP
        elif found:
            part = 1.0 - NEARER * (1.0 - part)
        else:
            above *= 1.5
    return best


def _at(epoch: Epoch, packing: Packing, price: np.ndarray, known: Decisions | None, random: np.ndarray) -> Decisions | None:
    """Decisions that keep to a threshold, if annealing finds a packing."""
    if not packing.rest.size or not packing.possible.any(axis=1).all():
        return epoch.decide(epoch.attach(packing, packing.weight.argmin(axis=1)))
    regret, _ = regrets(packing, price)
    cheapest = regret.argmin(axis=1)
    regret[regret > RADIUS] = np.inf
    regret[np.arange(cheapest.size), cheapest] = 0.0  # somebody may have been ruled out everywhere
    edge = cheapest if known is None else known.edge[packing.rest] - 1
    away = (edge < 0) | ~np.isfinite(regret[np.arange(edge.size), edge])
    edge = np.where(away, cheapest, edge)
    overload, _ = anneal(packing, regret, edge, MOVES, random, goal=math.inf)
    return epoch.decide(epoch.attach(packing, edge)) if overload == 0 else None


def anneal(
    packing: Packing,
    cost: np.ndarray,
    edge: np.ndarray,
    moves: int,
    random: np.ndarray,
    *,
    heat: tuple[float, float] = HEAT,
    goal: float = -math.inf,
) -> tuple[int, float]:
    """Anneal edges 0..N-1 of a packing in place; overload of the best found, and their cost.

    Costs are in multiprocessors, shape [R, N], infinite where a device may not go. The search stops once nothing is missing and they
    cost at most the goal.
    """
    from mecbench.solvers.p_marl.repacking_compiled import repack

    overload, least = repack(packing.weight, cost, packing.capacity, edge, moves, heat, PENALTY, goal, random)
    return overload, least


def seeded(seed: int) -> np.ndarray:
    """State of the compiled generators, uint64, shape [1]."""
    return np.array([2 * seed + 0x9E3779B97F4A7C15], dtype=np.uint64)


def compile_repacking() -> None:
    """Compile the kernel, or load it."""
    packing = Packing(np.zeros(1, dtype=np.int64), np.ones((1, 1), dtype=np.int64), 1)
    anneal(packing, np.zeros((1, 1)), np.zeros(1, dtype=np.int64), 1, seeded(0))
