"""Q-networks of the family, for NumPy and PyTorch alike: the text's MLP of a fixed size, and one that scores edge by edge.

Both are dueling; values of an edge's cuts stand as the task numbers actions: 0 for local, then edge by edge and cut by cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.layout import Layout
from mecbench.rl import mlp
from mecbench.rl.dqn import Encoded, Network, dueling
from mecbench.rl.p_marl.encoding import CHARGE, EFFICIENCY, OWN, Known
from mecbench.rl.p_marl.hyperparameters import Hyperparameters
from mecbench.rl.p_marl.sight import Sight

__all__ = ["EdgeNetwork", "PaperNetwork", "network_of"]


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

    def encode(self, array: Any, seen: Any) -> Encoded:
        """The row in its units; admitted are local for who is there, and every cut of the edges in the perception domain."""
        layout, scale = self.layout, np.ones(seen.shape[-1], dtype=np.float32)
        scale[layout.battery], scale[layout.efficiency] = 1.0 / CHARGE, 1.0 / EFFICIENCY
        near = array.broadcast_to((seen[:, layout.efficiency] > 0)[..., None], (len(seen), layout.edges, layout.groups))
        mask = array.concatenate((seen[:, :1] > 0, near.reshape(len(seen), -1)), -1)
        return Encoded(mask, seen * array.asarray(scale))

    def values(self, array: Any, weights: Mapping[str, Any], encoded: Encoded) -> Any:
        """Q of every action, shape [n, 1 + N K]."""
        hidden = array.tanh(mlp.mlp(array, weights, "trunk", encoded.inputs))
        value, advantage = (mlp.mlp(array, weights, head, hidden) for head in ("value", "advantage"))
        return dueling(array, value, advantage, encoded.mask)


class Scored(NamedTuple):
    """What `EdgeNetwork` acts on.

    Attributes
    ----------
    place
        Edges that are worth a look, e of row r as N r + e, shape [P].
    edge, expected
        Numbers that describe these, and estimated costs of their cuts, shape [P, F] and [P, K].
    alone, local
        The same of local inference, shape [n, F] and [n, 1].
    state
        Numbers that describe the row, shape [n, F].
    """

    place: Any
    edge: Any
    expected: Any
    alone: Any
    local: Any
    state: Any


@dataclass(frozen=True)
class EdgeNetwork:
    """Scores the cuts of every edge by what the device knows of that edge, through the same layers for all edges, devices and sizes.

    The advantage of an option begins at its estimated cost, a + b (1 + x c) / L, as if the edge were shared equally with the c devices that
    are remembered there, or where nothing is known of them, with as many as there are per edge; the layers learn what is to be added.
    Not admitted are options that would cost more than local inference even with the edge for themselves, and local inference where an
    option would cost less with so many even shares as the device insists on: max-min fair edges give more to who needs more.

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
    insistence
        Even shares of an edge that a device counts on before it runs locally.
    crowding
        x, above 1 where crowds are avoided by more than they cost oneself.
    leeway
        Most that the layers add to an advantage or take from it; anything if 0.
    """

    layout: Layout
    instance: Instance
    width: int
    memory: float
    prior: float
    inertia: float
    insistence: float
    crowding: float
    leeway: float
    _known: Known = field(init=False, repr=False)

    def __post_init__(self) -> None:
        known = Known.of(self.layout, self.instance, self.memory, self.inertia, self.insistence, self.crowding)
        object.__setattr__(self, "_known", known)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        groups, width = self.layout.groups, self.width
        edge = 2 * groups + len(self._known.crowds) * (groups + 1) + 4 + OWN
        return (
            mlp.shapes("edge", (edge, width, width, groups))
            | mlp.shapes("local", (OWN, width, 1))
            | mlp.shapes("value", (OWN + 2, width, 1))
        )

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small, so that the first choices are those of least estimated cost."""
        return {"edge/weight_2": 0.01, "local/weight_1": 0.01, "value/weight_1": 0.1}

    def encode(self, array: Any, seen: Any) -> Encoded:
        """What there is to know of edges; admitted are local for who is there, and what may cost less than that."""
        from mecbench.rl.p_marl.encoding_compiled import describe

        mask, place, edge, *rest = describe(np.asarray(seen), self._known)
        prices = edge[:, : self.layout.groups]
        np.log(prices, out=prices)
        return Encoded(array.asarray(mask), Scored(*map(array.asarray, (place, edge, *rest))))

    def values(self, array: Any, weights: Mapping[str, Any], encoded: Encoded) -> Any:
        """Q of every action, shape [n, 1 + N K]."""
        scored, number = encoded.inputs, len(encoded.mask)
        edges = array.zeros((number * self.layout.edges, self.layout.groups), dtype=scored.expected.dtype)
        edges[scored.place] = self._learned(array, weights, "edge", scored.edge) - self.prior * scored.expected
        alone = self._learned(array, weights, "local", scored.alone) - self.prior * scored.local
        value = mlp.mlp(array, weights, "value", scored.state)
        return dueling(array, value, array.concatenate((alone, edges.reshape(number, -1)), -1), encoded.mask)

    def _learned(self, array: Any, weights: Mapping[str, Any], name: str, inputs: Any) -> Any:
        """What the layers add to an advantage, within the leeway if there is one."""
        found = mlp.mlp(array, weights, name, inputs)
        return self.leeway * array.tanh(found / self.leeway) if self.leeway else found


def network_of(layout: Layout, instance: Instance, chosen: Hyperparameters) -> Network:
    """Network for a layout of the task; of the instance constants are read, not its trace."""
    if chosen.network == "paper":
        return PaperNetwork(layout, chosen.width, chosen.memory)
    beforehand = chosen.prior, chosen.inertia, chosen.insistence, chosen.crowding, chosen.leeway
    return EdgeNetwork(layout, instance, chosen.width, chosen.memory, *beforehand)
