"""Descent of the relaxation in the prices of energy limits and channels, without a master problem: for horizons at which that is slow.

Steps along deflected subgradients aim at a level below the best value (Polyak), whose distance grows while it is reached and shrinks while
it is not; after each stage they start again from the best prices. A price of energy moves by what the energy responds to it, which is about
in inverse proportion, so all prices move alike. What a joule is worth later stays as it was: there the relaxation is piecewise linear, and
subgradients lead nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.tables import Tables
from mecbench.solvers.cmg.duals import Duals, relaxed_value

__all__ = ["descend"]

STAGE = 20  # steps between two starts from the best prices
DISTANCE = 1e-3  # of the first level, relative
REACHED = 0.3  # of the distance that a stage must gain for it to grow
GROWTH, SHRINKAGE = 1.5, 0.6
SMALL = 1e-6  # relative distance at which the descent ends
DEFLECTION = 0.5  # of the last direction that the next one keeps
CHANNEL = 0.05  # of a channel's price, by which an offload too many raises it where a unit of energy does its own
LEAST_ENERGY = 0.05  # of a slot in its response, relative to the limit


def descend(instance: Instance, tables: Tables, start: Duals, left: Callable[[], float], report: Callable[[Duals, float], None]) -> None:
    """Descend while time is left and steps pay.

    Parameters
    ----------
    instance, tables
        The instance.
    start
        Prices to start from.
    left
        Seconds left.
    report
        Takes better prices, and their value.
    """
    from mecbench.problems.cmg.pricing import price

    best, lowest, distance = start, np.inf, np.inf
    while left() > 0 and not distance < SMALL * abs(lowest):
        duals, before = best, lowest
        direction: tuple[np.ndarray, np.ndarray] | None = None
        for _ in range(STAGE):
            found = price(tables, duals.energy, duals.channel)
            value = relaxed_value(instance, tables, duals, found)
            if value < lowest:
                best, lowest = duals, value
                report(best, value)
            if not np.isfinite(distance):
                before, distance = value, DISTANCE * abs(value)
            energy = found.energy.sum(axis=2)
            if instance.limit == "average":
                energy = np.broadcast_to(energy.mean(axis=1, keepdims=True), energy.shape)
            over, crowd = energy - tables.energy_limit, found.offload.sum(axis=0) - 1.0
            newest = np.where((duals.limit > 0.0) | (over > 0.0), over, 0.0), np.where((duals.channel > 0.0) | (crowd > 0.0), crowd, 0.0)
            kept = 0.0 if direction is None else DEFLECTION
            last = newest if direction is None else direction
            direction = kept * last[0] + (1.0 - kept) * newest[0], kept * last[1] + (1.0 - kept) * newest[1]
            response = instance.energy_weight / np.maximum(energy, LEAST_ENERGY * tables.energy_limit)
            if instance.limit == "slot":
                response *= 1.0 + duals.energy / instance.energy_weight
            norm = float((direction[0] ** 2 * response).sum() + CHANNEL * (direction[1] ** 2).sum())
            if norm <= 0.0:
                return
            step = (value - lowest + distance) / norm
            duals = duals._replace(
                limit=np.maximum(duals.limit + step * response * direction[0], 0.0),
                channel=np.maximum(duals.channel + step * CHANNEL * direction[1], 0.0),
            )
        distance *= GROWTH if before - lowest > REACHED * distance else SHRINKAGE
