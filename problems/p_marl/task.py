"""P-MARL as a reinforcement-learning task: every epoch all devices choose edge and cut, and the edges share themselves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p_edge import physics as device
from mecbench.problems.p_marl import physics
from mecbench.problems.p_marl.allocation import Attached, Rule, share_edges
from mecbench.problems.p_marl.evaluate import Account, Terms, own_terms, price
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.layout import SHARED_FEATURES, Layout, perception_radius
from mecbench.problems.p_marl.solution import Solution
from mecbench.problems.task import Observation, Reward, Step

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["Oracle", "Task"]

Oracle = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""Gives an edge's allocation l, shape [M], from a and b of its devices (eq. 11), shape [M], and L."""

TRACE = ("position", "shadowing", "battery", "previous_edge")  # what is not known beforehand
OWN = (*TRACE, "edge_position")  # what the instances of a batch may differ in
NEIGHBOURHOOD = 300.0  # of the mean field [m]


class Task:
    """A batch of episodes of T epochs; agents are the M devices, and `Layout` says where everything stands.

    Decisions are decentralised: a device sees its own state and the edges in its perception domain, never another device's place or
    action. When all have acted, every edge shares its multiprocessors out among who attached to it. An edge that is asked by more than L
    devices admits the L that lose most by staying local; the others run locally in this epoch and are counted as ``rejected``. The
    latency limit is not enforced: the cost of a step is every device's latency [ms], for whoever constrains it.

    With ``reward="paper"`` the two booleans are the paper's four methods: FOCI has both, IQL neither.

    An episode is cut off after its last epoch rather than terminated. The trace ends there too, so the last observation shows the
    last epoch's world again, with the records and costs of its decisions.

    Parameters
    ----------
    reward
        ``"objective"`` pays every device -w_t max_m c_m of the epoch, or -w_t c_m where the objective is the worst mean: then the least
        of the devices' returns is -objective. ``"paper"`` pays according to `ofr`.
    width
        Pads the agent axis to at least this many devices.
    ofr
        Oracle-shaping fairness reward (section 4.1): an attached device is paid R*_n of eq. (4), the best that the worst device of its
        edge can have; a local device, and everybody without this, its own R^m.
    coa
        Competitor-aware observation augmentation (section 4.2): F^m of eq. (5) is observed.
    mean_field
        Shows the mean action of the devices near by, as AMFQ has it.
    oracle
        Finds the allocation of eq. (4) that R*_n is of, edge by edge; the exact optimum if there is none.
    runtime
        How edges share themselves out. The exact oracle of the reward is max-min fair whatever it says.
    perception
        r_p [m]; ``None`` for what the latency limit allows, infinite for all edges.
    neighbourhood
        Radius of the mean field [m].
    """

    def __init__(
        self,
        reward: Reward = "objective",
        width: int = 0,
        *,
        ofr: bool = True,
        coa: bool = True,
        mean_field: bool = False,
        oracle: Oracle | None = None,
        runtime: Rule = "maxmin",
        perception: float | None = None,
        neighbourhood: float = NEIGHBOURHOOD,
    ) -> None:
        self.reward = reward
        self.width = width
        self.ofr = ofr
        self.coa = coa
        self.mean_field = mean_field
        self.oracle = oracle
        self.runtime = runtime
        self.perception = perception
        self.neighbourhood = neighbourhood
        self._instances: list[Instance] = []

    def observation_space(self, instances: Sequence[Instance]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""
        from gymnasium import spaces

        layout, width = self._layout_of(instances), self._width(instances)
        return spaces.Dict(
            {
                "phase": spaces.Discrete(1),
                "mask": spaces.MultiBinary((width, layout.actions)),
                "agents": spaces.Box(0.0, np.inf, (width, layout.features), np.float64),
                "shared": spaces.Box(0.0, np.inf, (len(SHARED_FEATURES),), np.float64),
            }
        )

    def action_space(self, instances: Sequence[Instance]) -> spaces.MultiDiscrete:
        """Gymnasium space of one episode's joint action, wide enough for all of the instances."""
        from gymnasium import spaces

        return spaces.MultiDiscrete([self._layout_of(instances).actions] * self._width(instances))

    def static(self) -> dict[str, np.ndarray]:
        """Everything but the trace, arrays [B, ...]; numbers of `epochs` and `devices`, and the `perception_radius` [m], beside."""
        self._running()
        names = [name for name in Instance.model_fields if name not in TRACE]
        known = {name: np.stack([np.asarray(getattr(instance, name)) for instance in self._instances]) for name in names}
        count = len(self._instances)
        return known | {
            "epochs": np.full(count, self._instances[0].epochs),
            "devices": self._devices,
            "perception_radius": np.full(count, self._radius),
        }

    def reset(self, instances: Sequence[Instance]) -> Observation:
        """Begin an episode of each instance; different numbers of devices are padded.

        Raises
        ------
        ValueError
            If the instances differ in more than their devices, traces and places.
        """
        self._instances = list(instances)
        self._check_alike()
        first = self._instances[0]
        self._layout = self._layout_of(instances)
        self._radius = perception_radius(first) if self.perception is None else self.perception
        self._devices = np.array([instance.devices for instance in instances])
        self._mask = np.arange(self._width(instances)) < self._devices[:, None]
        batch, width = self._mask.shape
        self._epoch = 0
        self._previous = np.full((batch, width), -1)
        self._battery = np.zeros((batch, width))
        for row, instance in enumerate(instances):
            self._previous[row, : instance.devices] = instance.previous_edge
            self._battery[row, : instance.devices] = instance.battery
        self._played = np.zeros((3, first.epochs, batch, width), dtype=np.int64)
        self._last_cost = np.zeros((batch, width))
        self._records = np.zeros((batch, first.edges, first.groups))
        self._last_action: np.ndarray | None = None
        self._sums = {name: np.zeros((batch, width)) for name in ("cost", "weighted", "latency", "energy", "switch", "late")}
        self._worst, self._rejected = np.zeros(batch), np.zeros(batch)
        self._enter()
        return self._observation()

    def step(self, action: np.ndarray) -> Step:
        """Take the decisions of an epoch in every episode.

        Parameters
        ----------
        action
            Integers, shape [B, A]; not read where there is no device.

        Raises
        ------
        ValueError
            If the action has another shape or type, or an action that does not exist.
        RuntimeError
            If the episodes are over.
        """
        instance = self._running()
        if self._epoch == instance.epochs:
            raise RuntimeError("the episodes are over: expected a reset before the next step")
        edge, cut = self._layout.decode(self._read(action))
        rate = np.take_along_axis(self._rate, np.maximum(edge - 1, 0)[..., None], axis=-1)[..., 0]
        rate = np.where(edge > 0, rate, 1.0)  # 0 where there is no device
        attached, edge, cut = self._admit(edge, cut)
        terms = own_terms(instance, edge, cut, rate, self._local_latency, self._local_energy, self._previous)
        allocation = share_edges(attached, terms.fixed, terms.shared, instance.multiprocessors, self.runtime)
        paid = price(instance, edge, cut, allocation, terms)
        reward = self._pay(attached, edge, terms, paid)
        self._record(edge, cut, allocation, paid)
        lost = paid.energy if instance.drain == "endogenous" else self._local_energy
        self._battery = physics.drained(self._battery, lost, instance.frames)
        self._epoch += 1
        over = np.full(len(self._mask), self._epoch == instance.epochs)
        if self._epoch < instance.epochs:
            self._enter()
        latency = np.where(self._mask, paid.latency, 0.0)
        return Step(self._observation(), reward, latency, np.zeros_like(over), over, self._metrics())

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of one agent that decides for all, shape [B]: the worst device's, whose sum is -W for the mean worst cost."""
        worst: np.ndarray = np.where(self._mask, reward, np.inf).min(axis=1)
        return worst

    def action(self, solutions: Sequence[Solution]) -> np.ndarray:
        """Action that takes the edges and cuts of these solutions in the epoch at hand, shape [B, A]; the edges share as they do."""
        self._running()
        action = np.zeros(self._mask.shape, dtype=np.int64)
        for row, solution in enumerate(solutions):
            epoch = solution.edge[self._epoch], solution.cut[self._epoch]
            action[row, : solution.edge.shape[1]] = self._layout.encode(*epoch)
        return action

    def solutions(self) -> list[Solution]:
        """Decisions of the episodes, one solution per instance."""
        instance = self._running()
        if self._epoch < instance.epochs:
            raise RuntimeError(f"expected the episodes to be over, found them in epoch {self._epoch} of {instance.epochs}")
        names = ("edge", "cut", "allocation")
        return [
            Solution(**{name: played[:, row, :count] for name, played in zip(names, self._played, strict=True)})
            for row, count in enumerate(self._devices.tolist())
        ]

    def _running(self) -> Instance:
        """Instance whose constants hold for all."""
        if not self._instances:
            raise RuntimeError("expected a reset before anything else")
        return self._instances[0]

    def _layout_of(self, instances: Sequence[Instance]) -> Layout:
        return Layout.of(instances[0], self.coa, self.mean_field)

    def _width(self, instances: Sequence[Instance]) -> int:
        return max(self.width, *(instance.devices for instance in instances))

    def _check_alike(self) -> None:
        first = self._instances[0]
        same = [name for name in Instance.model_fields if name not in OWN]
        for row, instance in enumerate(self._instances[1:], start=1):
            if (instance.epochs, instance.edges) != (first.epochs, first.edges):
                found = f"{instance.epochs} and {instance.edges}"
                raise ValueError(f"expected instances of {first.epochs} epochs and {first.edges} edges, found {found} in instance {row}")
            for name in same:
                if not np.array_equal(getattr(instance, name), getattr(first, name)):
                    raise ValueError(f"expected instances with equal field {name}, found another one in instance {row}")

    def _read(self, action: np.ndarray) -> np.ndarray:
        values, layout = np.asarray(action), self._layout
        if values.shape != self._mask.shape or values.dtype.kind not in "iu":
            found = f"{values.dtype} of shape {list(values.shape)}"
            raise ValueError(f"expected an action of integers of shape {list(self._mask.shape)}, found {found}")
        values = np.where(self._mask, values, 0)
        if values.min() < 0 or values.max() >= layout.actions:
            raise ValueError(f"expected actions from 0 to {layout.actions - 1}, found {values.min()} to {values.max()}")
        return values

    def _now(self, name: str) -> np.ndarray:
        """A trace of the instances in this epoch, shape [B, A, ...]; zeros where there is no device."""
        traces = [getattr(instance, name)[self._epoch] for instance in self._instances]
        if all(len(trace) == self._mask.shape[1] for trace in traces):
            return np.stack(traces)
        values = np.zeros((*self._mask.shape, *traces[0].shape[1:]))
        for row, trace in enumerate(traces):
            values[row, : len(trace)] = trace
        return values

    def _enter(self) -> None:
        """Look at the world of the epoch that begins."""
        instance = self._running()
        self._rate = self._now("uplink_rate")
        self._near = (self._now("distance") <= self._radius) & self._mask[..., None]
        if instance.drain == "endogenous":
            self._local_latency, self._local_energy = instance.local_at(self._battery)
        else:
            self._local_latency, self._local_energy = self._now("local_latency"), self._now("local_energy")
        self._clock = np.where(self._mask, instance.clock_at(self._battery), 0.0)

    def _admit(self, edge: np.ndarray, cut: np.ndarray) -> tuple[Attached, np.ndarray, np.ndarray]:
        """Let at most L devices attach to an edge."""
        instance = self._running()
        attached = Attached(edge, instance.edges)
        if attached.counts.max() <= instance.multiprocessors:
            return attached, edge, cut
        local = device.fixed_cost(
            self._local_energy, self._local_latency, np.zeros_like(self._local_energy), instance.energy_unit, instance.latency_unit
        )
        loss = np.where(attached.mask, attached.table(local), -np.inf)
        rank = np.argsort(np.argsort(-loss, axis=1, kind="stable"), axis=1)
        refused = attached.devices((attached.mask & (rank >= instance.multiprocessors)).astype(np.int64)) > 0
        self._rejected += refused.sum(axis=1)
        edge, cut = np.where(refused, 0, edge), np.where(refused, instance.groups, cut)
        return Attached(edge, instance.edges), edge, cut

    def _pay(self, attached: Attached, edge: np.ndarray, terms: Terms, paid: Account) -> np.ndarray:
        """Rewards of the epoch, shape [B, A]."""
        instance, cost = self._running(), np.where(self._mask, paid.cost, 0.0)
        weight = instance.weights[self._epoch]
        if self.reward == "objective":
            charged = cost.max(axis=1, keepdims=True) if instance.objective == "mean-worst" else cost
            return -weight * np.where(self._mask, charged, 0.0)
        if not self.ofr:
            return -cost
        table = attached.table(paid.cost)
        if self.oracle is not None or self.runtime != "maxmin":
            best = self._shares(attached, terms)
            table = attached.table(device.cost(terms.fixed, terms.shared, np.maximum(best, 1)))
        worst = np.where(attached.mask, table, -np.inf).max(axis=1, keepdims=True)
        return -np.where(edge > 0, attached.devices(np.broadcast_to(worst, table.shape)), cost)

    def _shares(self, attached: Attached, terms: Terms) -> np.ndarray:
        """Multiprocessors of every device by the oracle, shape [B, A]; 0 for local devices."""
        most = self._running().multiprocessors
        if self.oracle is None:
            return share_edges(attached, terms.fixed, terms.shared, most)
        fixed, shared = attached.table(terms.fixed), attached.table(terms.shared)
        table = np.zeros(fixed.shape, dtype=np.int64)
        for row in np.flatnonzero(attached.mask.any(axis=1)):
            there = attached.mask[row]
            table[row, there] = self.oracle(fixed[row, there], shared[row, there], most)
        return attached.devices(table)

    def _record(self, edge: np.ndarray, cut: np.ndarray, allocation: np.ndarray, paid: Account) -> None:
        instance = self._running()
        self._played[:, self._epoch] = edge, cut, allocation
        self._records = physics.edge_records(edge, cut, self._devices, instance.edges, instance.groups)
        self._last_action = self._layout.encode(edge, cut)
        cost = np.where(self._mask, paid.cost, 0.0)
        weight = instance.weights[self._epoch]
        self._last_cost, self._previous = cost, edge
        self._worst += weight * cost.max(axis=1)
        for name, values in (
            ("cost", cost),
            ("weighted", weight * cost),
            ("latency", paid.latency),
            ("energy", paid.energy),
            ("switch", paid.switch),
            ("late", paid.latency > instance.latest),
        ):
            self._sums[name] += np.where(self._mask, values, 0.0)

    def _metrics(self) -> dict[str, np.ndarray]:
        """Totals and averages so far, under the evaluator's names, and how many devices were rejected."""
        instance, sums = self._running(), self._sums
        decisions, minutes = self._devices * self._epoch, self._devices * self._epoch * instance.epoch_seconds / 60.0
        worst_mean = sums["weighted"].max(axis=1)
        return {
            "objective": (self._worst if instance.objective == "mean-worst" else worst_mean).copy(),
            "mean_worst_cost": self._worst.copy(),
            "worst_mean_cost": worst_mean,
            "mean_cost": sums["cost"].sum(axis=1) / decisions,
            "max_cost": sums["cost"].max(axis=1) / self._epoch,
            "mean_latency_ms": sums["latency"].sum(axis=1) / decisions,
            "max_latency_ms": sums["latency"].max(axis=1) / self._epoch,
            "mean_energy_mj": sums["energy"].sum(axis=1) / decisions,
            "max_energy_mj": sums["energy"].max(axis=1) / self._epoch,
            "switches_per_minute": sums["switch"].sum(axis=1) / minutes,
            "late_share": sums["late"].sum(axis=1) / decisions,
            "rejected": self._rejected.copy(),
        }

    def _observation(self) -> Observation:
        instance, layout = self._running(), self._layout
        batch, width = self._mask.shape
        agents = np.zeros((batch, width, layout.features))
        agents[..., 0], agents[..., layout.battery] = self._clock, self._battery
        agents[..., layout.efficiency] = np.where(self._near, self._rate / instance.bandwidth, 0.0)
        agents[..., layout.previous] = self._previous[..., None] == np.arange(layout.edges + 1)
        agents[..., layout.last_cost] = self._last_cost
        table = (batch, width, layout.edges, layout.groups)
        if self.coa:
            np.multiply(self._near[..., None], self._records[:, None], out=agents[..., layout.record].reshape(table))
        if self.mean_field:
            self._count_neighbours(agents[..., layout.mean_action])
        if not self._mask.all():
            agents[~self._mask] = 0.0
        mask = np.empty((batch, width, layout.actions), dtype=bool)
        mask[..., 0] = self._mask
        mask[..., 1:].reshape(table)[...] = self._near[..., None]
        shared = np.tile(np.array([self._epoch, instance.epochs - self._epoch], dtype=np.float64), (batch, 1))
        return {"phase": np.zeros(batch, dtype=np.int64), "mask": mask, "agents": agents, "shared": shared}

    def _count_neighbours(self, mean: np.ndarray) -> None:
        """Set how often each action was taken in the epoch before by the other devices within the neighbourhood, shape [B, A, 1 + N K]."""
        if self._last_action is None:
            return
        from scipy.spatial import cKDTree

        epoch, actions = min(self._epoch, self._running().epochs - 1), self._layout.actions
        for row, instance in enumerate(self._instances):
            taken, devices = self._last_action[row, : instance.devices], instance.devices
            # Each pair is given once; a quick tree is enough for so few places.
            places = cKDTree(instance.position[epoch], balanced_tree=False, compact_nodes=False)
            one, other = places.query_pairs(self.neighbourhood, output_type="ndarray").T
            seen = np.concatenate((one * actions + taken[other], other * actions + taken[one]))
            counts = np.bincount(seen, minlength=devices * actions).reshape(devices, actions)
            np.divide(counts, np.maximum(counts.sum(axis=1), 1)[:, None], out=mean[row, :devices])
