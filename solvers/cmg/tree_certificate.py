"""Certificates of trees of cases and devices, cut to a number of leaves."""

from __future__ import annotations

import time

import numpy as np

from mecbench.problems.cmg import Certificate, Instance
from mecbench.problems.cmg.certificate import tree_bound
from mecbench.problems.cmg.tree import Branch, Tree
from mecbench.problems.cmg.tree import Case as Division
from mecbench.solvers.cmg.cases import Case
from mecbench.solvers.cmg.device_tree import DeviceTree, Node
from mecbench.solvers.cmg.duals import CELLS, Duals, concise

__all__ = ["certify"]

RECOMPUTED = 0.07  # seconds in which a tree is to be recomputed
SAMPLE = 20  # leaves whose recomputation is timed
MOST_PRICES = 12_000  # of leaves, so that a file stays small
NEGLIGIBLE = 1e-9  # gain of a division, relative


class _Cut:
    """The upper part of the tree of a device: the nodes of largest bounds are divided, as many as bring most for each.

    Attributes
    ----------
    bound
        Of the device.
    leaves
        How many it has.
    """

    def __init__(self, tree: DeviceTree) -> None:
        ends, self._order, self._bounds = [tree.root], list[Node](), [tree.root.bound]
        while True:
            node = max(ends, key=lambda node: node.bound)
            if not node.children:
                break
            ends.remove(node)
            ends += node.children
            self._order.append(node)
            self._bounds.append(min(self._bounds[-1], max(node.bound for node in ends)))
        self._count = 0

    @property
    def bound(self) -> float:
        return self._bounds[self._count]

    @property
    def leaves(self) -> int:
        return self._count + 1

    @property
    def divided(self) -> set[int]:
        """Identities of the nodes that are divided."""
        return {id(node) for node in self._order[: self._count]}

    def step(self) -> tuple[float, int]:
        """Most that divisions gain for each, and after how many."""
        gains = (self.bound - np.array(self._bounds[self._count + 1 :])) / np.arange(1, len(self._bounds) - self._count)
        return (float(gains.max()), int(gains.argmax()) + 1) if gains.size else (0.0, 0)

    def divide(self, count: int) -> None:
        """Divide so many more."""
        self._count += count


def certify(instance: Instance, root: Case, duals: Duals, most_leaves: int | None = None) -> Certificate:
    """Certificate of the best bound that so many leaves prove, more or less.

    Parameters
    ----------
    instance
        The instance.
    root
        The tree of cases.
    duals
        Prices of the bound without a tree.
    most_leaves
        Of all devices in all cases; by default as many as are recomputed in a moment.
    """
    if most_leaves is None:
        sample = _Selection(root, SAMPLE).tree()
        tree_bound(instance, sample, CELLS)  # the first time also loads and sets up
        start = time.process_time()
        tree_bound(instance, sample, CELLS)
        each = (time.process_time() - start) / sample.limit_price.shape[0]
        most_leaves = min(int(RECOMPUTED / each), MOST_PRICES // (3 * instance.slots))
    return duals.certificate().model_copy(update={"tree": _Selection(root, most_leaves).tree()})


class _Selection:
    """What of a tree of cases a certificate holds: the cases of largest bound are refined first, by the trees that gain most by it."""

    def __init__(self, root: Case, most_leaves: int) -> None:
        self._root, self._cuts, self._divided = root, dict[int, _Cut](), set[int]()
        ends = [root]
        while True:
            bounds = [float(case.channel_price.sum()) + sum(self._cut(tree).bound for tree in case.trees) for case in ends]
            at = int(np.argmax(bounds))
            steps = [(*cut.step(), cut) for cut in (self._cut(tree) for tree in ends[at].trees)]
            gain, count, cut = max(steps, key=lambda step: step[0])
            leaves = sum(self._cut(tree).leaves for case in ends for tree in case.trees)
            if gain > NEGLIGIBLE * abs(bounds[at]):
                if leaves + count > most_leaves:
                    break
                cut.divide(count)
            elif ends[at].children:
                if leaves + len(ends[at].trees) > most_leaves:
                    break
                case = ends.pop(at)
                self._divided.add(id(case))
                ends += case.children
            else:
                break

    def _cut(self, tree: DeviceTree) -> _Cut:
        return self._cuts.setdefault(id(tree), _Cut(tree))

    def tree(self) -> Tree:
        """The selection as a certificate has it."""
        divisions: list[dict[str, int]] = []
        prices: list[np.ndarray] = []
        roots: list[list[int]] = []
        branches: list[dict[str, int | None]] = []
        leaves: list[np.ndarray] = []
        known: dict[int, int] = {}

        def grow(node: Node, divided: set[int]) -> int:
            if id(node) not in divided:
                leaves.append(node.prices)
                return -len(leaves)
            assert node.branch is not None
            number, (t, k, frames) = len(branches), node.branch
            branch: dict[str, int | None] = {"slot": t, "chunk": k, "frames": frames}
            branches.append(branch)
            branch["below"], branch["above"] = (grow(child, divided) for child in node.children)
            return number

        def place(tree: DeviceTree) -> int:
            if id(tree) not in known:
                known[id(tree)] = grow(tree.root, self._cut(tree).divided)
            return known[id(tree)]

        def visit(case: Case) -> int:
            if id(case) not in self._divided:
                prices.append(case.channel_price)
                roots.append([place(tree) for tree in case.trees])
                return -len(prices)
            assert case.branch is not None
            number, (n, t, k) = len(divisions), case.branch
            division = {"device": n, "slot": t, "chunk": k}
            divisions.append(division)
            division["below"], division["above"] = (visit(child) for child in case.children)
            return number

        visit(self._root)
        limit, balance, battery = concise(np.array(leaves)).transpose(1, 0, 2)
        return Tree(
            cases=tuple(Division.model_validate(division) for division in divisions),
            channel_price=concise(np.array(prices)),
            roots=np.array(roots),
            branches=tuple(Branch.model_validate(branch) for branch in branches),
            limit_price=limit,
            balance_price=balance,
            battery_price=battery,
        )
