"""The value networks as the learner of `rl.dqn` takes them: over packed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mecbench.rl.mlp import IMPOSSIBLE
from mecbench.rl.p1.network import Network
from mecbench.rl.p1.packing import Packing

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

    def mask(self, array: Any, seen: Any) -> Any:
        """What is admissible, bool, shape [n, A]."""
        allowed = self.network.admissible(array, self.packing.unpack(array, seen)["mask"])
        return self._wide(array, array.where(allowed, 0.0, IMPOSSIBLE)) > IMPOSSIBLE / 2

    def values(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """Values of all answers, shape [n, A]."""
        parts, network = self.packing.unpack(array, seen), self.network
        found = network.values(array, weights, network.embed(array, weights, parts), parts, network.offers(array, parts))
        return self._wide(array, found)

    def _wide(self, array: Any, found: Any) -> Any:
        """Columns for as many nodes as there are, since in other batches others are offered; shape [n, M (L 100 + 1)]."""
        rows, offered, columns = found.shape
        missing = array.broadcast_to(0.0 * found[:1, :1, :1] + IMPOSSIBLE, (rows, self.packing.nodes - offered, columns))
        return array.concatenate((found, missing), 1).reshape(rows, -1)
