"""The decisions of P-MARL."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Solution"]


class Solution(ArrayModel):
    """Edge, cut and multiprocessors of every device in every epoch; a local device has u = 0, k = K and l = 0."""

    problem: ClassVar[str] = "p-marl"
    format: ClassVar[int] = 1

    edge: Annotated[np.ndarray, Array("T M", dtype=int)] = Field(description="u, 0 for a local device, n + 1 for one attached to edge n")
    cut: Annotated[np.ndarray, Array("T M", dtype=int)] = Field(description="k, last layer group that each device runs itself")
    allocation: Annotated[np.ndarray, Array("T M", unit="SM", dtype=int)] = Field(
        description="l, multiprocessors of each device, 0 for a local one"
    )
