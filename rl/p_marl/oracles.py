"""Oracles of the fairness reward beside the exact one, which the task has itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_marl.task import Oracle
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_edge.algorithm_1 import Algorithm1

__all__ = ["ORACLES", "algorithm_1"]


class _Costs(NamedTuple):
    """An edge by its costs alone."""

    fixed_cost: np.ndarray
    shared_cost: np.ndarray
    multiprocessors: int


def algorithm_1(fixed: np.ndarray, shared: np.ndarray, multiprocessors: int) -> np.ndarray:
    """The paper's Algorithm 1 as printed, but for its endless loop; arguments as of `problems.p_marl.task.Oracle`."""
    return Algorithm1().allocate(_Costs(fixed, shared, multiprocessors), Budget())[0]


ORACLES: Mapping[str, Oracle | None] = {"exact": None, "algorithm-1": algorithm_1}
