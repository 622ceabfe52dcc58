"""Trees of cases in certificates of CMG: who offloads on a channel, and how each device goes about it.

At given prices of channels the devices are independent, so each has a tree of its own, and what their trees gain adds up: as many leaves
as all of them have together do the work of as many as their product. Only what devices decide together needs cases of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel

__all__ = ["Branch", "Case", "Leaf", "Tree"]


class Case(BaseModel):
    """Division of plans: a device offloads on a channel, so that others can only beside it, or it does not.

    A child c >= 0 is the case of that number, c < 0 the case -1 - c of those that are not divided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: int = Field(ge=0, description="n")
    slot: int = Field(ge=0, description="t, from 0")
    chunk: int = Field(ge=0, description="k, from 0")
    below: int = Field(description="child where it does not")
    above: int = Field(description="child where it does")


class Branch(BaseModel):
    """Division of the plans of a device: by a frame rate, or by whether a chunk is offloaded.

    A child c >= 0 is the branch of that number, c < 0 the leaf of number -1 - c.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: int = Field(ge=0, description="t, from 0")
    chunk: int = Field(ge=0, description="k, from 0")
    frames: int | None = Field(
        ge=0,
        description="number of a frame rate, counted from 0 at the least (of cells of a quarter where they are continuous), up to which "
        "rates are below; null where the chunk is computed locally below and offloaded above",
    )
    below: int = Field(description="child")
    above: int = Field(description="child")


class Leaf(NamedTuple):
    """A leaf of a device's tree.

    Attributes
    ----------
    number
        Of its prices.
    path
        Branches above it, each with whether it is on the side below.
    """

    number: int
    path: tuple[tuple[Branch, bool], ...]


class Tree(ArrayModel):
    """F cases that are not divided, N devices with a tree in each, and E leaves in these trees; without divisions F = 1 and E = N."""

    problem: ClassVar[str] = "cmg"
    format: ClassVar[int] = 1

    cases: tuple[Case, ...] = Field((), description="divisions of plans, parents before children")
    channel_price: Annotated[np.ndarray, Array("F T K", least=0)] = Field(description="pi in each case that is not divided")
    roots: Annotated[np.ndarray, Array("F N", dtype=int)] = Field(description="tree of each device in each case: a branch, or -1 - leaf")
    branches: tuple[Branch, ...] = Field((), description="inner nodes of the devices' trees, parents before children")
    limit_price: Annotated[np.ndarray, Array("E T", unit="1/J", least=0)] = Field(description="sigma of each leaf")
    balance_price: Annotated[np.ndarray, Array("E T", unit="1/J", least=0)] = Field(description="nu of each leaf")
    battery_price: Annotated[np.ndarray, Array("E T", unit="1/J", least=0)] = Field(description="zeta of each leaf")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        leaves, count = self.channel_price.shape[0], len(self.cases)
        children = [(i, child) for i, case in enumerate(self.cases) for child in (case.below, case.above)]
        wanted = [*range(-leaves, 0), *range(1, count)] if self.cases else []
        if leaves != count + 1 or sorted(child for _, child in children) != wanted or any(0 <= child <= i for i, child in children):
            raise PydanticCustomError(
                "cases", "expected field cases to reach each of the {leaves} cases once, parents first, found otherwise", {"leaves": leaves}
            )
        leaves, count = self.limit_price.shape[0], len(self.branches)
        children = [(i, child) for i, branch in enumerate(self.branches) for child in (branch.below, branch.above)]
        # Each has one parent at most, so paths are no more than leaves.
        once = len({child for _, child in children}) == len(children) and not any(0 <= child <= i for i, child in children)
        exist = all(-leaves <= child < count for child in (*(child for _, child in children), *self.roots.ravel().tolist()))
        if not once or not exist:
            raise PydanticCustomError(
                "branches", "expected field branches to reach each leaf and branch once at most, parents first, found otherwise", {}
            )
        return self

    def sides(self) -> Iterator[tuple[tuple[Case, bool], ...]]:
        """Of each case that is not divided, the divisions above it, each with whether it is on the side below."""
        found: dict[int, tuple[tuple[Case, bool], ...]] = {0 if self.cases else -1: ()}
        for number, case in enumerate(self.cases):
            way = found.pop(number)
            found[case.below], found[case.above] = (*way, (case, True)), (*way, (case, False))
        return (found[-1 - case] for case in range(len(found)))

    def leaves(self, root: int) -> Iterator[Leaf]:
        """Leaves of a device's tree."""
        pending: list[tuple[int, tuple[tuple[Branch, bool], ...]]] = [(root, ())]
        while pending:
            number, path = pending.pop()
            if number < 0:
                yield Leaf(-1 - number, path)
            else:
                branch = self.branches[number]
                pending += [(branch.below, (*path, (branch, True))), (branch.above, (*path, (branch, False)))]
