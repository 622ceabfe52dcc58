"""Certificates of P1: (instance, certificate) -> bound, without a solver.

For prices pi, sigma >= 0 of shares and hops, every feasible choice of plans costs at least the sum of each task's cheapest
priced choice less the priced capacities, since use stays within capacity. A binary tree may split on integer counts of what
plans do: at most v below, at least v + 1 above. A leaf adds multipliers on the counts of the branches above it; the least of the
leaves' bounds holds, as the two sides of every branch leave no integer out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p1.instance import Instance
from mecbench.problems.p1.rows import Row, with_rows
from mecbench.problems.p1.tables import tables

__all__ = ["Branch", "Certificate", "bound"]

SAFETY = 1e-7  # of the bound, by which it is lowered against rounding
ROUNDING = 1e-12  # of the sum of absolute terms, likewise where they cancel


class Branch(BaseModel):
    """Inner node of the tree: a count is at most a limit, or at least one more.

    A child c >= 0 is the branch of that number, c < 0 the leaf of number -1 - c.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: Row = Field(description="what is counted")
    limit: int = Field(description="v")
    below: int = Field(description="child where the count is at most v")
    above: int = Field(description="child where the count is at least v + 1")


class Certificate(ArrayModel):
    """Dual data of the Lagrangian bound: any values of them prove a bound, good ones a tight bound.

    F leaves and F - 1 branches, of which number 0 is the root; without branches there is one leaf. Most multipliers
    are 0, so E of them are stored by leaf and branch; each belongs to a branch on the way to its leaf.
    """

    problem: ClassVar[str] = "p1"
    format: ClassVar[int] = 1

    kind: Literal["lagrangian"] = "lagrangian"
    branches: tuple[Branch, ...] = Field((), description="inner nodes of the tree, parents before children")
    share_price: Annotated[np.ndarray, Array("F M H", least=0)] = Field(description="pi, price of one per cent of each node in each slot")
    hop_price: Annotated[np.ndarray, Array("F H", least=0)] = Field(description="sigma, price of a hop in each slot")
    multiplier_leaf: Annotated[np.ndarray, Array("E", dtype=int, least=0)] = Field(
        default_factory=lambda: np.zeros(0, dtype=np.int64), description="leaf of each multiplier"
    )
    multiplier_branch: Annotated[np.ndarray, Array("E", dtype=int, least=0)] = Field(
        default_factory=lambda: np.zeros(0, dtype=np.int64), description="branch of each multiplier"
    )
    multiplier: Annotated[np.ndarray, Array("E", least=0)] = Field(
        default_factory=lambda: np.zeros(0), description="multiplier on the side of the branch that its leaf is on"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        leaves = self.share_price.shape[0]
        if leaves != len(self.branches) + 1:
            raise PydanticCustomError(
                "leaves",
                "expected field share_price to have one leaf more than the {branches} branches, found {leaves}",
                {"branches": len(self.branches), "leaves": leaves},
            )
        children = sorted(child for branch in self.branches for child in (branch.below, branch.above))
        wanted = list(range(-leaves, 0)) + list(range(1, leaves - 1)) if self.branches else []
        if children != wanted or any(0 <= child <= i for i, branch in enumerate(self.branches) for child in (branch.below, branch.above)):
            raise PydanticCustomError(
                "tree", "expected field branches to reach every leaf and branch once, parents first, found otherwise", {}
            )
        paths = list(self.paths())
        for leaf, branch in zip(self.multiplier_leaf.tolist(), self.multiplier_branch.tolist(), strict=True):
            if leaf >= leaves or branch not in paths[leaf]:
                raise PydanticCustomError(
                    "multiplier",
                    "expected field multiplier_branch on the way to its leaf, found branch {branch} for leaf {leaf}",
                    {"branch": branch, "leaf": leaf},
                )
        return self

    def paths(self) -> Iterator[dict[int, int]]:
        """Of each leaf, the branches above it with the side that it is on: 1 for below, -1 for above."""
        found: dict[int, dict[int, int]] = {0: {}} if self.branches else {-1: {}}
        for number, branch in enumerate(self.branches):
            way = found.pop(number)
            for child, side in ((branch.below, 1), (branch.above, -1)):
                found[child] = way | {number: side}
        return (found[-1 - leaf] for leaf in range(len(found)))


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound by the problem's own pricing, the least of the leaves.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance.
    """
    from mecbench.problems.p1.pricing import price  # compiles, so not before it is needed

    shape, found = (instance.nodes, instance.slots), certificate.share_price.shape[1:]
    if found != shape:
        raise CertificateError(f"field share_price: expected leaves of shape {list(shape)}, found {list(found)}")
    for number, branch in enumerate(certificate.branches):
        if not branch.row.fits(instance):
            raise CertificateError(f"field branches: expected a row of this instance at {[number]}, found {branch.row!r}")
    known = tables(instance)
    weights: list[list[tuple[Branch, int, float]]] = [[] for _ in range(len(certificate.branches) + 1)]
    paths = list(certificate.paths())
    entries = (certificate.multiplier_leaf.tolist(), certificate.multiplier_branch.tolist(), certificate.multiplier.tolist())
    for leaf, number, weight in zip(*entries, strict=True):
        weights[leaf].append((certificate.branches[number], paths[leaf][number], weight))
    least = np.inf
    for leaf, charged in enumerate(weights):
        share, hop = certificate.share_price[leaf], certificate.hop_price[leaf]
        prices = with_rows(known, share, hop, [(branch.row, side * weight) for branch, side, weight in charged])
        choices = known.size * price(known, prices).value
        capacity = float((share * instance.availability).sum() + instance.subcarriers * hop.sum())
        limits = [weight * (branch.limit if side > 0 else -branch.limit - 1) for branch, side, weight in charged]
        value = float(choices.sum()) - capacity - sum(limits)
        size = float(np.abs(choices).sum()) + capacity + sum(map(abs, limits))
        least = min(least, value - SAFETY * abs(value) - ROUNDING * size)
    return least
