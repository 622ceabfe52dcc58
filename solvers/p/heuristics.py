"""The paper's heuristics, rule by rule: Local-Only, Edge-Only, Greedy, LRU and Random."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p import Instance, physics
from mecbench.problems.p.layout import ASSOCIATION, DEPLOYMENT, Layout
from mecbench.problems.p.options import options
from mecbench.problems.p.worlds import known
from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees

__all__ = ["EdgeOnly", "Greedy", "LocalOnly", "Lru", "Random", "algorithms"]


class _Popularity:
    """What the heuristics share: popular services everywhere, the strongest channel, equal shares."""

    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    _layout: Layout
    _static: dict[str, np.ndarray]
    _present: np.ndarray

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        self._layout = Layout.of(static)
        self._static = static
        self.__dict__.pop("_worlds", None)  # those of the batch before
        self._present = np.arange(self._layout.users) < static["users"][:, None]

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        layout, phase = self._layout, observation["phase"][0]
        if phase == DEPLOYMENT:
            return layout.deploy(self._priority(observation))
        if phase == ASSOCIATION:
            server = self._server(observation)
            return layout.associate(server, self._cut(observation, server))
        return layout.allocate(*self._fractions(observation))

    @cached_property
    def _worlds(self) -> list[Instance]:
        """Made where channels or options are asked for: who only deploys and shares equally does not wait for it."""
        return known(self._static)

    def _priority(self, observation: Observation) -> np.ndarray:
        """Requests of the last interval, by all users, in (0, 1], shape [B, J, I]."""
        counts = self._layout.request_counts(observation)
        ranked = (counts + 1.0) / (counts.max(axis=1, keepdims=True) + 1.0)
        return np.repeat(ranked[:, None], self._layout.servers, axis=1)

    def _server(self, observation: Observation) -> np.ndarray:
        """Strongest gain among the servers that hold the service, or among all if none does, shape [B, K]."""
        _, uplink = self._layout.links(observation)
        bandwidth = np.stack([world.bandwidth for world in self._worlds])
        # The uplink is log2(1 + P_k g / (density B_j)), which tells the gain of each server up to a factor of the user.
        gain = np.expm1(uplink * np.log(2.0)) * bandwidth[:, :, None]
        allowed = observation["mask"][:, self._layout.askers, : self._layout.servers].swapaxes(1, 2)
        server: np.ndarray = np.where(allowed, gain, -1.0).argmax(axis=1)
        return server

    def _cut(self, observation: Observation, server: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _fractions(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """1 / n_j of either resource, n_j counting users that miss."""
        _, server, _ = self._layout.chosen(observation)
        equal = self._parts(server, np.ones(server.shape))
        return equal, equal

    def _parts(self, server: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weights normalised over the users of each server, shape [B, K]."""
        parts = np.zeros(weight.shape)
        for row, present in enumerate(self._present):
            total = np.bincount(server[row, present], weights=weight[row, present], minlength=self._layout.servers)
            parts[row, present] = weight[row, present] / total[server[row, present]]
        return parts


@dataclass
class LocalOnly(_Popularity):
    """Users compute everything: z = L."""

    name: ClassVar[str] = "local-only"
    kind: ClassVar[Kind] = "trivial"

    def _cut(self, observation: Observation, server: np.ndarray) -> np.ndarray:
        return np.full(server.shape, self._layout.cuts)  # the task reads it as L


@dataclass
class EdgeOnly(_Popularity):
    """Servers compute everything: z = 0."""

    name: ClassVar[str] = "edge-only"
    kind: ClassVar[Kind] = "trivial"

    def _cut(self, observation: Observation, server: np.ndarray) -> np.ndarray:
        return np.zeros(server.shape)


@dataclass
class Greedy(_Popularity):
    """Users compute as much as the delay limit admits at equal shares, or nothing."""

    name: ClassVar[str] = "greedy"
    kind: ClassVar[Kind] = "heuristic"

    def _cut(self, observation: Observation, server: np.ndarray) -> np.ndarray:
        service, batch = self._layout.requests(observation)
        links = self._layout.links(observation)
        share = self._parts(server, np.ones(server.shape))
        cut = np.zeros(server.shape)
        for row, world in enumerate(self._worlds):
            users = np.arange(world.users)
            at, part = server[row, users], share[row, users, None]
            asked = options(world, service[row : row + 1, users], batch[row : row + 1, users])
            downlink, uplink = (link[row, at, users, None] for link in links)
            delay = physics.delay(
                asked.delay[0],
                asked.upload[0] / uplink + asked.download[0] / downlink,
                world.bandwidth[at, None] * part,
                asked.work[0],
                world.server_flops[at, None] * part,
            )
            depth = np.arange(delay.shape[1])
            keeps = (delay <= world.delay_limit) & (depth <= asked.cuts[0][:, None])
            cut[row, users] = np.where(keeps, depth, 0).max(axis=1)
        return cut


@dataclass
class Lru(Greedy):
    """Servers deploy by their own requests of the last interval, equal ones by everybody's; users choose as in Greedy."""

    name: ClassVar[str] = "lru"

    def _priority(self, observation: Observation) -> np.ndarray:
        here = self._layout.local_counts(observation)
        priority: np.ndarray = (here + super()._priority(observation)) / (1.0 + here.max(axis=(1, 2), keepdims=True))
        return priority


@dataclass
class Random(_Popularity):
    """Everything by chance: deployment, server, cut and shares."""

    name: ClassVar[str] = "random"
    kind: ClassVar[Kind] = "trivial"

    _random: RandomState = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds and seed the draws."""
        super().reset(static, batch, seed)
        self._random = RandomState(MT19937(SeedSequence(seed)))

    def _priority(self, observation: Observation) -> np.ndarray:
        return 1.0 - self._random.random_sample((len(self._present), self._layout.servers, self._layout.services))

    def _server(self, observation: Observation) -> np.ndarray:
        return self._random.randint(self._layout.servers, size=self._present.shape)

    def _cut(self, observation: Observation, server: np.ndarray) -> np.ndarray:
        mask = observation["mask"][:, self._layout.askers, self._layout.servers : self._layout.servers + self._layout.cuts]
        return np.floor(self._random.random_sample(server.shape) * mask.sum(axis=2))

    def _fractions(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        _, server, _ = self._layout.chosen(observation)
        bandwidth, compute = (self._parts(server, 1.0 - self._random.random_sample(server.shape)) for _ in range(2))
        return bandwidth, compute


algorithms = (LocalOnly, EdgeOnly, Greedy, Lru, Random)
