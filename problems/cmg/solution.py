"""The decisions of CMG."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Solution"]


class Solution(ArrayModel):
    """What each device does with each chunk of each slot.

    The power of a local chunk and the frequency of an offloaded one are idle, but in their bounds. A plan asks for what it offloads;
    where a policy asked for more than was secure or could be afforded, ``requested`` keeps what it asked for.
    """

    problem: ClassVar[str] = "cmg"
    format: ClassVar[int] = 1

    offload: Annotated[np.ndarray, Array("N T K", dtype=bool)] = Field(description="x, whether each chunk is offloaded")
    frames: Annotated[np.ndarray, Array("N T K", above=0)] = Field(description="f, frames of each chunk")
    resolution: Annotated[np.ndarray, Array("N T K", unit="pixel", above=0)] = Field(description="r, side of each chunk's frames")
    frequency: Annotated[np.ndarray, Array("N T K", unit="Hz", above=0)] = Field(description="c, compute for each local chunk")
    power: Annotated[np.ndarray, Array("N T K", unit="W", above=0)] = Field(description="p, transmission power of each offloaded chunk")
    requested: Annotated[np.ndarray, Array("N T K", dtype=bool)] = Field(
        default_factory=lambda decided: decided["offload"],
        description="whether each chunk was asked to be offloaded; those that are offloaded unless it is given",
    )

    @model_validator(mode="after")
    def _offload_what_is_requested(self) -> Self:
        if (self.offload & ~self.requested).any():
            place = np.argwhere(self.offload & ~self.requested)[0].tolist()
            raise PydanticCustomError(
                "requested", "expected field requested to hold where field offload does, found neither at {at}", {"at": place}
            )
        return self
