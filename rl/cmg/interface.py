"""Between task and actors: what a device sees, and what its numbers ask for.

``text`` is the paper's: a device sees (32), and its numbers are the decisions (34) themselves. ``priced`` shows a device its chunks
one by one, and its numbers say what economics cannot: whether to offload, what a joule will be worth later, and which chunk needs it
most. Frame rate, resolution, frequency and power are then the closed forms' at that price.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.random import RandomState

from mecbench.problems.cmg.layout import DECISIONS, Layout
from mecbench.problems.cmg.worlds import Decisions
from mecbench.problems.task import Observation
from mecbench.solvers.cmg.chunk_choice import Chunks, affordable_frequency, choose

__all__ = ["PRICED", "TURN", "Interface", "Kind", "PricedInterface", "TextInterface", "interface"]

Kind = Literal["priced", "text"]

PRICED = ("offload", "price", "claim")
"""What a device says of each chunk through the priced interface, each in [-1, 1]."""

TURN = 13
"""Feature of the priced interface that says whether it is the device's turn on the chunk's channel."""

STEEPEST = 5.0  # logarithm of the largest price of a joule [1/J]; that of the penalty (23) is K per slot to come
CLOSE = 1e-3  # relative, of the price at which a chunk keeps within its claim
BOLDEST = 2.0  # logarithm of the largest ratio of a chunk's claim to a neutral one


class Interface(Protocol):
    """What actors see and say in a batch of episodes.

    Attributes
    ----------
    paper_obs
        Whether the task shows what (32) lists and no more.
    features
        F, numbers that a device sees; of each chunk where `by_chunk`.
    actions
        M, numbers in [-1, 1] that a device says.
    by_chunk
        Whether `encode` gives a row to each chunk.
    doubtful
        Whether `settle` changes anything.
    """

    paper_obs: bool
    features: int
    actions: int
    by_chunk: bool
    doubtful: bool

    def reset(self, static: dict[str, np.ndarray]) -> None:
        """Learn the worlds."""

    def encode(self, observation: Observation) -> np.ndarray:
        """What the devices see, float32, shape [B, A, F] or [B, A, K, F]; the first feature says whether there is a device."""

    def explore(self, random: RandomState, episodes: int, devices: int) -> np.ndarray:
        """What devices may say before anything is learned, by chance, shape [B, A, M]."""

    def settle(self, array: Any, said: Any, draws: Any) -> Any:
        """What devices say with doubtful numbers made -1 or 1, each with a probability that rises in a straight line with it.

        Parameters
        ----------
        array
            The module ``numpy`` or ``torch``.
        said
            Shape [n, A, M].
        draws
            Uniform numbers of [-1, 1], shape [n, A, M].
        """

    def decide(self, observation: Observation, said: np.ndarray) -> np.ndarray:
        """The task's action [B, A, 5 K] for what the devices say, shape [B, A, M]."""


class TextInterface:
    """The paper's: (32) in, (34) out.

    Parameters
    ----------
    chunks
        K.
    """

    paper_obs = True
    by_chunk = False
    doubtful = False

    def __init__(self, chunks: int) -> None:
        self.features = 1 + len(Layout(1, chunks, paper_obs=True).agent_features)
        self.actions = len(DECISIONS) * chunks

    def reset(self, static: dict[str, np.ndarray]) -> None:
        """Nothing is to be learned of the worlds."""

    def encode(self, observation: Observation) -> np.ndarray:
        """The bandwidth, which is the same for all, and the device's row of (32)."""
        bandwidth = observation["shared"][:, None] * observation["mask"][..., None]
        return np.concatenate((bandwidth, observation["agents"]), axis=-1).astype(np.float32)

    def explore(self, random: RandomState, episodes: int, devices: int) -> np.ndarray:
        """Uniform numbers."""
        return random.uniform(-1.0, 1.0, (episodes, devices, self.actions))

    def settle(self, array: Any, said: Any, draws: Any) -> Any:
        """Nothing is in doubt: critics see the number, of which the task sees the sign."""
        return said

    def decide(self, observation: Observation, said: np.ndarray) -> np.ndarray:
        """What is said is the action."""
        return said.astype(np.float64)


class PricedInterface:
    """Rows of chunks in; offload, price of energy and claim on it out.

    A row holds what the device sees of itself and of this chunk, how much quality counts in this slot (w of the objective) and how many
    slots are left, whether it is the device's turn on the chunk's channel, and the means of gain and turn over its chunks. Turns are
    those of the rule `mecbench.solvers.cmg.heuristics.Turn`: what devices that do not see each other need so as not to meet.

    Parameters
    ----------
    chunks
        K.
    """

    paper_obs = False
    by_chunk = True
    doubtful = True
    features = 15

    def __init__(self, chunks: int) -> None:
        self.actions = len(PRICED) * chunks

    def reset(self, static: dict[str, np.ndarray]) -> None:
        """Learn the worlds."""
        self._static = static
        self._layout = Layout.of(static)
        self._chunks = Chunks(static, self._layout.chunks)
        self._turn = self._chunks.turns().astype(float)

    def encode(self, observation: Observation) -> np.ndarray:
        """Rows of the chunks, shape [B, A, K, 15]."""
        layout, agents = self._layout, observation["agents"]
        seen = layout.see(observation, self._static)
        gain = 5.0 * agents[..., layout.block("gain")] - 4.0  # gains lie within 2 dB
        weight, left = self._chunks.horizon(seen.slot), self._static["slots"] - seen.slot
        shape = gain.shape
        whole = [
            observation["mask"].astype(float),
            *(agents[..., layout.column(name)] for name in ("most_power", "least_power", "most_frequency", "least_frequency")),
            agents[..., layout.column("battery")],
            agents[..., layout.column("harvest")],
            weight[:, None] / 3.0,
            np.log1p(left)[:, None] / 4.0,
            1.0 / left[:, None].clip(1),
            gain.mean(axis=-1),
            self._turn.mean(axis=-1),
        ]
        own = [gain, np.broadcast_to(self._turn, shape), agents[..., layout.block("last_frames")]]
        columns = [np.broadcast_to(values[..., None], shape) for values in whole] + own
        rows = np.stack(columns, axis=-1) * observation["mask"][..., None, None]
        return rows.astype(np.float32)

    def explore(self, random: RandomState, episodes: int, devices: int) -> np.ndarray:
        """Uniform numbers, but requests that come to one per channel: of more nearly all are refused, and nothing is learned of them."""
        said = random.uniform(-1.0, 1.0, (episodes, devices, self.actions // len(PRICED), len(PRICED)))
        # The mean of u^(N - 1) is 1 / N for a uniform u of [0, 1].
        said[..., 0] = 2.0 * ((said[..., 0] + 1.0) / 2.0) ** max(devices - 1, 1) - 1.0
        return said.reshape(episodes, devices, self.actions)

    def settle(self, array: Any, said: Any, draws: Any) -> Any:
        """Requests are in doubt: a critic of requests that were made or not learns what each is worth, however rare they are."""
        doubtful = array.arange(self.actions) % len(PRICED) == PRICED.index("offload")
        return array.where(doubtful, array.where(said > draws, 1.0, -1.0), said)

    def decide(self, observation: Observation, said: np.ndarray) -> np.ndarray:
        """The best that each chunk can do at its price and within its claim, by the closed forms."""
        seen = self._layout.see(observation, self._static)
        offload, price, claim = np.moveaxis(said.astype(np.float64).reshape(*seen.gain.shape, len(PRICED)), -1, 0)
        worth = (np.exp(STEEPEST * price) - np.exp(-STEEPEST))[..., None]
        share = np.exp(BOLDEST * claim)
        share /= share.mean(axis=-1, keepdims=True)
        allowance = self._chunks.allowance(seen) * share[..., None]
        terms = self._chunks.terms(seen, self._chunks.horizon(seen.slot))
        there = np.broadcast_to(observation["mask"][..., None], offload.shape)
        local = there.copy()
        chosen = {name: np.zeros(offload.shape) for name in DECISIONS}
        if (asked := (offload > 0.0) & there).any():
            few, allowed = terms.take(asked), allowance[asked]
            sent = choose(few, True, allowed, worth[asked], CLOSE)
            able = sent.value > -np.inf
            spare = affordable_frequency(few, sent, allowed)
            values = (able.astype(float), sent.frames, sent.resolution, sent.power, spare)
            for name, value in zip(DECISIONS, values, strict=True):
                chosen[name][asked] = value
            local[asked] = ~able
        kept = choose(terms.take(local), False, allowance[local], worth[local], CLOSE)
        for name, value in zip(DECISIONS[1:], (kept.frames, kept.resolution, kept.power, kept.frequency), strict=True):
            chosen[name][local] = value
        decisions = Decisions(**(chosen | {"offload": chosen["offload"] > 0.0}))
        return self._layout.ask(decisions, self._static)


def interface(kind: Kind, chunks: int) -> Interface:
    """Interface of a kind for chunks of a number."""
    return TextInterface(chunks) if kind == "text" else PricedInterface(chunks)
