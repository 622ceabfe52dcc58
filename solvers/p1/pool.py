"""Plans that have been met, with what each costs and uses: the columns of master problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p1 import Instance, Solution
from mecbench.problems.p1.plans import Account, account, assign_subcarriers
from mecbench.problems.p1.tables import Prices, Tables, tables

if TYPE_CHECKING:
    from mecbench.problems.p1.pricing import Priced

__all__ = ["Pool", "solution_of"]


class Pool:
    """Distinct plans of groups of tasks; lists by column.

    Capacities are numbered: share of node n in slot t is n H + t, hops in slot t are M H + t.

    Attributes
    ----------
    instance, tables
        The instance.
    capacity
        Right-hand sides, shape [(M + 1) H].
    group, plan, cost
        Group; node, layers done and share of the slots, int64 [3, K]; cost (6).
    uses
        Capacities that a plan takes of, with how much.

    Parameters
    ----------
    instance
        The instance.
    known
        Other groups and availability than its own.
    """

    def __init__(self, instance: Instance, known: Tables | None = None) -> None:
        self.instance, self.tables = instance, tables(instance) if known is None else known
        hops = np.full(instance.slots, float(instance.subcarriers))
        self.capacity = np.concatenate((self.tables.availability.ravel().astype(float), hops))
        self.group: list[int] = []
        self.plan: list[np.ndarray] = []
        self.cost: list[float] = []
        self.uses: list[dict[int, float]] = []
        self._number: dict[tuple[int, bytes], int] = {}

    def __len__(self) -> int:
        return len(self.group)

    def price(self, prices: Prices) -> Priced:
        """Cheapest choice of every group."""
        from mecbench.problems.p1.pricing import price

        return price(self.tables, prices)

    def _account(self, group: np.ndarray, plan: np.ndarray) -> Account:
        """What plans take and cost."""
        return account(self.instance, self.tables.source[group], plan[:, 0], plan[:, 1], plan[:, 2])

    def add(self, group: np.ndarray, plan: np.ndarray) -> np.ndarray:
        """Numbers of the columns of plans, those that are new at the end; int64, shape [C].

        Parameters
        ----------
        group, plan
            Shapes [C] and [C, 3, K]; plans that complete.
        """
        taken = self._account(group, plan)
        slots = self.instance.slots
        numbers = []
        for c, g in enumerate(group.tolist()):
            key = g, plan[c].tobytes()
            if key not in self._number:
                self._number[key] = len(self.group)
                uses: dict[int, float] = {}
                for k in range(self.instance.window):
                    t = int(self.tables.release[g]) + k
                    if taken.block[c, k]:
                        uses[int(plan[c, 0, k]) * slots + t] = float(plan[c, 2, k])
                    if taken.hop[c, k]:
                        uses[self.instance.nodes * slots + t] = 1.0
                self.group.append(g)
                self.plan.append(plan[c].copy())
                self.cost.append(float(taken.cost[c]))
                self.uses.append(uses)
            numbers.append(self._number[key])
        return np.array(numbers, dtype=np.int64)

    def assign(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give each column to a task of its group; the others fail.

        Parameters
        ----------
        columns
            Numbers, repeated as often as taken; int64, at most as many of a group as it has tasks.

        Returns
        -------
        tuple[np.ndarray, np.ndarray]
            Who is given up, and all plans, shapes [Q] and [Q, 3, K].
        """
        instance, of_task = self.instance, self.instance.groups.of_task
        fail = np.ones(instance.tasks, dtype=bool)
        plan = np.zeros((instance.tasks, 3, instance.window), dtype=np.int64)
        waiting = [np.flatnonzero(of_task == g).tolist() for g in range(self.tables.size.size)]
        for c in columns.tolist():
            q = waiting[self.group[c]].pop(0)
            fail[q], plan[q] = False, self.plan[c]
        return fail, plan


def solution_of(instance: Instance, fail: np.ndarray, plan: np.ndarray) -> Solution:
    """Solution of one plan per task.

    Parameters
    ----------
    instance, fail, plan
        The instance, who is given up [Q], and the plans [Q, 3, K], of which those of failing tasks are not read.
    """
    node = np.where(fail[:, None], instance.source[:, None], plan[:, 0])
    layers, share = (np.where(fail[:, None], 0, plan[:, i]) for i in (1, 2))
    return Solution(fail=fail, node=node, layers_done=layers, share=share, subcarrier=assign_subcarriers(instance, node))
