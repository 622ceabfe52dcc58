"""Rules without a plan: by chance, all local, by turns, and greedy for the channels, each as far-sighted as it weights quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.layout import DECISIONS, Layout, Seen
from mecbench.problems.cmg.worlds import Decisions
from mecbench.problems.task import Observation
from mecbench.solvers.cmg.chunk_choice import Choice, Chunks, Terms, affordable_frequency, choose
from mecbench.solvers.outcome import Kind, Sees

__all__ = [
    "GreedyHorizon",
    "GreedyMyopic",
    "GreedyStationary",
    "LocalHorizon",
    "LocalMyopic",
    "LocalStationary",
    "Random",
    "Turn",
    "algorithms",
]

Foresight = Literal["myopic", "stationary", "horizon"]


class _Rule:
    """What the rules share: they see the slot, decide, and ask for it."""

    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    _layout: Layout
    _static: dict[str, np.ndarray]

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        self._static = static
        self._layout = Layout.of(static, see_eve=self.task_options.get("see_eve", False))

    @property
    def task_options(self) -> Mapping[str, Any]:
        """Keywords of the task."""
        return {}

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the slot at hand."""
        seen = self._layout.see(observation, self._static)
        return self._layout.ask(self._decide(seen, observation["mask"]), self._static)

    def _decide(self, seen: Seen, present: np.ndarray) -> Decisions:
        """Decisions of all devices, where `present`, shape [B, A], says whether there is one."""
        raise NotImplementedError


@dataclass
class Random(_Rule):
    """Each chunk offloaded or not, and all else uniform in its bounds; every episode has the same draws, device by device.

    Attributes
    ----------
    strict
        Whether the task turns into the fallback what exceeds the energy limit, which nothing else here heeds.
    """

    name: ClassVar[str] = "random"
    kind: ClassVar[Kind] = "trivial"
    sees: ClassVar[Sees] = "local"

    strict: bool = False

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds and seed the draws."""
        super().reset(static, batch, seed)
        self._seed, self._slot = seed, 0

    @property
    def task_options(self) -> Mapping[str, Any]:
        """Keywords of the task."""
        return {"strict": self.strict}

    def _decide(self, seen: Seen, present: np.ndarray) -> Decisions:
        # A stream of its own for each slot, so that padding changes nobody's draws.
        random = RandomState(MT19937(SeedSequence((self._seed, self._slot))))
        self._slot += 1
        draws = np.moveaxis(random.random_sample((*seen.gain.shape[1:], len(DECISIONS))), -1, 0)[:, None]
        static = self._static

        def between(draw: np.ndarray, name: str) -> np.ndarray:
            least, most = static[f"least_{name}"][:, None, None], static[f"most_{name}"]
            return least + draw * ((most[..., None] if most.ndim == 2 else most[:, None, None]) - least)

        first, last = (static[f"{end}_frames"][:, None, None] for end in ("least", "most"))
        return Decisions(
            offload=np.broadcast_to(draws[0] < 0.5, seen.gain.shape),
            frames=first + np.floor(draws[1] * (last - first + 1)),
            resolution=between(draws[2], "resolution"),
            power=between(draws[3], "power"),
            frequency=between(draws[4], "frequency"),
        )


class _Local(_Rule):
    """Each chunk takes the frame rate that is worth most in this slot, at an equal part of what its device may spend.

    What quality counts is 1/t, its effect on the averages of slot t itself (``myopic``), 1 (``stationary``), or w_t, that on all
    averages to come (``horizon``). What is spent is not missed later.
    """

    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "local"
    foresight: ClassVar[Foresight]

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        super().reset(static, batch, seed)
        self._chunks = Chunks(static, self._layout.chunks)

    def _decide(self, seen: Seen, present: np.ndarray) -> Decisions:
        local = choose(self._terms(seen), False, self._chunks.allowance(seen))
        return Decisions(np.zeros(seen.gain.shape, dtype=bool), local.frames, local.resolution, local.frequency, local.power)

    def _terms(self, seen: Seen) -> Terms:
        """What the devices choose on."""
        return self._chunks.terms(seen, self._weight(seen.slot))

    def _weight(self, slot: np.ndarray) -> np.ndarray:
        """What quality counts in the slot at hand, shape [B]."""
        if self.foresight == "myopic":
            return 1.0 / (slot + 1.0)
        if self.foresight == "stationary":
            return np.ones(slot.size)
        return self._chunks.horizon(slot)

    @staticmethod
    def _offloading(offload: np.ndarray, sent: Choice, local: Choice, terms: Terms, allowance: np.ndarray) -> Decisions:
        """What is sent where chunks are offloaded, and what is computed elsewhere; what is refused keeps to its allowance too."""
        return Decisions(
            offload=offload,
            frames=np.where(offload, sent.frames, local.frames),
            resolution=np.where(offload, sent.resolution, local.resolution),
            frequency=np.where(offload, np.minimum(affordable_frequency(terms, sent, allowance), local.frequency), local.frequency),
            power=np.where(offload, sent.power, local.power),
        )


class _Greedy(_Local):
    """The same, and each channel goes to the device that gains most by offloading, of those that are secure alone on it.

    Attributes
    ----------
    blind
        Whether the eavesdropper is ignored, whose estimated gains are not seen then. Requests are refused for it, and
        run locally as fast as the energy of a chunk allows.
    """

    sees: ClassVar[Sees] = "central"

    blind: bool

    @property
    def task_options(self) -> Mapping[str, Any]:
        """Keywords of the task."""
        return {"see_eve": not self.blind}

    def _decide(self, seen: Seen, present: np.ndarray) -> Decisions:
        terms, allowance = self._terms(seen), self._chunks.allowance(seen)
        local, sent = choose(terms, False, allowance), choose(terms, True, allowance)
        able = present[..., None] & (sent.value > -np.inf)
        if not self.blind:
            able &= self._secure(seen, sent.power)
        gain = np.subtract(sent.value, local.value, out=np.full(able.shape, -np.inf), where=able)
        devices = np.arange(gain.shape[1])[:, None]
        offload = (gain.argmax(axis=1)[:, None] == devices) & (gain > 0.0)
        return self._offloading(offload, sent, local, terms, allowance)

    def _secure(self, seen: Seen, power: np.ndarray) -> np.ndarray:
        """Whether each chunk would be secure alone on its channel, bool, shape [B, A, K]."""
        static = self._static
        error = static["estimate_error"][:, None, None]
        literal = bool((static["eavesdropper_power"] == "const").all())
        channels = physics.Channels(
            gain=seen.gain,
            eavesdropper_most=seen.estimate + error,
            eavesdropper_least=np.maximum(seen.estimate - error, 0.0),
            noise=static["noise"][:, None, None],
            eavesdropper_noise=static["eavesdropper_noise"][:, None, None],
            eavesdropper_watts=static["eavesdropper_watts"][:, None, None] if literal else None,
        )
        margin = physics.secrecy_margin(channels, np.zeros(power.shape, dtype=bool), power)
        secure: np.ndarray = margin >= physics.SECRECY_MARGIN
        return secure


@dataclass
class LocalMyopic(_Local):
    """All chunks are computed; quality counts as in this slot's averages."""

    name: ClassVar[str] = "local-myopic"
    foresight: ClassVar[Foresight] = "myopic"


@dataclass
class LocalStationary(_Local):
    """All chunks are computed; quality counts the same in all slots."""

    name: ClassVar[str] = "local-stationary"
    foresight: ClassVar[Foresight] = "stationary"


@dataclass
class LocalHorizon(_Local):
    """All chunks are computed; quality counts as in all averages to come."""

    name: ClassVar[str] = "local-horizon"
    foresight: ClassVar[Foresight] = "horizon"


@dataclass
class Turn(_Local):
    """Each channel is one device's, dealt out once and for all: it offloads there what it would rather not compute.

    Devices that do not see each other need no more than that so as not to meet. What the eavesdropper hears nobody knows, so some of it
    is refused. Quality counts as in all averages to come.
    """

    name: ClassVar[str] = "turn"
    foresight: ClassVar[Foresight] = "horizon"

    def _decide(self, seen: Seen, present: np.ndarray) -> Decisions:
        terms, allowance = self._terms(seen), self._chunks.allowance(seen)
        local, sent = choose(terms, False, allowance), choose(terms, True, allowance)
        # A chunk that the energy does not suffice for is worth minus infinity, and is not sent.
        return self._offloading(self._chunks.turns() & (sent.value > local.value), sent, local, terms, allowance)


@dataclass
class GreedyMyopic(_Greedy):
    """Greedy for the channels; quality counts as in this slot's averages."""

    name: ClassVar[str] = "greedy-myopic"
    foresight: ClassVar[Foresight] = "myopic"

    blind: bool = False


@dataclass
class GreedyStationary(_Greedy):
    """Greedy for the channels; quality counts the same in all slots."""

    name: ClassVar[str] = "greedy-stationary"
    foresight: ClassVar[Foresight] = "stationary"

    blind: bool = False


@dataclass
class GreedyHorizon(_Greedy):
    """Greedy for the channels; quality counts as in all averages to come."""

    name: ClassVar[str] = "greedy-horizon"
    foresight: ClassVar[Foresight] = "horizon"

    blind: bool = False


algorithms = (Random, LocalMyopic, LocalStationary, LocalHorizon, Turn, GreedyMyopic, GreedyStationary, GreedyHorizon)
