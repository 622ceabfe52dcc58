"""Rules that plan a task's window when it is released, at what earlier tasks have left: LC3, greedy and fair greedy.

They know the availability of the coming slots, but no coming task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.tables import Tables, plain_prices, tables
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p1.rules import IDLE, Answer, Rule, Seen

__all__ = ["FairGreedy", "Greedy", "LocalWindow", "algorithms"]


@dataclass
class _Planner(Rule):
    """Each task, in order, takes the cheapest plan that fits and keeps to it; one without any is given up.

    Parameters
    ----------
    exact
        Whether the cheapest plan in time is found for certain. Otherwise it is the cheapest of those that the dynamic programme
        meets at the fixed multipliers on time, as the rules were measured; dearer plans, as a rule faster ones, leave more to others.
    """

    forecast: ClassVar[bool] = True
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({"forecast": True})
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "forecast"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    exact: bool = False

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is planned yet."""
        super().reset(static, batch, seed)
        self._tables = [self._tables_of(tables(world)) for world in self._worlds]
        self._availability = [np.zeros((world.nodes, world.slots), dtype=np.int64) for world in self._worlds]
        self._used = [np.zeros_like(availability) for availability in self._availability]
        self._hops = [np.zeros(world.slots, dtype=np.int64) for world in self._worlds]
        self._arrivals = [np.zeros(world.slots, dtype=np.int64) for world in self._worlds]
        self._plans: list[dict[int, np.ndarray]] = [{} for _ in self._worlds]

    def _tables_of(self, tables: Tables) -> Tables:
        """What plans may use."""
        return tables

    def _left(self, row: int, slot: int) -> np.ndarray:
        """Largest share of each node in each slot for a task that is released in this one [%], shape [M, H]."""
        return self._availability[row] - self._used[row]

    def _begin(self, row: int, seen: Seen) -> None:
        window = self._availability[row][:, seen.slot : seen.slot + self._layout.window]
        window[:] = seen.availability[:, : window.shape[1]]
        self._arrivals[row][seen.slot] = self._new(seen).sum()

    def _answer(self, row: int, seen: Seen) -> Answer | None:
        plans, window = self._plans[row], self._layout.window
        if seen.slots_left[seen.asked] == window:
            self._plan(row, seen)
        if seen.asked not in plans:
            return IDLE
        node, end, share = plans[seen.asked][:, window - seen.slots_left[seen.asked]].tolist()
        return node, end if end > seen.layers_done[seen.asked] else 0, share

    def _plan(self, row: int, seen: Seen) -> None:
        """Choose a plan for the asked task and reserve what it uses."""
        from mecbench.problems.p1.pricing import price

        slot, source = seen.slot, int(seen.source[seen.asked])
        asked = self._tables[row]._replace(
            availability=self._left(row, slot), source=np.array([source]), release=np.array([slot]), size=np.array([1])
        )
        # Where no subcarrier is free, a hop costs more than to give the task up.
        toll = np.where(self._hops[row] < self._worlds[row].subcarriers, 0.0, 2.0 * asked.penalty)
        prices = plain_prices(asked, np.zeros(asked.availability.shape), toll)
        found = price(asked, prices) if self.exact else price(asked, prices, most_labels=0)
        if found.fail[0]:
            return
        plan = found.plan[0]
        self._plans[row][seen.asked] = plan
        slots = slot + np.arange(plan.shape[1])
        self._used[row][plan[0], slots] += plan[2]
        self._hops[row][slots] += plan[0] != np.concatenate(([source], plan[0, :-1]))


@dataclass
class Greedy(_Planner):
    """Any nodes."""

    name: ClassVar[str] = "greedy"


@dataclass
class FairGreedy(_Planner):
    """Any nodes, but of the server in a slot no more than an equal part for as many tasks as it may be shared with.

    These are the tasks of the fullest slot of release, of those seen so far in whose window the slot lies.
    """

    name: ClassVar[str] = "fair-greedy"

    def _left(self, row: int, slot: int) -> np.ndarray:
        left = super()._left(row, slot)
        for t in range(slot, min(slot + self._layout.window, left.shape[1])):
            sharing = self._arrivals[row][max(0, t - self._layout.window + 1) : t + 1].max()
            left[SERVER, t] = min(left[SERVER, t], 100 // max(sharing, 1))
        return left


@dataclass
class LocalWindow(_Planner):
    """The source alone, over its window (LC3, the one to compare with the paper's LC)."""

    name: ClassVar[str] = "lc3"

    def _tables_of(self, tables: Tables) -> Tables:
        return tables._replace(first=np.zeros_like(tables.first), neighbour=tables.neighbour[:0])


algorithms = (LocalWindow, Greedy, FairGreedy)
