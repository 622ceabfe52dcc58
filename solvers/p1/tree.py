"""The tree of branch-and-price: nodes in the order of their bounds, one pool and one master for all of them."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mecbench.problems.p1 import Certificate
from mecbench.problems.p1.certificate import Branch
from mecbench.solvers.p1.branching import Candidate, Gains, candidates
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.enumeration import prove
from mecbench.solvers.p1.master import Choice, Duals, Master, Side
from mecbench.solvers.p1.pool import Pool

__all__ = ["Node", "Tree"]

TRIALS = 8  # counts that are tried at a node, until
RELIABLE = 2  # trials of each are known
TRIAL_ITERATIONS = 3
LOOSE = 0.02  # of the gap of a node, to which its master and bound need to meet
INTEGRAL = 1e-6
PRUNED = 5e-7  # of the cost, relative, within which a node is not worth solving


@dataclass(eq=False)
class Node:
    """A case: the sides of branches that it is on, and what is known of it.

    Attributes
    ----------
    sides
        From the root on.
    bound, duals
        Best bound, and the prices and multipliers that prove it.
    open
        Counts to branch on; none where nothing is fractional.
    branch, children
        How it was divided, and into which: at most, at least.
    word
        Bound by an enumeration, the word of a MILP solver.
    """

    sides: tuple[Side, ...]
    bound: float
    duals: Duals
    open: list[Candidate]
    branch: Candidate | None = None
    children: tuple[Node, ...] = ()
    word: float = -np.inf


class Tree:
    """The search, which can be left and taken up again.

    Attributes
    ----------
    best
        Best integer solution.
    root
        The node without sides.
    nodes
        Number of nodes solved.
    settled
        Leaves with nothing to branch on and a gap left, which enumeration has closed as far as it could.

    Parameters
    ----------
    generation
        A finished run of column generation without sides.
    """

    def __init__(self, generation: Generation) -> None:
        self._pool: Pool = generation.pool
        self._master: Master = generation.master
        self.best: Choice | None = None
        self._gains = Gains()
        self.root = Node((), generation.best, generation.duals, candidates(self._pool, self._master))
        self._open: list[tuple[float, int, Node]] = [(self.root.bound, 0, self.root)]
        self.settled: list[Node] = []
        self.nodes = 1
        self._read()

    @property
    def cutoff(self) -> float:
        """Bound from which on a node is not worth solving."""
        return np.inf if self.best is None else self.best.cost - PRUNED * abs(self.best.cost)

    @property
    def bound(self) -> float:
        """Least bound of all that is open or settled; where something is settled, a solver's word."""
        least = min((max(node.bound, node.word) for node in self.settled), default=np.inf)
        return float(min(self.cutoff, least, *(bound for bound, _, _ in self._open[:1])))

    @property
    def closed(self) -> bool:
        """Whether the best solution is proven to be the optimum."""
        return self.bound >= self.cutoff

    def offer(self, choice: Choice) -> bool:
        """Take a solution if it is better."""
        better = self.best is None or choice.cost < self.best.cost
        if better:
            self.best = choice
        return better

    def search(self, left: Callable[[], float], report: Callable[[], None], last: Callable[[], float] | None = None) -> None:
        """Divide the nodes of least bound until none is open or no time is left.

        Parameters
        ----------
        left
            Seconds left to begin.
        report
            Called when the bound or the solution has improved.
        last
            Seconds left to end what was begun; by default the same.
        """
        last = last or left
        while not self.closed and self._open and left() > 0:
            before = self.bound
            bound, number, node = heapq.heappop(self._open)
            if not node.open:
                self._settle(node, last)
                report()
                continue
            found = self.best
            if not self._divide(node, last):
                heapq.heappush(self._open, (bound, number, node))
                break
            if self.best is not found or self.bound > before:
                report()

    def _settle(self, node: Node, left: Callable[[], float]) -> None:
        """Look through all plans that could be part of a better solution in a node."""
        proof = prove(self._pool, node.sides, node.duals, node.bound, self.cutoff, left)
        node.word = proof.bound
        self.settled.append(node)
        if proof.choice is not None:
            self.offer(proof.choice)

    def _solve(self, node: Node, sides: tuple[Side, ...], left: Callable[[], float], most_iterations: float) -> Generation:
        """Generate columns on sides from what is known of a node above."""
        extended = Duals(node.duals.price, np.append(node.duals.multiplier, np.zeros(len(sides) - len(node.sides))))
        generation = Generation(self._pool, sides, self._master, (extended, node.bound))
        self._continue(generation, left, most_iterations)
        return generation

    def _continue(self, generation: Generation, left: Callable[[], float], most_iterations: float) -> None:
        cutoff = self.cutoff
        tolerance = LOOSE * (cutoff - generation.best) if np.isfinite(cutoff) else 0.0
        generation.run(left, lambda bound: None, cutoff, tolerance, most_iterations)

    def _divide(self, node: Node, left: Callable[[], float]) -> bool:
        """Branch on the count that promises most; whether there was time."""
        chosen = self._choose(node, left)
        children = []
        for sign in (1, -1):
            child = self._child(node, (*node.sides, Side(chosen.row, chosen.limit, sign)), left)
            if left() <= 0:
                return False
            self._gains.learn(chosen, sign > 0, self._gain(node, child.bound))
            children.append(child)
        node.branch, node.children = chosen, tuple(children)
        node.open = []
        for child in children:
            if child.bound < self.cutoff:
                heapq.heappush(self._open, (child.bound, self.nodes, child))
                self.nodes += 1
        return True

    def _child(self, node: Node, sides: tuple[Side, ...], left: Callable[[], float]) -> Node:
        generation = self._solve(node, sides, left, np.inf)
        found: list[Candidate] = []
        for tight in (False, True):
            if tight:
                generation.closed = False
                generation.run(left, lambda bound: None, self.cutoff)
            if generation.best >= self.cutoff:
                break
            self._read()
            found = candidates(self._pool, self._master, sides)
            if found:
                break
        return Node(sides, generation.best, generation.duals, found)

    def _gain(self, node: Node, bound: float) -> float:
        return max(0.0, min(bound, self.cutoff) - node.bound)

    def _choose(self, node: Node, left: Callable[[], float]) -> Candidate:
        """The open count of best expected gains, after trials of those that are hardly known."""
        gains = self._gains
        order = sorted(node.open, key=lambda candidate: -gains.score(candidate))
        unknown = [candidate for candidate in order if gains.trials(candidate.row) < RELIABLE][:TRIALS]
        for candidate in unknown:
            for sign in (1, -1):
                tried = self._solve(node, (*node.sides, Side(candidate.row, candidate.limit, sign)), left, TRIAL_ITERATIONS)
                gains.learn(candidate, sign > 0, self._gain(node, tried.best))
            if left() <= 0:
                break
        return max(node.open, key=gains.score)

    def _read(self) -> None:
        """Offer the master's solution if it is integer and keeps the branches."""
        master, penalty = self._master, self._pool.instance.penalty
        times, failures = np.round(master.weights), np.round(master.failures)
        error = np.abs(master.weights - times).max(initial=0.0), np.abs(master.failures - failures).max()
        if max(error) > INTEGRAL:
            return
        columns = np.repeat(np.arange(times.size), times.astype(np.int64))
        fail, plan = self._pool.assign(columns)
        self.offer(Choice(fail, plan, float(sum(self._pool.cost[c] for c in columns.tolist()) + penalty * fail.sum())))

    def certificate(self, most_leaves: int) -> Certificate:
        """Certificate of the best bound that a tree of so many leaves proves: the nodes of least bound are divided first."""
        pending, number = [(self.root.bound, 0, self.root)], 1
        divided: set[int] = set()
        while pending and len(divided) + 1 < most_leaves:
            _, _, node = heapq.heappop(pending)
            if not node.children:
                break
            divided.add(id(node))
            for child in node.children:
                heapq.heappush(pending, (child.bound, number, child))
                number += 1
        return _certificate(self.root, divided, self._pool.instance.availability.shape)


def _certificate(root: Node, divided: set[int], shape: tuple[int, ...]) -> Certificate:
    """Certificate of the tree of which some nodes are divided, the others leaves."""
    branches: list[dict[str, object]] = []
    leaves: list[Node] = []
    entries: list[tuple[int, int, float]] = []

    def visit(node: Node, path: tuple[int, ...]) -> int:
        if id(node) not in divided or node.branch is None:
            leaves.append(node)
            weights = node.duals.multiplier.tolist()
            entries.extend((len(leaves) - 1, branch, weight) for branch, weight in zip(path, weights, strict=True) if weight > 0)
            return -len(leaves)
        number = len(branches)
        branch: dict[str, object] = {"row": node.branch.row, "limit": node.branch.limit}
        branches.append(branch)
        branch["below"], branch["above"] = (visit(child, (*path, number)) for child in node.children)
        return number

    visit(root, ())
    price = np.array([leaf.duals.price for leaf in leaves])
    leaf, number, weight = (np.array(column) for column in zip(*entries, strict=True)) if entries else (np.zeros(0),) * 3
    return Certificate(
        branches=tuple(Branch.model_validate(branch) for branch in branches),
        share_price=price[:, : -shape[1]].reshape(-1, *shape),
        hop_price=price[:, -shape[1] :],
        multiplier_leaf=leaf.astype(np.int64),
        multiplier_branch=number.astype(np.int64),
        multiplier=weight.astype(float),
    )
