"""The paper's rules that look no slot ahead: local computing, edge computing, and either by chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p1.instance import SERVER
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p1.rules import IDLE, Answer, Rule, Seen, cheapest_share

__all__ = ["EdgeComputing", "LocalComputing", "Random", "algorithms"]


class _OneNode(Rule):
    """Every task runs all its layers at once, on its source or on the server.

    On its source it runs in its first slot or never; the new tasks of a device share what is available of it equally. On the
    server it runs in any slot of its window; in each, the waiting tasks with a link to the server take the free subcarriers
    in order, and those that get one share the server equally. The share taken is the cheapest in time within the equal part.
    """

    kind: ClassVar[Kind] = "trivial"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        super().reset(static, batch, seed)
        self._parts: list[dict[int, tuple[int, int]]] = [{} for _ in range(batch)]

    def _on_server(self, task: int) -> bool:
        """Whether a task is one for the server."""
        raise NotImplementedError

    def _begin(self, row: int, seen: Seen) -> None:
        """Note node and equal part [%] of every task that may run in this slot."""
        world, new = self._worlds[row], self._new(seen)
        local, waiting = [], []
        for task in np.flatnonzero(seen.active).tolist():
            if self._on_server(task):
                if world.link[seen.source[task], SERVER]:
                    waiting.append(task)
            elif new[task]:
                local.append(task)
        sharing = np.bincount(seen.source[local], minlength=world.nodes)
        admitted = waiting[: world.subcarriers]
        parts = self._parts[row] = {}
        for task in local:
            source = int(seen.source[task])
            parts[task] = source, int(seen.availability[source, 0] // sharing[source])
        for task in admitted:
            parts[task] = SERVER, int(seen.availability[SERVER, 0] // len(admitted))

    def _answer(self, row: int, seen: Seen) -> Answer | None:
        node, part = self._parts[row].get(seen.asked, (SERVER, 0))
        layers = self._layout.layers
        share = cheapest_share(self._worlds[row], node, int(seen.mask[node, layers]), part)
        return (node, layers, share) if share else IDLE


@dataclass
class LocalComputing(_OneNode):
    """Sources compute, in the slot of release (the paper's LC)."""

    name: ClassVar[str] = "lc"
    sees: ClassVar[Sees] = "local"

    def _on_server(self, task: int) -> bool:
        return False


@dataclass
class EdgeComputing(_OneNode):
    """The server computes (the paper's EC)."""

    name: ClassVar[str] = "ec"
    sees: ClassVar[Sees] = "central"

    def _on_server(self, task: int) -> bool:
        return True


@dataclass
class Random(_OneNode):
    """Each task by chance on its source or on the server; every episode has the same draws, task by task."""

    name: ClassVar[str] = "random"
    sees: ClassVar[Sees] = "central"

    _random: RandomState = field(init=False, repr=False)
    _draws: list[bool] = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds and seed the draws."""
        super().reset(static, batch, seed)
        self._random = RandomState(MT19937(SeedSequence(seed)))
        self._draws = []

    def _on_server(self, task: int) -> bool:
        while len(self._draws) <= task:
            self._draws.append(bool(self._random.randint(2)))
        return self._draws[task]


algorithms = (LocalComputing, EdgeComputing, Random)
