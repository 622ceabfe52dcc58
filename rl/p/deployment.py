"""The deployment layer: every interval each server chooses services one after the other until nothing fits (19), (28).

A GRU remembers what was chosen. Its mask leaves out what is chosen already and what no longer fits, so that C7 holds; it
is the same when a sequence is sampled, found by greed, or evaluated again. `PaperServers` is the text's: the counts as
they are, an output per service. `PointerServers` scores each service by features of its own, whatever their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mecbench.problems.p.layout import Layout
from mecbench.problems.task import Observation
from mecbench.rl import mlp
from mecbench.rl.gru import gru
from mecbench.rl.gru import shapes as gru_shapes

__all__ = ["HOME", "PREFERENCE", "PaperServers", "PointerServers", "Sequence", "ServerNetwork", "priority", "unroll"]

Seen = dict[str, Any]
Choose = Callable[[int, Any], Any]
"""(step, log-probabilities [n, J, I]) -> what each server chooses, shape [n, J]."""

FEATURES = 12
HOMES = 3  # a service is at home on a third of the servers, on its first one most
AT_HOME = 10  # column that tells how much
HOME, PREFERENCE = "home", 3.0
"""Weight of being at home in a service's score, and what it begins at: so that hardly any is left out before anything is learned."""

GIGA, MEBI = 1e9, 2.0**20


@dataclass(frozen=True)
class Sequence:
    """What the servers chose.

    Attributes
    ----------
    order
        Services in the order of their choice, then -1; shape [n, J, I].
    log_prob
        Of the whole sequence (30), shape [n, J].
    entropy
        Mean over its steps, shape [n, J].
    length
        Number of services, shape [n, J].
    hidden
        Sum over its steps of the hidden state after each, shape [n, J, H].
    """

    order: Any
    log_prob: Any
    entropy: Any
    length: Any
    hidden: Any


@dataclass(frozen=True)
class PointerServers:
    """Scores each service by its features, the hidden state, and the room that it would take of what is left.

    Services and servers are numbered, which breaks the tie between servers that know the same: each service is at home on
    a third of the servers, from its own one on, and features tell how many servers on and how much at home it would be.

    Attributes
    ----------
    layout
        Of the task.
    width
        Units of the GRU and of the scores' hidden layer.
    central
        Whether a server's critic sees the other servers.
    """

    layout: Layout
    width: int
    central: bool

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the actor's weights by name."""
        width = self.width
        return {
            **mlp.shapes("start", (FEATURES, width)),
            **gru_shapes("memory", FEATURES, width),
            **mlp.shapes("service", (FEATURES, width)),
            **mlp.shapes("query", (width, width)),
            "room": (1, width),
            "score": (width, 1),
            HOME: (1,),
        }

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small where the probabilities come from, so that they begin even; `HOME` begins elsewhere."""
        return {"score": 0.01, HOME: 0.0}

    def encode(self, static: Mapping[str, np.ndarray], observation: Observation) -> Seen:
        """What the networks see of each service at each server."""
        layout = self.layout
        asked, here = layout.request_counts(observation)[:, None], layout.local_counts(observation)
        held = layout.deployment(observation)
        shape = here.shape
        model = static["service_model"]
        rows = np.arange(len(model))[:, None]
        size = static["layer_bytes"].sum(axis=2)[rows, model]
        work = static["flops_per_mac"][:, None] * static["layer_macs"].sum(axis=2)[rows, model] / GIGA
        raw = static["input_bytes"][rows, model] / MEBI
        everything = asked.sum(axis=2, keepdims=True)
        home = (np.arange(layout.services) - np.arange(layout.servers)[:, None]) % layout.servers
        columns = (
            asked / everything,
            here / everything,
            np.log1p(asked),
            np.log1p(here),
            size[:, None] / static["storage"][:, :, None],
            np.log1p(work)[:, None],
            raw[:, None],
            held,
            (held.sum(axis=1, keepdims=True) - held) / layout.servers,
            home / layout.servers,
            np.maximum(0.0, 1.0 - HOMES * home / layout.servers),
            observation["shared"][:, -2, None, None],
        )
        features = np.stack([np.broadcast_to(column, shape) for column in columns], axis=-1)
        return {"features": features.astype(np.float32)} | _room(static, size, shape)

    def start(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> tuple[Any, Any]:
        """Hidden state before the first choice, shape [n, J, H], and what stays: the first layer of the scores, and the part of home."""
        features = seen["features"]
        hidden = array.tanh(mlp.mlp(array, weights, "start", features.mean(2)))
        return hidden, (mlp.mlp(array, weights, "service", features), weights[HOME] * features[..., AT_HOME])

    def inputs(self, array: Any, seen: Seen, chosen: Any, taken: Any) -> Any:
        """Input of the GRU: features of the last choice (one-hot, shape [n, J, I]), zeros at first."""
        return array.where(chosen[..., None], seen["features"], 0.0).sum(2)

    def logits(self, array: Any, weights: Mapping[str, Any], constant: Any, hidden: Any, room: Any) -> Any:
        """Scores of the services; `room` is their size over what is left, shape [n, J, I]."""
        service, home = constant
        layer = service + mlp.mlp(array, weights, "query", hidden)[..., None, :] + room[..., None] @ weights["room"]
        return (array.tanh(layer) @ weights["score"])[..., 0] + home

    def critic_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the critic's weights by name."""
        return mlp.shapes("value", ((1 + self.central) * FEATURES, self.width, 1))

    def value(self, array: Any, weights: Mapping[str, Any], actor: Mapping[str, Any], seen: Seen, order: Any) -> Any:
        """Value of each server's return, shape [n, J, 1], before anything is chosen."""
        state = seen["features"].mean(2)
        if self.central:
            state = array.concatenate((state, state.mean(1)[:, None] + 0.0 * state), -1)
        return mlp.mlp(array, weights, "value", state)


@dataclass(frozen=True)
class PaperServers:
    """The text's GRU over the observation (14) with an output per service; its critic shares the encoder (29).

    Attributes
    ----------
    layout
        Of the task.
    width
        Units of the GRU.
    central
        Whether the critic sees all servers' last deployments (15).
    """

    layout: Layout
    width: int
    central: bool

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the actor's weights by name."""
        return gru_shapes("memory", 3 * self.layout.services, self.width) | mlp.shapes("score", (self.width, self.layout.services))

    def gains(self) -> dict[str, float]:
        """Factors of initial weights: small where the probabilities come from, so that they begin even."""
        return {"score/weight_0": 0.01}

    def encode(self, static: Mapping[str, np.ndarray], observation: Observation) -> Seen:
        """Counts of all requests and of a server's own, over the mean number of requests per service, and the last deployment."""
        layout = self.layout
        asked, here = layout.request_counts(observation)[:, None], layout.local_counts(observation)
        counts = np.concatenate((np.broadcast_to(asked, here.shape), here), axis=2) / asked.mean(axis=2, keepdims=True)
        size = static["layer_bytes"].sum(axis=2)[np.arange(len(here))[:, None], static["service_model"]]
        last = layout.deployment(observation).reshape(len(here), -1).astype(np.float32)
        return {"counts": counts.astype(np.float32), "last": last} | _room(static, size, here.shape)

    def start(self, array: Any, weights: Mapping[str, Any], seen: Seen) -> tuple[Any, Any]:
        """Hidden state before the first choice, zeros of shape [n, J, H]; nothing else is the same in all steps."""
        zeros = 0.0 * seen["counts"][..., :1]
        return zeros + 0.0 * weights["memory/hidden"][0, : self.width], None

    def inputs(self, array: Any, seen: Seen, chosen: Any, taken: Any) -> Any:
        """Input of the GRU: the observation, with what is chosen so far."""
        return array.concatenate((seen["counts"], array.where(taken, seen["counts"][..., : taken.shape[-1]] * 0.0 + 1.0, 0.0)), -1)

    def logits(self, array: Any, weights: Mapping[str, Any], constant: Any, hidden: Any, room: Any) -> Any:
        """An output per service."""
        return mlp.mlp(array, weights, "score", hidden)

    def critic_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the critic's weights by name; the GRU is the actor's."""
        inputs = self.width + self.central * self.layout.services * self.layout.servers
        return mlp.shapes("value", (inputs, 1))

    def value(self, array: Any, weights: Mapping[str, Any], actor: Mapping[str, Any], seen: Seen, order: Any) -> Any:
        """Mean of the values of a sequence's steps (29), shape [n, J, 1]: the head is linear, so that of their mean hidden state.

        Without a sequence, at the end of a rollout, it is that of the most probable one.
        """
        chosen = unroll(array, self, actor, seen, _greedy if order is None else _given(order))
        steps = array.where(chosen.length > 0, chosen.length, 1.0)[..., None]
        state = chosen.hidden / _like(array, steps, chosen.hidden)
        if self.central:
            last = seen["last"][:, None] + 0.0 * state[..., :1]
            state = array.concatenate((state, last), -1)
        return mlp.mlp(array, weights, "value", state)


ServerNetwork = PointerServers | PaperServers


def unroll(array: Any, network: ServerNetwork, weights: Mapping[str, Any], seen: Seen, choose: Choose) -> Sequence:
    """Let every server choose until nothing fits.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    network, weights
        The actor and its arrays.
    seen
        What the network's `encode` gives, leading shape [n, J].
    choose
        Picks a service of each server by its log-probabilities; what it picks where nothing fits is not read.
    """
    size, free = seen["size"], seen["storage"]
    services = size.shape[-1]
    position = array.cumsum(array.ones_like(size), -1) - 1.0
    taken = size < 0  # nothing
    chosen = taken
    hidden, constant = network.start(array, weights, seen)
    log_prob = entropy = length = 0.0 * free
    summed = 0.0 * hidden
    order = []
    for step in range(services):
        mask = ~taken & (size <= free[..., None])
        goes_on = mask.any(-1)
        if not goes_on.any():
            break
        hidden = gru(array, weights, "memory", network.inputs(array, seen, chosen, taken), hidden)
        room = array.where(mask, size / array.where(goes_on, free, 1.0)[..., None], 0.0)
        logs = mlp.log_probabilities(array, network.logits(array, weights, constant, hidden, _like(array, room, hidden)), mask)
        index = choose(step, logs)
        chosen = (position == index[..., None]) & goes_on[..., None]
        log_prob = log_prob + array.where(chosen, logs, 0.0).sum(-1)
        entropy = entropy - array.where(mask, array.exp(logs) * logs, 0.0).sum(-1)
        length = length + array.where(goes_on, 1.0, 0.0)
        summed = summed + array.where(goes_on[..., None], hidden, 0.0)
        order.append(array.where(goes_on, index, -1))
        taken = taken | chosen
        free = free - array.where(chosen, size, 0.0).sum(-1)
    missing = array.where(taken, -1, -1)
    steps = len(order)
    whole = array.concatenate((array.stack(order, -1), missing[..., steps:]), -1) if order else missing
    return Sequence(whole, log_prob, entropy / array.where(length > 0, length, 1.0), length, summed)


def priority(order: np.ndarray) -> np.ndarray:
    """Priorities that place services in this order, those of others 0; [n, J, I] -> [n, J, I]."""
    services = order.shape[2]
    found = np.zeros((*order.shape[:2], services + 1))
    np.put_along_axis(found, np.where(order < 0, services, order), np.arange(services, 0, -1)[None, None] + 0.0 * order, axis=2)
    return found[..., :services]


def _given(order: Any) -> Choose:
    """Choose what was chosen before."""
    return lambda step, logs: order[..., step]


def _greedy(step: int, logs: Any) -> Any:
    """Choose what is most probable."""
    return logs.argmax(-1)


def _room(static: Mapping[str, np.ndarray], size: np.ndarray, shape: tuple[int, ...]) -> Seen:
    """D_i at every server, shape [B, J, I], and S_j, shape [B, J]; whole bytes in float64, so that what fits is exact."""
    return {"size": np.broadcast_to(size[:, None].astype(float), shape).copy(), "storage": static["storage"].astype(float)}


def _like(array: Any, values: Any, example: Any) -> Any:
    """The values in the precision of the network."""
    return values.astype(example.dtype) if array is np else values.to(example.dtype)
