"""What a controller plans with in one slot: the tasks at hand, as far as they have come, and those that are to be expected.

A task under way is a shorter task: where it stands is its source, and its network are the layers that are left. So
pricing, master problem and column generation serve as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mecbench.problems.p1 import Instance
from mecbench.problems.p1.plans import Account, account
from mecbench.problems.p1.tables import Prices, Tables, tables
from mecbench.solvers.p1.pool import Pool

if TYPE_CHECKING:
    from mecbench.problems.p1.pricing import Priced

__all__ = ["Remainder", "Standing"]


class Standing(NamedTuple):
    """Where tasks stand: G groups of tasks that stand alike.

    Attributes
    ----------
    node
        Where the output of the layers done is held, int64, shape [G].
    slot, slots
        First slot that the tasks may use, and how many from there on; int64, shape [G].
    layers
        Layers done, int64, shape [G].
    spent
        What they have used of the deadline [s], shape [G].
    size
        How many tasks there are, or are to be expected; shape [G].
    """

    node: np.ndarray
    slot: np.ndarray
    slots: np.ndarray
    layers: np.ndarray
    spent: np.ndarray
    size: np.ndarray

    def followed_by(self, later: Standing) -> Standing:
        """These groups, then others."""
        return Standing(*map(np.concatenate, zip(self, later, strict=True)))


class _Stage(NamedTuple):
    """Groups that have equally many slots, layers and seconds left, and the tables in which they are whole tasks."""

    groups: np.ndarray
    layers: int
    tables: Tables


class Remainder(Pool):
    """Columns for what is left of tasks.

    A plan holds the K slots from the first one that its group may use; beyond the window the task stays where it is.

    Parameters
    ----------
    world
        The network; its trace is not read.
    availability
        Share of each node that is available in each slot, known or expected [%], int64, shape [M, H].
    standing
        The tasks.
    """

    def __init__(self, world: Instance, availability: np.ndarray, standing: Standing) -> None:
        known = tables(world)._replace(availability=availability.copy(), source=standing.node, release=standing.slot, size=standing.size)
        super().__init__(world, known)
        self._layers = standing.layers
        left = np.stack((standing.layers, standing.slots, standing.spent), axis=1)
        self._stages = []
        for alike in np.unique(left, axis=0):
            groups, layers = np.flatnonzero((left == alike).all(axis=1)), int(alike[0])
            rest = known._replace(
                window=int(alike[1]),
                cycles=np.ascontiguousarray(known.cycles[layers:, layers:]),
                hop_time=known.hop_time[layers:],
                deadline=known.deadline - float(alike[2]),
                source=standing.node[groups],
                release=standing.slot[groups],
                size=np.ones(groups.size, dtype=np.int64),
            )
            self._stages.append(_Stage(groups, layers, rest))

    def price(self, prices: Prices) -> Priced:
        """Cheapest choice of every group; all pay the same fees."""
        from mecbench.problems.p1.pricing import Priced, price

        count, window = self.tables.source.size, self.instance.window
        value, fail, exact = np.empty(count), np.empty(count, dtype=bool), np.empty(count, dtype=bool)
        plan = np.empty((count, 3, window), dtype=np.int64)
        for groups, layers, rest in self._stages:
            found = price(rest, prices._replace(row=np.zeros(groups.size, dtype=np.int64)))
            value[groups], fail[groups], exact[groups] = found.value, found.fail, found.exact
            plan[groups, :, : rest.window] = found.plan
            plan[groups, :2, rest.window :] = found.plan[:, :2, -1:]
            plan[groups, 2, rest.window :] = 0
            plan[groups, 1] += layers
        return Priced(value, fail, plan, exact)

    def _account(self, group: np.ndarray, plan: np.ndarray) -> Account:
        """What plans take and cost from where the tasks stand, as if a slot before had brought them there."""
        stand = np.stack((self.tables.source[group], self._layers[group], np.ones_like(group)), axis=1)
        node, layers, share = np.moveaxis(np.concatenate((stand[:, :, None], plan), axis=2), 1, 0)
        taken = account(self.instance, self.tables.source[group], node, layers, share)
        return Account(**{name: values[:, 1:] for name, values in vars(taken).items()})
