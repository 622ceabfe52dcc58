"""The decisions of P."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Solution"]


class Solution(ArrayModel):
    """Deployment per interval; association, partition and allocation per request.

    A request is served if its server holds its service; otherwise it fails, and its shares are 0.
    """

    problem: ClassVar[str] = "p"
    format: ClassVar[int] = 1

    deployment: Annotated[np.ndarray, Array("n I J", dtype=bool)] = Field(description="x, whether each server holds each service")
    server: Annotated[np.ndarray, Array("T K", dtype=int)] = Field(description="sigma, server of each request, from 0")
    cut: Annotated[np.ndarray, Array("T K", dtype=int)] = Field(description="z, last layer that the user computes itself, 0..L")
    bandwidth: Annotated[np.ndarray, Array("T K", unit="Hz", least=0)] = Field(description="B_r, bandwidth of each request")
    compute: Annotated[np.ndarray, Array("T K", unit="FLOP/s", least=0)] = Field(description="f_r, compute of each request")
