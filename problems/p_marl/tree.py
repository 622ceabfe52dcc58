"""Proof that a packing is impossible, by prices where they suffice and by cases where they do not.

The devices' values of ``dw`` prove more than their sum: no packing may lose more on what the edges collect than the values leave open,
so a pair of device and edge that would lose more is in no packing. What remains is smaller, other values leave less open, and if none
close it, a device is tried on every edge that is left to it. All values are whole numbers, so nothing is rounded.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mecbench.problems.arrays import Array
from mecbench.problems.evaluation import CertificateError

__all__ = ["Excluded", "Residual", "Tree", "check_tree", "exclude", "reduce", "restrict"]

MOST_WORTH = 2**52  # of all devices on all edges together, so that sums of what they lose are exact


class Tree(BaseModel):
    """Claim that an epoch costs at least a threshold, by values of the devices in every case of a tree, V nodes in preorder.

    A node restricts its parent's packing, narrowed by the parent's values, to one edge for one device; or to nothing, where only other
    values are tried.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: Literal["tree"] = "tree"
    threshold: float = Field(allow_inf_nan=False, description="T, the claimed lower bound on the epoch's worst cost")
    device_price: Annotated[np.ndarray, Array("V M", dtype=int, least=0)] = Field(description="value of serving each device in each case")
    parent: Annotated[np.ndarray, Array("V", dtype=int, least=-1)] = Field(description="node before; -1 for the first")
    device: Annotated[np.ndarray, Array("V", dtype=int, least=-1)] = Field(description="device that the node restricts; -1 for none")
    edge: Annotated[np.ndarray, Array("V", dtype=int, least=0)] = Field(description="u to which the node restricts it; 0 for none")


class Residual(NamedTuple):
    """What is left of a packing once devices with one edge are packed.

    Attributes
    ----------
    device
        Rows that still choose, int64, shape [R].
    weight
        Multiprocessors that each of them needs of each edge, int64, shape [R, N]; above all capacities for never.
    capacity
        What each edge has left, int64, shape [N].
    edge
        Edges 0..N-1 of the rows that do not choose any more, -1 of the others, int64.
    """

    device: np.ndarray
    weight: np.ndarray
    capacity: np.ndarray
    edge: np.ndarray


class Excluded(NamedTuple):
    """What values tell of the pairs of devices and edges.

    Attributes
    ----------
    pairs
        Those that are in no packing, bool, shape [R, N].
    left
        What the values leave open once a device is on an edge, below 0 of the excluded pairs, int64, shape [R, N].
    """

    pairs: np.ndarray
    left: np.ndarray


def reduce(weight: np.ndarray, capacity: int) -> Residual | None:
    """Pack devices that have one edge left until there are none; ``None`` if somebody finds no room.

    Parameters
    ----------
    weight
        Multiprocessors that each device needs of each edge, int64, shape [M, N]; above the capacity for never.
    capacity
        L.
    """
    from mecbench.problems.p_marl.packing_compiled import pack_single  # compiles, so not before it is needed

    left = np.full(weight.shape[1], capacity, dtype=np.int64)
    edge = np.full(weight.shape[0], -1, dtype=np.int64)
    if not pack_single(np.ascontiguousarray(weight), left, edge):
        return None
    rest = np.flatnonzero(edge < 0)
    needs = weight[rest]
    return Residual(rest, np.where(needs <= left, needs, capacity + 1), left, edge)


def exclude(value: np.ndarray, residual: Residual) -> Excluded | None:
    """Pairs that lose more than values leave open; ``None`` if the values leave nothing to any packing.

    Parameters
    ----------
    value
        Of each device that still chooses, int64 of at least 0, shape [R].
    residual
        What is left of the packing.
    """
    from mecbench.problems.p_marl.packing_compiled import losses, worths

    left_open = int(worths(value, residual.weight, residual.capacity).sum() - value.sum())
    if left_open < 0:
        return None
    inside, outside = losses(value, residual.weight, residual.capacity)
    # Who is on one edge is on no other, which loses something there, too.
    left = left_open - (inside + (outside.sum(axis=1, keepdims=True) - outside))
    return Excluded(left < 0, left)


def restrict(weight: np.ndarray, capacity: int, row: int, edge: int) -> np.ndarray:
    """The same weights for a row that may go to one edge only, 0..N-1."""
    only = weight.copy()
    only[row] = capacity + 1
    only[row, edge] = weight[row, edge]
    return only


def check_tree(tree: Tree, weight: np.ndarray, capacity: int, rest: np.ndarray) -> None:
    """Check that nobody finds room in any case.

    Parameters
    ----------
    tree
        The tree.
    weight
        Multiprocessors that each device of the packing needs of each edge, int64, shape [R, N]; above the capacity for never.
    capacity
        L.
    rest
        Devices of the packing, shape [R].

    Raises
    ------
    CertificateError
        If a case is missing, left open, or not of this packing.
    """
    nodes = tree.parent.size
    for name in ("device", "edge"):
        if getattr(tree, name).size != nodes:
            raise CertificateError(f"field {name}: expected {nodes} nodes, found {getattr(tree, name).size}")
    if len(tree.device_price) != nodes or not nodes:
        raise CertificateError(f"field device_price: expected values in each of {max(nodes, 1)} nodes, found {len(tree.device_price)}")
    if tree.parent[0] != -1 or (tree.parent[1:] < 0).any() or (tree.parent >= np.arange(nodes)).any():
        raise CertificateError("field parent: expected one node without a parent, the first, and parents before their children")
    row_of = {int(device): row for row, device in enumerate(rest)}
    children: list[list[int]] = [[] for _ in range(nodes)]
    for node in range(1, nodes):
        children[tree.parent[node]].append(node)
    open_cases = [(0, weight)]
    while open_cases:
        node, allowed = open_cases.pop()
        residual = reduce(allowed, capacity)
        if residual is None:
            continue
        price = tree.device_price[node, rest[residual.device]]
        if (total := price.sum(dtype=float)) > MOST_WORTH / weight.shape[1]:
            raise CertificateError(f"node {node}: expected values of sum at most {MOST_WORTH}, edges times, found {total:g}")
        narrowed = _narrow(allowed, capacity, residual, price)
        if narrowed is None:
            continue
        open_cases += _cases(tree, node, children[node], row_of, narrowed, capacity)


def _narrow(allowed: np.ndarray, capacity: int, residual: Residual, price: np.ndarray) -> np.ndarray | None:
    """Weights without the pairs that prices exclude; ``None`` if they exclude every packing."""
    excluded = exclude(price, residual)
    if excluded is None:
        return None
    narrowed = allowed.copy()
    narrowed[residual.device] = np.where(excluded.pairs, capacity + 1, residual.weight)
    return narrowed


def _cases(
    tree: Tree, node: int, children: list[int], row_of: dict[int, int], narrowed: np.ndarray, capacity: int
) -> list[tuple[int, np.ndarray]]:
    """Children of a node with their weights, which together are all cases."""
    devices = {int(tree.device[child]) for child in children}
    if len(devices) != 1:
        found = "none" if not devices else f"{len(devices)} devices"
        raise CertificateError(f"node {node}: expected cases of one device where values prove nothing, found {found}")
    (device,) = devices
    if device < 0:
        if len(children) > 1:
            raise CertificateError(f"node {node}: expected one child without a device, found {len(children)}")
        return [(children[0], narrowed)]
    if device not in row_of:
        raise CertificateError(f"node {node}: expected cases of a device that needs an edge, found device {device}")
    row = row_of[device]
    of_edge = {int(tree.edge[child]) - 1: child for child in children}
    wanted = np.flatnonzero(narrowed[row] <= capacity).tolist()
    if missing := [edge + 1 for edge in wanted if edge not in of_edge]:
        raise CertificateError(f"node {node}: expected a case of device {device} on edge {missing[0]}, found none")
    return [(of_edge[edge], restrict(narrowed, capacity, row, edge)) for edge in wanted]
