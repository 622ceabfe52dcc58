"""Rules that decide without looking far: equal share, proportional share, random."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees

__all__ = ["EqualShare", "Proportional", "Random", "algorithms"]


@dataclass(frozen=True)
class EqualShare:
    """Every device gets the same, the remainder goes to the first ones."""

    name: ClassVar[str] = "equal-share"
    kind: ClassVar[Kind] = "trivial"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Nothing to prepare."""

    def act(self, observation: Observation) -> np.ndarray:
        """Ask for the same share, shape [B, M]."""
        return observation["mask"].astype(np.float64)


@dataclass(frozen=True)
class Proportional:
    """Every device gets in proportion to the work w it leaves to the edge."""

    name: ClassVar[str] = "proportional"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Nothing to prepare."""

    def act(self, observation: Observation) -> np.ndarray:
        """Ask for the work left to the edge, which is b up to a constant, shape [B, M]."""
        return observation["agents"][..., 1]


@dataclass
class Random:
    """One of all allocations that spend every multiprocessor, each equally likely."""

    name: ClassVar[str] = "random"
    kind: ClassVar[Kind] = "trivial"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    _multiprocessors: np.ndarray = field(init=False, repr=False)
    _random: RandomState = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Seed the draw."""
        self._multiprocessors = static["multiprocessors"]
        self._random = RandomState(MT19937(SeedSequence(seed)))

    def act(self, observation: Observation) -> np.ndarray:
        """Draw |M| - 1 of the L - 1 places between multiprocessors, shape [B, M]."""
        shares = np.zeros(observation["mask"].shape)
        for row, (mask, multiprocessors) in enumerate(zip(observation["mask"], self._multiprocessors, strict=True)):
            places = self._random.choice(multiprocessors - 1, mask.sum() - 1, replace=False) + 1
            shares[row, mask] = np.diff(np.sort(np.concatenate(([0], places, [multiprocessors]))))
        return shares


algorithms = (EqualShare, Proportional, Random)
