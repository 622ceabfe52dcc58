"""The decisions of P1."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Solution"]


class Solution(ArrayModel):
    """A plan of each task over the K slots of its window: in each an optional hop, then an optional block of layers.

    A task that does nothing in a slot stays at its node with its layers, share and subcarrier 0. A task that fails may have
    spent something before; one that is given up at once stays at its source.
    """

    problem: ClassVar[str] = "p1"
    format: ClassVar[int] = 1

    fail: Annotated[np.ndarray, Array("Q", dtype=bool)] = Field(description="y, whether each task is given up")
    node: Annotated[np.ndarray, Array("Q K", dtype=int, least=0)] = Field(description="d, node of each task at the end of each slot")
    layers_done: Annotated[np.ndarray, Array("Q K", dtype=int, least=0)] = Field(description="l, layers done at the end of each slot")
    share: Annotated[np.ndarray, Array("Q K", unit="%", dtype=int, least=0, most=100)] = Field(
        description="x, share of the node's full compute that runs the block of the slot, 0 without a block"
    )
    subcarrier: Annotated[np.ndarray, Array("Q K", dtype=int, least=0)] = Field(
        description="w, subcarrier 1..S of the hop of the slot, 0 without a hop"
    )
