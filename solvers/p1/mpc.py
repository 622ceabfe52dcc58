"""Model predictive control: in every slot plan all tasks at hand, and as many to come as are expected, and do the first slot of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p1 import Instance
from mecbench.problems.p1.tables import plain_prices
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.master import take
from mecbench.solvers.p1.remainder import Remainder, Standing
from mecbench.solvers.p1.rules import IDLE, Answer, Rule, Seen

__all__ = ["HiddenLoadControl", "PredictiveControl", "algorithms"]

LEVELS = tuple(np.geomspace(0.2, 5.0, 8).tolist())  # of the prices, in parts of the duals, at which further plans are sought
MIP_GAP = 1e-3
MOST_NODES = 20


@dataclass
class PredictiveControl(Rule):
    """Column generation on the tasks at hand and the mean of what is to come, then the best plans of those at hand.

    The expected arrivals of a device in a coming slot are a group of lambda tasks, of which a part may take each plan. Tasks at
    hand take one each: the restricted master problem is solved with their columns integer and those of expected tasks
    continuous. So what is left for later is worth what expected tasks would pay for it, however much is taken. Nothing is
    a commitment: the next slot plans what is left of all tasks anew, with the plans of this one among the columns.

    Loads beyond those that are shown are expected at their mean. Nothing is random.

    Levels, gap and number of nodes were chosen on validation instances of the seeds 10000 to 10039; no test instance was used.
    There the mean of drawn futures, in place of the law's, was no better: worse with two draws, equal with eight.
    """

    name: ClassVar[str] = "mpc"
    kind: ClassVar[Kind] = "controller"
    sees: ClassVar[Sees] = "forecast"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)
    forecast: ClassVar[bool] = True
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({"forecast": True})

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is planned yet."""
        super().reset(static, batch, seed)
        self._availability = [world.availability.copy() for world in self._worlds]
        self._plans: list[dict[int, np.ndarray]] = [{} for _ in self._worlds]

    def _begin(self, row: int, seen: Seen) -> None:
        window = self._availability[row][:, seen.slot : seen.slot + seen.availability.shape[1]]
        window[:] = seen.availability[:, : window.shape[1]]
        self._plans[row] = self._plan(self._worlds[row], self._availability[row], seen, self._plans[row])

    def _answer(self, row: int, seen: Seen) -> Answer | None:
        task = seen.asked
        if task not in self._plans[row]:
            return IDLE
        node, end, share = self._plans[row][task][:, 0].tolist()
        return node, end if end > seen.layers_done[task] else 0, share

    @staticmethod
    def _plan(world: Instance, availability: np.ndarray, seen: Seen, before: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Plans of the tasks at hand from this slot on, by number; those without one are given up for now."""
        active = np.flatnonzero(seen.active)
        stand = np.stack((seen.node, seen.layers_done, seen.slots_left, world.deadline - seen.seconds_left), axis=1)[active]
        alike, group = np.unique(stand, axis=0, return_inverse=True)
        at_hand = Standing(
            node=alike[:, 0].astype(np.int64),
            slot=np.full(len(alike), seen.slot),
            slots=alike[:, 2].astype(np.int64),
            layers=alike[:, 1].astype(np.int64),
            spent=alike[:, 3],
            size=np.bincount(group.ravel(), minlength=len(alike)).astype(float),
        )
        remainder = Remainder(world, availability, at_hand.followed_by(_expected(world, seen.slot)))
        for task, g in zip(active.tolist(), group.ravel().tolist(), strict=True):
            if task in before:
                remainder.add(np.array([g]), _rest(before[task])[None])
        generation = Generation(remainder)
        generation.run(lambda: np.inf, lambda bound: None)
        price, slots = generation.duals.price, world.slots
        whole = np.arange(remainder.tables.size.size) < len(alike)
        for level in LEVELS:
            prices = plain_prices(remainder.tables, level * price[:-slots].reshape(availability.shape), level * price[-slots:])
            found = remainder.price(prices)
            chosen = np.flatnonzero(whole & ~found.fail)
            remainder.add(chosen, found.plan[chosen])
        times, _ = take(remainder, np.arange(len(remainder)), whole, MIP_GAP, most_nodes=MOST_NODES)
        if times is None:
            return {task: _rest(plan) for task, plan in before.items()}
        waiting = [active[group.ravel() == g].tolist() for g in range(len(alike))]
        plans: dict[int, np.ndarray] = {}
        for c in np.flatnonzero(times).tolist():
            if whole[g := remainder.group[c]]:
                plans |= {waiting[g].pop(): remainder.plan[c] for _ in range(int(times[c]))}
        return plans


def _rest(plan: np.ndarray) -> np.ndarray:
    """Plan from its second slot on."""
    stays = plan[:, -1:].copy()
    stays[2] = 0
    return np.concatenate((plan[:, 1:], stays), axis=1)


def _expected(world: Instance, slot: int) -> Standing:
    """Tasks to be expected after a slot: lambda of each device in each slot of arrivals."""
    slots = np.arange(slot + 1, world.arrival_slots)
    count = slots.size * world.devices
    return Standing(
        node=np.tile(np.arange(1, world.nodes), slots.size),
        slot=np.repeat(slots, world.devices),
        slots=np.full(count, world.window),
        layers=np.zeros(count, dtype=np.int64),
        spent=np.zeros(count),
        size=np.full(count, world.arrival_rate),
    )


@dataclass
class HiddenLoadControl(PredictiveControl):
    """The same without the forecast: of the coming slots' loads the mean is known."""

    name: ClassVar[str] = "mpc-hidden"
    sees: ClassVar[Sees] = "central"
    forecast: ClassVar[bool] = False
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({})


algorithms = (PredictiveControl, HiddenLoadControl)
