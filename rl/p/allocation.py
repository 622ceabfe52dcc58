"""The allocation layer: each server splits its bandwidth and its compute among its users that hit (21).

Attention scores the users twice, once for each resource (section IV-B3), and the softmax of the scores over a server's
users are their shares. The layer explores by Gaussian noise on the scores, so that shares are logistic-normal, always
positive, and have a log-probability: that of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mecbench.problems.p.layout import Layout
from mecbench.problems.task import Observation
from mecbench.rl import mlp
from mecbench.rl.attention import attention
from mecbench.rl.attention import shapes as attention_shapes

__all__ = ["Members", "Servers", "log_density", "shares"]

Seen = dict[str, Any]
Members = Literal["needs", "requests"]
"""What describes a user to its server: its needs, or as in the text service, size and cut (18)."""

NEEDS = 5
SAMPLES = 16  # sizes of a request that the embedding tells apart; larger ones count as the largest
MOMENT = 0.01  # seconds, and cost, below which needs look alike
SPREAD = "log_spread"


@dataclass(frozen=True)
class Servers:
    """Networks of the allocation agents.

    Attributes
    ----------
    layout
        Of the task.
    members
        What describes a user.
    width, embedding
        Units of queries and keys, and of the embeddings of service, size and cut.
    central
        Whether a server's critic sees the other servers.
    spread
        Standard deviation of the noise at the start.
    """

    layout: Layout
    members: Members
    width: int
    embedding: int
    central: bool
    spread: float

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the actor's weights by name; `log_spread` begins elsewhere than at zero."""
        return self._tables("") | attention_shapes("share", self._features, self.width) | {SPREAD: (2,)}

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small queries, so that shares begin equal."""
        return {"share/query/weight_0": 0.01}

    def encode(self, observation: Observation) -> Seen:
        """What the networks see of the users; `group` tells which server a user hits at."""
        layout = self.layout
        cut, server, hit = layout.chosen(observation)
        rows = observation["agents"][:, layout.askers]
        group = hit[..., None] & (server[..., None] == np.arange(layout.servers))
        seen: Seen = {"group": group.astype(np.float32)}
        if self.members == "requests":
            service, samples = layout.requests(observation)
            return seen | {"service": service, "size": np.clip(samples, 1, SAMPLES) - 1, "cut": cut}
        busy, transfer, work, sending = (rows[..., 5 + column] for column in range(4))
        needs = (np.log1p(busy), *(np.log(MOMENT + values) for values in (transfer, work, sending)), cut / layout.cuts)
        return seen | {"needs": np.stack(needs, axis=-1).astype(np.float32)}

    def scores(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> Any:
        """Scores of the users for bandwidth and for compute, shape [n, K, 2]."""
        return attention(array, weights, "share", self._described(array, weights, "", seen), seen["group"])

    def critic_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the critic's weights by name."""
        inputs = (1 + self.central) * (self.width + 1)
        return self._tables("critic/") | mlp.shapes("user", (self._features, self.width)) | mlp.shapes("value", (inputs, self.width, 1))

    def value(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> Any:
        """Value of each server's return, shape [n, J, 1]; a central critic sees all servers' users too."""
        group = seen["group"]
        users = array.tanh(mlp.mlp(array, weights, "user", self._described(array, weights, "critic/", seen)))
        size = group.sum(1)[..., None]
        state = array.concatenate(((group.swapaxes(1, 2) @ users) / array.where(size > 0, size, 1.0), size / self.layout.users), -1)
        if self.central:
            everywhere = state.mean(1)[:, None] + 0.0 * state
            state = array.concatenate((state, everywhere), -1)
        return mlp.mlp(array, weights, "value", state)

    @property
    def _features(self) -> int:
        return NEEDS if self.members == "needs" else 3 * self.embedding

    def _tables(self, prefix: str) -> dict[str, tuple[int, ...]]:
        if self.members == "needs":
            return {}
        rows = {"service": self.layout.services, "size": SAMPLES, "cut": self.layout.cuts}
        return {f"{prefix}{name}": (number, self.embedding) for name, number in rows.items()}

    def _described(self, array: Any, weights: Mapping[str, Any], prefix: str, seen: Seen) -> Any:
        if self.members == "needs":
            return seen["needs"]
        return array.concatenate([weights[prefix + name][seen[name]] for name in ("service", "size", "cut")], -1)


def log_density(array: Any, noise: Any, log_spread: Any, group: Any) -> Any:
    """Log-density of each server's scores, shape [n, J], from what noise added to its users' means, shape [n, K, 2]."""
    each = -0.5 * (noise / array.exp(log_spread)) ** 2 - log_spread - 0.5 * math.log(2 * math.pi)
    return (each.sum(-1)[:, None] @ group)[:, 0]


def shares(scores: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fractions of bandwidth and compute, the softmax of the scores over each server's users, shape [B, K] each; 0 for a miss."""
    hit = group.sum(axis=2) > 0
    weight = np.where(hit[..., None], np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True)), 0.0)
    total = group @ (group.swapaxes(1, 2) @ weight)
    fractions = np.divide(weight, total, out=np.zeros_like(weight), where=hit[..., None])
    return fractions[..., 0], fractions[..., 1]
