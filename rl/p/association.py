"""The users' layer: a server and a cut for every request (20), by masked choices of each user.

Two actors. `PaperUsers` is the text's: an MLP of the request and of all deployments, one head for the server and one for
the cut. `OptionUsers` passes every option, a server and a cut, through the same small MLP, whatever the number of servers,
cuts and users. Probabilities are those of what is admitted only, when sampled and when evaluated again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mecbench.problems.p.layout import Layout
from mecbench.problems.task import Observation
from mecbench.rl import deep_sets, mlp
from mecbench.rl.p.local_options import FEATURES, SUMMARY, URGENT, LocalOptions

__all__ = ["FIRST", "OptionUsers", "PaperUsers", "UserNetwork", "dense"]

Seen = dict[str, Any]
Head = tuple[Any, Any]
"""Logits of a choice and what the mask admits, of equal shapes [n, K, ...]."""

SAMPLES = 16  # sizes of a request that the embedding tells apart; larger ones count as the largest
CHANNEL, SPEED = 10.0, 100.0  # what efficiencies [bit/s/Hz] and speeds [GFLOP/s] are divided by

FIRST = "option/weight_0"
"""Weights of an option's features, those of urgency last."""

REWARD_AND_COST = ("reward", "cost")
"""Critics, each a network of its own; the second one only where a constraint limits the cost."""


@dataclass(frozen=True)
class OptionUsers:
    """Scores each option of a user by the user's own prices of it.

    Attributes
    ----------
    layout
        Of the task.
    width
        Units per hidden layer; there are two.
    central
        Whether a user's critic sees the other users.
    urgency
        Exponent of the urgency of delay, 0 where none is told.
    """

    layout: Layout
    width: int
    central: bool
    urgency: float = 0.0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the actor's weights by name."""
        return mlp.shapes("option", (FEATURES + (URGENT if self.urgency else 0), self.width, self.width, 1))

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small where the probabilities come from, so that they begin even."""
        return {"option/weight_2": 0.01}

    def prepare(self, static: dict[str, np.ndarray]) -> LocalOptions:
        """What `encode` needs to know of the worlds."""
        return LocalOptions(static, self.layout, self.urgency)

    def encode(self, worlds: LocalOptions | None, observation: Observation) -> Seen:
        """What the networks see; the features of the admitted options one after the other, as `dense` lays them out."""
        assert worlds is not None
        mask = worlds.admissible(observation)
        features, summary = worlds.describe(observation, mask)
        return {"features": features, "mask": mask, "summary": summary, "present": self.layout.present(observation)}

    def heads(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> list[Head]:
        """The one choice of a user, among its options, server by server, shape [n, K, J Z]."""
        features, mask = seen["features"], seen["mask"]
        packed = features if features.ndim == 2 else features[mask]
        logits = array.where(mask, 0.0, mlp.IMPOSSIBLE)
        logits[mask] = mlp.mlp(array, weights, "option", packed)[..., 0]
        return [(logits, mask)]

    def decode(self, choice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Server and cut, shape [n, K] each, of what is chosen, shape [n, K, 1]."""
        return choice[..., 0] // self.layout.cuts, choice[..., 0] % self.layout.cuts

    def critic_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the critics' weights by name; each is a Deep Sets network."""
        each = deep_sets.shapes(SUMMARY, self.width, rounds=2 if self.central else 0)
        if not self.central:
            each |= mlp.shapes("own", (self.width, self.width))
        return {f"{critic}/{name}": shape for critic in REWARD_AND_COST[:channels] for name, shape in each.items()}

    def value(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> Any:
        """Value of each user's own return, shape [n, K, channels]: of all users' requests, or of its own alone."""
        values = []
        for critic in REWARD_AND_COST:
            own = {name.partition("/")[2]: weight for name, weight in weights.items() if name.startswith(f"{critic}/")}
            if own and self.central:
                values.append(deep_sets.deep_sets(array, own, seen["summary"], seen["present"]))
            elif own:
                hidden = array.tanh(seen["summary"] @ own["embed"] + own["embed_bias"])
                hidden = array.tanh(mlp.mlp(array, own, "own", hidden))
                values.append((hidden @ own["head"])[..., 0] + own["head_bias"])
        return array.stack(values, -1)


@dataclass(frozen=True)
class PaperUsers:
    """The text's MLP: embeddings of service and size and all deployments (16); with the extended observation, the device beside.

    The deployments, which all users see, pass the first layer once per slot.

    Attributes
    ----------
    layout
        Of the task.
    width, embedding
        Units of the two hidden layers, and of the embeddings of service and size.
    central
        Whether there is one value for all users, of all their requests (17), or one for each of its own observation.
    """

    layout: Layout
    width: int
    embedding: int
    central: bool

    @property
    def devices(self) -> int:
        """Numbers that the observation tells of a user beside its request."""
        return len(self.layout.association_features) - 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the actor's weights by name."""
        return self._trunk("actor") | mlp.shapes("head", (self.width, self.width, self.layout.servers + self.layout.cuts))

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small where the probabilities come from, so that they begin even."""
        return {"head/weight_1": 0.01}

    def prepare(self, static: dict[str, np.ndarray]) -> None:
        """The worlds are not looked at: the observation is all there is."""

    def encode(self, worlds: LocalOptions | None, observation: Observation) -> Seen:
        """What the networks see: service and size of each request, the device, and once all deployments and all requests as numbers."""
        layout = self.layout
        service, samples = layout.requests(observation)
        rows = observation["agents"][:, layout.askers, 2 : 2 + self.devices]
        scale = np.full(self.devices, CHANNEL)
        scale[2 * layout.servers :] = (SPEED, 1.0, 1.0)[: max(0, self.devices - 2 * layout.servers)]
        mask = observation["mask"][:, layout.askers]
        servers, cuts = mask[..., : layout.servers], mask[..., layout.servers : layout.servers + layout.cuts]
        size = np.clip(samples, 1, SAMPLES) - 1
        request = np.concatenate((service[..., None] == np.arange(layout.services), size[..., None] == np.arange(SAMPLES)), axis=2)
        return {
            "request": request.astype(np.float32),
            "numbers": np.concatenate((service / layout.services, (size + 1) / SAMPLES), axis=1).astype(np.float32),
            "device": (rows / scale).astype(np.float32),
            "deployment": layout.deployment(observation).reshape(len(rows), -1).astype(np.float32),
            "servers": servers,
            "cuts": cuts,
            "present": layout.present(observation),
        }

    def heads(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> list[Head]:
        """The choices of a server [n, K, J] and of a cut [n, K, Z], which do not depend on each other."""
        both = mlp.mlp(array, weights, "head", array.tanh(self._first(array, weights, "actor", seen)))
        return [(both[..., : self.layout.servers], seen["servers"]), (both[..., self.layout.servers :], seen["cuts"])]

    def decode(self, choice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Server and cut, shape [n, K] each, of what is chosen, shape [n, K, 2]."""
        return choice[..., 0], choice[..., 1]

    def critic_shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the critics' weights by name."""
        found: dict[str, tuple[int, ...]] = {}
        for critic in REWARD_AND_COST[:channels]:
            if self.central:
                inputs = 2 * self.layout.users + self.layout.services * self.layout.servers
                found |= mlp.shapes(critic, (inputs, self.width, self.width, 1))
            else:
                found |= self._trunk(critic) | mlp.shapes(f"{critic}/head", (self.width, self.width, 1))
        return found

    def value(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> Any:
        """Value of all users' mean return, shape [n, channels], or of each one's own, shape [n, K, channels]."""
        critics = [critic for critic in REWARD_AND_COST if any(name.startswith(f"{critic}/") for name in weights)]
        if not self.central:
            hidden = (array.tanh(self._first(array, weights, critic, seen)) for critic in critics)
            return array.concatenate(
                [mlp.mlp(array, weights, f"{critic}/head", each) for critic, each in zip(critics, hidden, strict=True)], -1
            )
        state = array.concatenate((seen["numbers"], seen["deployment"]), -1)
        return array.concatenate([mlp.mlp(array, weights, critic, state) for critic in critics], -1)

    def _trunk(self, name: str) -> dict[str, tuple[int, ...]]:
        """Shapes of embeddings and first layer."""
        return {
            f"{name}/service": (self.layout.services, self.embedding),
            f"{name}/size": (SAMPLES, self.embedding),
            f"{name}/request": (2 * self.embedding, self.width),
            f"{name}/device": (self.devices, self.width),
            f"{name}/deployment": (self.layout.services * self.layout.servers, self.width),
            f"{name}/bias": (self.width,),
        }

    def _first(self, array: Any, weights: Mapping[str, Any], name: str, seen: Seen) -> Any:
        """First layer before its tanh; embeddings and their weights are joined to one table of all services and sizes."""
        request = weights[f"{name}/request"]
        services, sizes = weights[f"{name}/service"] @ request[: self.embedding], weights[f"{name}/size"] @ request[self.embedding :]
        shared = seen["deployment"] @ weights[f"{name}/deployment"] + weights[f"{name}/bias"]
        first = seen["request"] @ array.concatenate((services, sizes), 0) + shared[:, None]
        return first + seen["device"] @ weights[f"{name}/device"] if self.devices else first


UserNetwork = OptionUsers | PaperUsers


def dense(seen: Seen) -> Seen:
    """The same with the features of each option in its place, shape [n, K, J Z, F], so that units can be picked."""
    if "features" not in seen:
        return seen
    features = np.zeros((*seen["mask"].shape, seen["features"].shape[1]), dtype=np.float32)
    features[seen["mask"]] = seen["features"]
    return seen | {"features": features}
