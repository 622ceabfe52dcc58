"""An algorithm around another one that looks at what it does to its instance."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mecbench.problems.arrays import ArrayModel
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget, Outcome

__all__ = ["CHANGED", "Probe", "write_probe"]

CHANGED = "changed "
"""Prefix of the metrics that name what was changed."""


class Probe:
    """Runs an algorithm on an instance and notes in its metrics which fields or derived arrays it changed.

    The evaluator never sees a changed instance, since it has one of its own; but whoever solves the same instance twice
    in a process would.

    Parameters
    ----------
    algorithm
        Name as `solvers.catalogue.resolve` reads it.
    problem
        Problem it is to solve.
    """

    def __init__(self, algorithm: str, problem: str) -> None:
        self._algorithm = resolve(algorithm, problem)
        self.problem = problem
        self.kind = self._algorithm.kind
        self.requires = self._algorithm.requires

    def solve(self, instance: ArrayModel, budget: Budget, seed: int) -> Outcome:
        """Run the algorithm."""
        before = _contents(instance)
        outcome = self._algorithm.solve(instance, budget, seed)
        after = _contents(instance)
        changed = [name for name, content in after.items() if content != before.get(name, content)]
        # What bounds and finds no solution has nothing else to show; other claims have been looked at.
        bound = outcome.bound if outcome.solution is None else None
        return Outcome(outcome.solution, bound, metrics={f"{CHANGED}{name}": 1.0 for name in changed})


def write_probe(algorithm: str, problem: str, folder: Path) -> str:
    """Write the file of a probe, whose name the harness takes like that of any user's algorithm."""
    path = folder / "probe.py"
    path.write_text(f"from mecbench.benchmarks.probe import Probe\n\nprobe = Probe({algorithm!r}, {problem!r})\n", encoding="utf-8")
    return f"{path}:probe"


def _contents(instance: ArrayModel) -> dict[str, bytes]:
    """Bytes of every field and every derived quantity of an instance."""
    derived = [name for kind in type(instance).__mro__ for name, item in vars(kind).items() if isinstance(item, cached_property)]
    return {name: _bytes(getattr(instance, name)) for name in dict.fromkeys([*type(instance).model_fields, *derived])}


def _bytes(value: Any) -> bytes:
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
