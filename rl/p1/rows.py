"""The value networks as the learner of `rl.dqn` takes them: over packed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mecbench.rl.dqn import Encoded
from mecbench.rl.p1.network import Network
from mecbench.rl.p1.packing import Packing
from mecbench.solvers.p1.answers import IMPOSSIBLE

__all__ = ["RowNetwork"]


@dataclass(frozen=True)
class RowNetwork:
    """A value network over packed rows, without the statistics that batch normalisation would need.

    Attributes
    ----------
    network, packing
        What it is, and how rows are packed.
    """

    network: Network
    packing: Packing

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        return self.network.shapes()

    def gains(self) -> dict[str, float]:
        """Factors of initial weights."""
        return self.network.gains()

    def encode(self, array: Any, seen: Any) -> Encoded:
        """What is admissible, shape [n, A]; what rows hold, their graphs, and what values begin with."""
        parts = self.packing.unpack(array, seen)
        offers = self.network.offers(array, parts)
        return Encoded(self._wide(array, offers) > IMPOSSIBLE / 2, (parts, self.network.graphs(array, parts), offers))

    def values(self, array: Any, weights: Mapping[str, Any], encoded: Encoded) -> Any:
        """Values of all answers, shape [n, A]."""
        network, (parts, graphs, offers) = self.network, encoded.inputs
        return self._wide(array, network.values(array, weights, network.embed(array, weights, graphs, parts["asked"]), parts, offers))

    def _wide(self, array: Any, found: Any) -> Any:
        """Columns for as many nodes as there are, since in other batches others are offered; shape [n, M (L 100 + 1)]."""
        rows, offered, columns = found.shape
        missing = array.broadcast_to(0.0 * found[:1, :1, :1] + IMPOSSIBLE, (rows, self.packing.nodes - offered, columns))
        return array.concatenate((found, missing), 1).reshape(rows, -1)
