"""Enumeration of who offloads, for tiny instances: every assignment of channels planned, and company on a channel ruled out.

A device's plan depends on its own offloads only, so each device is planned once for each set of them. The Lagrangian of each at its own
prices bounds what it makes of them; what assignments do not cover, plans with two or more offloads on a channel, is bounded at
the prices of the relaxation. That neither rests on the other, nor on how channels are charged, is what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar, NamedTuple

import numpy as np

from mecbench.problems.cmg import SIZES, Instance, bound, generate
from mecbench.problems.cmg.certificate import battery_terms
from mecbench.problems.cmg.tables import tables
from mecbench.problems.errors import InputError
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.column_generation import Generation
from mecbench.solvers.cmg.duals import CELLS, Duals
from mecbench.solvers.cmg.plans import Plans, planning_tables
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Enumeration", "algorithms"]

MOST_ASSIGNMENTS = 100_000
TURNS = 10  # of plans and prices, for the relaxation
GENERATION = 0.5  # part of the time for the relaxation
SAFETY = 1e-9  # relative, by which bounds are raised against rounding
SOLVED = 1e-7  # gap, relative, that counts as none


class _Device(NamedTuple):
    """What a device makes of a set of offloads, and what it makes of them at most."""

    worth: float
    most: float


class _Devices:
    """Devices planned so far, by their offloads."""

    def __init__(self, instance: Instance, plans: Plans) -> None:
        self._instance, self._plans, self._tables = instance, plans, tables(instance)
        self._known: dict[tuple[int, bytes], _Device] = {}

    def __len__(self) -> int:
        return len(self._known)

    def look_up(self, n: int, offload: np.ndarray) -> _Device:
        """Plan a device, unless it has been; offloads of shape [T, K]."""
        key = n, offload.tobytes()
        if key not in self._known:
            plans = self._plans
            plans.offload[n] = offload
            plans.replan(np.array([n]))
            self._known[key] = _Device(float(plans.worth[n]), self._most(n))
        return self._known[key]

    def _most(self, n: int) -> float:
        from mecbench.solvers.cmg.local_search_compiled import promises

        instance, plans = self._instance, self._plans
        limit = plans.eta - plans.later
        if instance.limit == "average":
            limit = np.broadcast_to(limit.min(axis=1, keepdims=True), limit.shape)
        duals = Duals.of_prices(instance, plans.later, limit, np.zeros(instance.gain.shape[1:]))
        value = promises(self._tables, n, plans.offload[n], duals.energy[n], np.empty(instance.gain.shape[1:]))
        priced = (
            duals.limit[n] * self._tables.energy_limit,
            duals.balance[n] * (instance.harvest[n] + self._tables.energy_tolerance),
            duals.battery[n] * self._tables.energy_tolerance,
            battery_terms(instance, duals.balance, duals.battery)[n],
        )
        start = (duals.balance[n, 0] + duals.battery[n, 0]) * instance.battery[n]
        return float(value + start + sum(term.sum() for term in priced))


@dataclass(frozen=True)
class Enumeration:
    """All assignments of channels to devices, for tiny instances."""

    name: ClassVar[str] = "enumeration"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile all kernels."""
        self.solve(generate(SIZES["tiny-scarce"], 0), Budget(600.0), 0)  # ends at once, but for compiling

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance; the bound is the solver's word.

        Raises
        ------
        InputError
            If there are too many assignments, or security depends on power.
        """
        from mecbench.problems.cmg.pricing import company

        if instance.eavesdropper_power == "const":
            raise InputError(
                "field eavesdropper_power: expected signal, as security else depends on powers that are not enumerated, found const"
            )
        plans = Plans(instance, planning_tables(instance))
        devices, slots, chunks = instance.gain.shape
        secure = plans.tables.tightness > 0.0
        options = [[-1, *np.flatnonzero(secure[:, t, k]).tolist()] for t in range(slots) for k in range(chunks)]
        count = float(np.prod([float(len(option)) for option in options]))
        if count > MOST_ASSIGNMENTS:
            raise InputError(f"instance: expected at most {MOST_ASSIGNMENTS} assignments of channels to enumerate, found {count:.3g}")

        def left(part: float = 1.0) -> float:
            return budget.remaining - (1.0 - part) * budget.time_limit

        generation = Generation(instance)
        alternation = Alternation(instance, plans.copy())
        alternation.run(TURNS, lambda: left(GENERATION), generation.price)
        generation.run(lambda: left(GENERATION), lambda value: budget.report(bound=value))
        assert generation.duals is not None
        duals = generation.duals
        root = bound(instance, duals.certificate())
        together = root + float(company(tables(instance), duals.energy, duals.channel, CELLS).max())

        known, best, most, complete = _Devices(instance, plans), alternation.plans, -np.inf, True
        place = np.arange(devices)[:, None]
        for owners in product(*options):
            if left() <= 0.02 * budget.time_limit:
                complete = False
                break
            offload = (place == np.array(owners)).reshape(devices, slots, chunks)
            found = [known.look_up(n, offload[n]) for n in range(devices)]
            most = max(most, sum(device.most for device in found))
            if sum(device.worth for device in found) > best.value:
                best = Plans(instance, plans.tables)
                best.assign(offload)
                budget.report(best.solution())
        proven = min(root, max(most, together) + SAFETY * abs(root)) if complete else root
        optimal = proven - best.value <= SOLVED * abs(proven)
        metrics = {"assignments": count, "plans": float(len(known)), "gap": (proven - best.value) / abs(proven)}
        return Outcome(best.solution(), proven, None, "optimal" if optimal else "feasible", metrics)


algorithms = (Enumeration,)
