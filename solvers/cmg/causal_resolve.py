"""The causal classical reference: in every slot plan all that is left on what is expected, and do the first slot of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg.layout import Layout, Seen
from mecbench.problems.cmg.physics import uplink_rate
from mecbench.problems.cmg.tables import Tables
from mecbench.problems.cmg.worlds import Decisions, known
from mecbench.problems.task import Observation
from mecbench.solvers.cmg.plans import ROUNDS, planning_tables
from mecbench.solvers.outcome import Kind, Sees

if TYPE_CHECKING:
    from mecbench.solvers.cmg.completion_compiled import Batteries

__all__ = ["CausalResolve", "algorithms"]

SWEEPS = 3  # over the channels, at most
SLACK = 0.02  # by which promises may be too low, where frame rates leave a gap between a plan and its Lagrangian
GAIN = 1e-9  # least gain of a move
ROUNDING = 1e-9  # relative, by which less is spent than is allowed, as actions are rounded


# Of a device: worth, offloads, frame rates, and prices of energy without and with the limits of slots.
_Plan = tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass
class CausalResolve:
    """Every slot anew: each device's plan to the end, and the channels of the slot to those who gain most by them.

    The slot at hand has its true gains, estimates and harvest; all later ones are local. Plans are those of the clairvoyant
    search: the programme over frame rates and the convex completion in turn. What a device does in the slot leaves enough for the
    fallback ever after, whatever is harvested.

    A joule short below the reserve costs more than a joule left over is worth. So of what the next k slots harvest less than the
    mean is counted on, by ``caution`` standard deviations of their sum, under the widest uniform law that has the mean and the
    upper end that are known (with slots that harvest nothing, if need be). ``caution=0`` is the specification's rule: on
    scarce batteries it is twice as far from the bound. The default was chosen on instances of the seeds 10000 to 10005 of
    scarce and small-scarce; no test instance was used.

    Attributes
    ----------
    caution
        Standard deviations of what is harvested.
    """

    name: ClassVar[str] = "causal-resolve"
    kind: ClassVar[Kind] = "controller"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ()
    task_options: ClassVar[Mapping[str, Any]] = MappingProxyType({"see_eve": True})

    caution: float = 0.7
    _layout: Layout = field(init=False, repr=False)
    _static: dict[str, np.ndarray] = field(init=False, repr=False)
    _rests: list[_Rest] = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is random."""
        self._static, self._layout = static, Layout.of(static, see_eve=True)
        self._rests = [_Rest(world, self.caution) for world in known(static)]

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the slot at hand in every episode that goes on."""
        seen = self._layout.see(observation, self._static)
        shape = seen.gain.shape
        asked = Decisions(np.zeros(shape, dtype=bool), *(np.zeros(shape) for _ in range(4)))
        for row, rest in enumerate(self._rests):
            if observation["mask"][row].any():
                decided = rest.decide(Seen(*(values[row] for values in seen)))
                for values, mine in zip(asked, decided, strict=True):
                    values[row, : len(mine)] = mine
        return self._layout.ask(asked, self._static)


class _Rest:
    """What is left of an episode.

    Parameters
    ----------
    world
        What is known before the first slot.
    caution
        As in `CausalResolve`.
    """

    def __init__(self, world: Instance, caution: float) -> None:
        from mecbench.solvers.cmg.completion_compiled import batteries

        self._world, self._fields = world, world.model_dump()
        self._harvest = _counted_on(world, caution)
        self._tables, self._batteries = planning_tables(world), batteries(world)
        self._eta = np.zeros((world.devices, world.slots))
        self._spent = np.zeros(world.devices)

    def decide(self, seen: Seen) -> Decisions:
        """Plan from the slot at hand on, and say what to do in it; shapes [N, K]."""
        world, slot = self._world, int(seen.slot)
        plans = _RestPlans(*self._from(seen), self._energy_limit(slot), self._before(seen), self._eta[:, slot:])
        plans.assign()
        later = (world.slots - slot - 1) * world.chunks * world.fallback_energy
        eta = plans.within((1.0 - ROUNDING) * (seen.battery[: world.devices] - later))
        self._eta[:, slot:] = plans.eta
        self._spent += plans.spent(eta)
        return self._decisions(plans, eta)

    def _before(self, seen: Seen) -> np.ndarray:
        """Number of each frame rate of the slot before, -1 if there was none, shape [N, K]."""
        frames = np.rint(seen.last_frames[: self._world.devices]).astype(np.int64)
        return np.where(frames > 0, frames - self._world.least_frames, -1)

    def _energy_limit(self, slot: int) -> np.ndarray:
        """Limit of the energy of a slot, or of the average of those that are left [J], shape [N]."""
        world = self._world
        if world.limit == "slot":
            return np.full(world.devices, world.energy_limit)
        limit: np.ndarray = (world.slots * world.energy_limit - self._spent) / (world.slots - slot)
        return limit

    def _from(self, seen: Seen) -> tuple[Tables, Batteries]:
        """What is left, as it is expected, slot at hand first."""
        world, slot, devices = self._world, int(seen.slot), self._world.devices
        heard = seen.estimate[:devices, None]
        shown = {"gain": seen.gain[:devices, None], "eavesdropper_estimate": heard, "harvest": seen.harvest[:devices, None]}
        shown["eavesdropper_gain"] = np.clip(heard, np.finfo(float).tiny, world.eavesdropper_gain_law)  # any that it may come from
        now, later = planning_tables(Instance(**self._fields | shown)), self._tables.gain[:, slot + 1 :]
        left = world.slots - slot
        tables = self._tables._replace(
            weight=self._tables.weight[slot:],
            gain=np.concatenate((now.gain, later), axis=1),
            tightness=np.concatenate((now.tightness, np.full(later.shape, -1.0)), axis=1),
            leakage=np.concatenate((now.leakage, np.full(later.shape, -1.0)), axis=1),
        )
        harvest = np.concatenate((shown["harvest"], np.tile(self._harvest[: left - 1], (devices, 1))), axis=1)
        return tables, self._batteries._replace(start=seen.battery[:devices], harvest=harvest)

    def _decisions(self, plans: _RestPlans, eta: np.ndarray) -> Decisions:
        """Decisions of the slot at hand at its prices, shape [N]."""
        world, tables = self._world, plans.tables
        offload, gain = plans.offload[:, 0], tables.gain[:, 0]
        weight = (world.energy_weight + eta)[:, None]
        costs = world.delay_weight, weight, world.energy_coefficient
        frequency = forms.best_frequency(*costs, world.least_frequency, world.most_frequency[:, None])
        local = forms.local_cost(*costs, world.cycles_per_bit, frequency)
        power = forms.best_power(world.delay_weight, weight, gain, world.noise, world.least_power, world.most_power[:, None])
        rate = uplink_rate(world.bandwidth, power * gain, world.noise, np.zeros(()))
        sent = forms.offload_cost(world.delay_weight, weight, power, rate, world.cycles_per_bit / world.edge_frequency)
        frames = tables.frames[plans.frames[:, 0]]
        resolution = forms.best_resolution(
            world.accuracy_weight * tables.weight[0],
            world.accuracy_drop,
            world.accuracy_scale,
            np.where(offload, sent, local) * world.bits_per_pixel * frames,
            world.least_resolution,
            world.most_resolution,
        )
        return Decisions(offload, frames, resolution, np.broadcast_to(frequency, frames.shape), power)


def _counted_on(world: Instance, caution: float) -> np.ndarray:
    """Harvest that is counted on of the next slot, the one after it, ... [J], shape [T - 1]."""
    mean, most = world.mean_harvest, world.harvest_law
    # From 0 to the most in as many slots as give the mean, or in all from as much above 0 as gives it.
    variance = 2.0 * mean * most / 3.0 - mean * mean if 2.0 * mean <= most else (most - mean) ** 2 / 3.0
    slots = np.arange(world.slots)
    total = np.maximum.accumulate(np.maximum(slots * mean - caution * np.sqrt(slots * variance), 0.0))
    return np.diff(total)


class _RestPlans:
    """Plans of all devices for the slots that are left.

    Attributes
    ----------
    tables
        What is left, as it is expected, but for the energy limit of each device.
    offload, frames
        Whether each chunk is offloaded, and number of its frame rate; shape [N, T, K].
    eta
        Price of a joule in each slot, shape [N, T].
    """

    def __init__(self, tables: Tables, batteries: Batteries, energy_limit: np.ndarray, before: np.ndarray, eta: np.ndarray) -> None:
        self.tables = tables
        self._batteries, self._before = batteries, before
        self._own = [tables._replace(energy_limit=limit) for limit in energy_limit.tolist()]
        self.offload: np.ndarray = np.zeros(tables.gain.shape, dtype=bool)
        self.frames = np.zeros(tables.gain.shape, dtype=np.int64)
        self.eta, self._later = eta.copy(), np.zeros(eta.shape)
        self._worth = np.zeros(len(eta))
        for n in range(len(eta)):
            self._take(n, self._plan(n, self.offload[n]))

    def _plan(self, n: int, offload: np.ndarray) -> _Plan:
        from mecbench.solvers.cmg.device_compiled import plan_rest

        frames, later, eta = self.frames[n].copy(), self._later[n].copy(), self.eta[n].copy()
        worth = plan_rest(self._own[n], self._batteries, n, self._before[n], offload, ROUNDS, frames, later, eta)
        return worth, offload, frames, later, eta

    def _given(self, n: int) -> _Plan:
        return float(self._worth[n]), *(values[n].copy() for values in (self.offload, self.frames, self._later, self.eta))

    def _take(self, n: int, plan: _Plan) -> None:
        self._worth[n], self.offload[n], self.frames[n], self._later[n], self.eta[n] = plan

    def assign(self) -> None:
        """Give each channel of the slot at hand to the device that gains most, all else as it is, until that changes nothing."""
        for _ in range(SWEEPS):
            if not sum(self._reassign(k) for k in range(self.offload.shape[2])):
                break

    def _reassign(self, k: int) -> bool:
        """Give a channel to who makes the most of it; whether it goes to somebody else."""
        from mecbench.solvers.cmg.resolve_compiled import promise_offloads

        kept = {n: self._given(n) for n in np.flatnonzero(self.offload[:, 0, k]).tolist()}
        for n in kept:
            without = self.offload[n].copy()
            without[0, k] = False
            self._take(n, self._plan(n, without))
        promise = np.empty((len(self._worth), self.offload.shape[2]))
        for n in range(len(promise)):
            promise_offloads(self.tables, n, self._before[n], self.offload[n], self.eta[n], promise[n])
        best, taken = GAIN, None
        for n in np.argsort(-promise[:, k], kind="stable").tolist():
            if promise[n, k] + SLACK <= best:
                break
            wanted = self.offload[n].copy()
            wanted[0, k] = True
            plan = kept[n] if n in kept else self._plan(n, wanted)
            if plan[0] - self._worth[n] > best:
                best, taken = plan[0] - self._worth[n], (n, plan)
        if taken is not None:
            self._take(*taken)
        return list(kept) != ([] if taken is None else [taken[0]])

    def within(self, allowance: np.ndarray) -> np.ndarray:
        """Prices of the slot at hand at which no device spends more than an allowance [J], shape [N].

        Where no price does, the frame rates fall to the least.
        """
        from mecbench.solvers.cmg.completion_compiled import DEAREST, slot_price

        eta = self.eta[:, 0].copy()
        for n, limit in enumerate(allowance.tolist()):
            slot = self.offload[n, 0], self.frames[n, 0]
            eta[n] = slot_price(self.tables, n, 0, *slot, eta[n], limit)
            if eta[n] == np.inf:
                self.frames[n, 0], self.offload[n, 0] = 0, False
                eta[n] = min(slot_price(self.tables, n, 0, *slot, self.eta[n, 0], limit), DEAREST)
        return eta

    def spent(self, eta: np.ndarray) -> np.ndarray:
        """Energy of the slot at hand at some prices [J], shape [N]."""
        from mecbench.solvers.cmg.completion_compiled import slot_choice

        return np.array([slot_choice(self.tables, n, 0, self.offload[n, 0], self.frames[n, 0], eta[n])[0] for n in range(len(eta))])


algorithms = (CausalResolve,)
