"""Q-networks of the family, for NumPy and PyTorch alike: the text's MLP of a fixed size, and one that scores edge by edge.

Both are dueling; values of an edge's cuts stand as the task numbers actions: 0 for local, then edge by edge and cut by cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.layout import Layout
from mecbench.rl import mlp
from mecbench.rl.dqn import Network, dueling
from mecbench.rl.p_marl.hyperparameters import Hyperparameters
from mecbench.rl.p_marl.sight import Sight

__all__ = ["EdgeNetwork", "PaperNetwork", "network_of"]

CHARGE, EFFICIENCY, CROWD = 12.0, 10.0, 10.0  # what charges [Wh], efficiencies [bit/s/Hz] and numbers of devices are divided by
DEAREST = 5.0  # costs above count as this
OWN = 7
"""Numbers that describe a device beside its edges."""


@dataclass(frozen=True)
class PaperNetwork:
    """The text's 3-layer MLP: two hidden layers, then state value and advantages.

    Attributes
    ----------
    layout
        Of the task, whose rows it sees as they are but for their units.
    width
        Units per hidden layer; not in the paper.
    memory
        As `Sight` has it.
    """

    layout: Layout
    width: int
    memory: float

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        features = Sight.features(self.layout, self.memory, counts=False)
        heads = mlp.shapes("value", (self.width, 1)) | mlp.shapes("advantage", (self.width, self.layout.actions))
        return mlp.shapes("trunk", (features, self.width, self.width)) | heads

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small for advantages, so that the first choices are told apart by what is learned."""
        return {"advantage/weight_0": 0.01}

    def mask(self, array: Any, seen: Any) -> Any:
        """Local for who is there, and every cut of the edges in the perception domain, shape [n, 1 + N K]."""
        return _admitted(array, self.layout, seen)

    def values(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """Q of every action, shape [n, 1 + N K]."""
        scale = np.ones(seen.shape[-1], dtype=np.float32)
        scale[self.layout.battery], scale[self.layout.efficiency] = 1.0 / CHARGE, 1.0 / EFFICIENCY
        hidden = array.tanh(mlp.mlp(array, weights, "trunk", seen * array.asarray(scale)))
        value, advantage = (mlp.mlp(array, weights, head, hidden) for head in ("value", "advantage"))
        return dueling(array, value, advantage, self.mask(array, seen))


@dataclass(frozen=True)
class EdgeNetwork:
    """Scores the cuts of every edge by what the device knows of that edge, through the same layers for all edges, devices and sizes.

    The advantage of an option begins at its estimated cost, a + b (1 + c) / L, as if the edge were shared equally with the c devices that
    are remembered there, or where nothing is known of them, with as many as there are per edge; the layers learn what is to be added.
    Not admitted are options that would cost more than local inference even with the edge for themselves, and local inference where an
    option would cost less if all devices were spread evenly.

    Attributes
    ----------
    layout
        Of the task.
    instance
        Whose constants hold; its trace is not read.
    width
        Units per hidden layer.
    memory
        As `Sight` has it.
    prior, inertia
        Advantage of an option whose estimated cost is lower by 1, and by how much that of the edge attached to is lower.
    """

    layout: Layout
    instance: Instance
    width: int
    memory: float
    prior: float
    inertia: float
    _work: np.ndarray = field(init=False, repr=False)
    _sending: np.ndarray = field(init=False, repr=False)
    _share: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        instance = self.instance
        radio = 1.0 / instance.latency_unit + instance.transmit_power / instance.energy_unit
        for name, values in (
            ("_work", instance.tail_work[:-1] / instance.latency_unit),
            ("_sending", 8000.0 * radio * instance.cut_bytes / instance.bandwidth),
            ("_share", instance.head_share[:-1]),
        ):
            object.__setattr__(self, name, values.astype(np.float32))

    @property
    def _blocks(self) -> int:
        """Blocks of numbers by edge and cut that tell of others."""
        return (self.layout.records + self.layout.mean_field) * (1 + (self.memory < 1))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        groups, width = self.layout.groups, self.width
        edge = 2 * groups + self._blocks * (groups + 1) + 4 + OWN
        return (
            mlp.shapes("edge", (edge, width, width, groups))
            | mlp.shapes("local", (OWN, width, 1))
            | mlp.shapes("value", (OWN + 2, width, 1))
        )

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small, so that the first choices are those of least estimated cost."""
        return {"edge/weight_2": 0.01, "local/weight_1": 0.01, "value/weight_1": 0.1}

    def mask(self, array: Any, seen: Any) -> Any:
        """Local for who is there, and what may cost less than that, shape [n, 1 + N K]."""
        fixed, local = self._prices(array, seen)
        return self._sensible(array, seen, fixed, local)

    def values(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """Q of every action, shape [n, 1 + N K]."""
        layout, most, number = self.layout, self.instance.multiprocessors, len(seen)
        work = array.asarray(self._work) / most
        prices, local = self._prices(array, seen)
        mask = self._sensible(array, seen, prices, local)
        admitted = mask[:, 1:].reshape(prices.shape)
        before, cost = seen[:, layout.previous], array.clip(seen[:, layout.last_cost : layout.last_cost + 1], 0.0, DEAREST)
        attached, begun, efficiency = before[:, 1:], before.sum(-1)[:, None], seen[:, layout.efficiency]
        where = device, _ = array.where(admitted.any(-1))  # the edges of devices that are worth a look, one after the other
        fixed = prices[where]
        crowds = [crowd[where] for crowd in self._crowds(seen)]
        loads = [(crowd @ work)[:, None] for crowd in crowds]
        others = even = seen[:, -1:][device]
        if layout.records:  # the last one is what is remembered, or where nothing is, what was seen
            count = crowds[-1].sum(-1)[:, None]
            others = count if self.memory < 1 else array.where(begun[device] > 0, count, even)
        stays = attached[where][:, None]
        expected = array.clip(fixed + work * (1.0 + others) - self.inertia * stays, 0.0, DEAREST)
        best = array.amin(array.where(admitted[where], expected, DEAREST), -1)
        nearest = array.zeros_like(efficiency) + DEAREST
        nearest[where] = best
        least = array.minimum(array.amin(nearest, -1)[:, None], local)
        charge = seen[:, layout.battery : layout.battery + 1] / CHARGE
        own = array.concatenate((seen[:, :1], charge, local, cost, before[:, :1], begun, least), -1)
        parts = [
            array.log(fixed),
            expected - least[device],
            *(crowd / CROWD for crowd in crowds),
            *loads,
            efficiency[where][:, None] / EFFICIENCY,
            stays,
            (attached * cost)[where][:, None],
            best[:, None] - least[device],
            own[device],
        ]
        edges = array.zeros_like(prices)
        edges[where] = mlp.mlp(array, weights, "edge", array.concatenate(parts, -1)) - self.prior * expected
        alone = mlp.mlp(array, weights, "local", own) - self.prior * local
        useful = (nearest < DEAREST).sum(-1)[:, None] / layout.edges
        value = mlp.mlp(array, weights, "value", array.concatenate((own, useful, nearest.mean(-1)[:, None]), -1))
        return dueling(array, value, array.concatenate((alone, edges.reshape(number, -1)), -1), mask)

    def _prices(self, array: Any, seen: Any) -> tuple[Any, Any]:
        """R_c of every option (eq. 11), shape [n, N, K], and the cost of local inference, shape [n, 1]."""
        layout, held = self.layout, self.instance
        clock = array.clip(seen[:, :1], held.clock_floor, 1.0)
        latency = held.full_latency / held.latency_unit * clock**held.latency_exponent
        energy = held.full_energy / held.energy_unit * clock**held.energy_exponent
        local = latency + energy
        efficiency = seen[:, layout.efficiency]
        sending = array.asarray(self._sending) / array.where(efficiency > 0, efficiency, 1.0)[..., None]
        before = seen[:, layout.previous]
        switch = held.switch_cost * (before.sum(-1)[:, None] - before[:, 1:])
        return array.asarray(self._share) * local[..., None] + switch[..., None] + sending, local

    def _sensible(self, array: Any, seen: Any, fixed: Any, local: Any) -> Any:
        near, shape = _admitted(array, self.layout, seen), (len(seen), -1)
        work, local = array.asarray(self._work) / self.instance.multiprocessors, local[..., None]
        pays = near[:, 1:] & (fixed + work < local).reshape(shape)
        evenly = pays & (fixed + work * (1.0 + seen[:, -1:, None]) < local).reshape(shape)
        return array.concatenate((near[:, :1] & ~evenly.any(-1)[:, None], pays), -1)

    def _crowds(self, seen: Any) -> list[Any]:
        """What others did by edge and cut, last seen and then remembered: frequencies near by, then records, shape [n, N, K] each."""
        layout, found = self.layout, []
        offsets = (0, layout.features - layout.record.start) if self.memory < 1 else (0,)
        for block, skip in ((layout.mean_action, 1), (layout.record, 0)):  # a mean action begins with local
            if block.stop > block.start:
                found += [seen[:, block.start + skip + offset : block.stop + offset] for offset in offsets]
        return [part.reshape(len(seen), layout.edges, layout.groups) for part in found]


def _admitted(array: Any, layout: Layout, seen: Any) -> Any:
    """What the task's mask admits, shape [n, 1 + N K]."""
    near = array.broadcast_to((seen[:, layout.efficiency] > 0)[..., None], (len(seen), layout.edges, layout.groups))
    return array.concatenate((seen[:, :1] > 0, near.reshape(len(seen), -1)), -1)


def network_of(layout: Layout, instance: Instance, chosen: Hyperparameters) -> Network:
    """Network for a layout of the task; of the instance constants are read, not its trace."""
    if chosen.network == "paper":
        return PaperNetwork(layout, chosen.width, chosen.memory)
    return EdgeNetwork(layout, instance, chosen.width, chosen.memory, chosen.prior, chosen.inertia)
