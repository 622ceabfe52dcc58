"""The decisions of P-EDGE."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Solution"]


class Solution(ArrayModel):
    """How many streaming multiprocessors each device gets."""

    problem: ClassVar[str] = "p-edge"
    format: ClassVar[int] = 1

    allocation: Annotated[np.ndarray, Array("M", unit="SM", dtype=int)] = Field(description="l, multiprocessors of each device")
