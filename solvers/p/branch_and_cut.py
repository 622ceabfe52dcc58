"""Branch and cut on the perspective relaxation: exact on small instances, from any solution known already.

Tangents of the cones are separated at every node, so one tree suffices where an outer approximation solves a MILP after
the other. With all tangents in place the root is worth as much as the Lagrangian bound of the same instance, and the
reduced costs of its LP drop most options as soon as a good solution is known. Branching splits decisions, not single
options: a service on a server, a request's server, the cuts below and above a middle one.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from mecbench.problems.p import Instance, Solution, evaluate
from mecbench.problems.p.options import of_trace
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p.preparation import rehearse
from mecbench.solvers.p.primal import Primal
from mecbench.solvers.p.relaxation import Point, Relaxation

__all__ = ["BranchAndCut", "algorithms", "close"]

TOLERANCE = 1e-7  # by which the bound is lowered, relative to max(1, |bound|): what a hundred reduced costs at 1e-9 come to
PRUNED_PART = 0.9  # of the gap, within which a node is not worth solving
PRECISION = 1e-4  # relative error of a time that needs no tangent, before all is integral
LEAF_PART = 0.01  # of the gap, the same at integral points
ROOT_ROUNDS = 200  # LPs at the root,
NODE_ROUNDS = 4  # at a node,
TRIAL_ROUNDS = 2  # and at a trial of a branch
LEAF_ROUNDS = 20
TRIALS = 8  # branches that are tried at a node, until
RELIABLE = 2  # trials of each are known
INTEGRAL = 1e-6
LEAST_GAIN = 1e-6
SEARCH = 0.04  # seconds of primal search per request, at most


class _Branch(NamedTuple):
    """A decision that a point leaves open.

    Attributes
    ----------
    name
        By which it is known again at other nodes.
    balance
        How open it is, 0..1/2; 1/2 more for deployments, on which the others hang.
    left, right
        Binaries that are 0 in either child.
    ones
        Binaries that are 1 in the right child.
    """

    name: tuple[int, ...]
    balance: float
    left: np.ndarray
    right: np.ndarray
    ones: np.ndarray

    def children(self, low: np.ndarray, high: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Bounds of both children."""
        return [(low, high & ~_flags(self.left, high.size)), (low | _flags(self.ones, low.size), high & ~_flags(self.right, high.size))]


@dataclass(order=True)
class _Node:
    bound: float
    number: int
    low: np.ndarray = field(compare=False)
    high: np.ndarray = field(compare=False)


@dataclass(frozen=True)
class BranchAndCut:
    """Exact on instances of up to some hundred requests.

    Attributes
    ----------
    gap
        Relative gap to stop at.
    search_part
        Part of the time limit, at most, for a primal search before: who knows a good solution has few options left.
    """

    name: ClassVar[str] = "branch-and-cut"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("pyomo", "highspy")

    gap: float = 1e-6
    search_part: float = 0.05

    def prepare(self) -> None:
        """Compile all kernels."""
        rehearse(self)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance."""
        search = Primal(instance, of_trace(instance), seed=seed)
        if self.search_part:
            search.improve(min(SEARCH * instance.requests, self.search_part * budget.remaining), report=budget.report)
        return close(instance, budget, seed, self.gap, search.solution)


def close(instance: Instance, budget: Budget, seed: int, gap: float, incumbent: Solution | None = None) -> Outcome:
    """Search until a gap is closed.

    Parameters
    ----------
    instance, budget, seed
        As for any solver.
    gap
        Relative gap to stop at.
    incumbent
        A feasible solution known already; the better, the fewer options are left.
    """
    return _Tree(instance, budget, seed, gap, incumbent).search()


class _Tree:
    """Best-first search that dives: from the open node of least bound down to a leaf."""

    def __init__(self, instance: Instance, budget: Budget, seed: int, gap: float, incumbent: Solution | None) -> None:
        self._instance, self._budget, self._gap = instance, budget, gap
        self._relaxation = Relaxation(instance, budget, seed)
        self._incumbent: Solution | None = None
        self._cost = self._cutoff = np.inf
        self._gains: dict[tuple[int, ...], list[float]] = {}
        self._open: list[_Node] = []
        self._numbers = itertools.count()
        self._nodes = 0
        self._unresolved = np.inf  # least bound of leaves that came to no end for numerical reasons
        self._root: Point | None = None
        binaries = self._relaxation.binaries.size
        self._low, self._high = np.zeros(binaries, dtype=bool), np.ones(binaries, dtype=bool)
        self._request = self._relaxation.option[:, 0] * instance.users + self._relaxation.option[:, 1]
        if incumbent is not None:
            self._offer(incumbent)
            self._relaxation.add_split(incumbent)

    def search(self) -> Outcome:
        """Search until nothing is open or the time is over."""
        self._root = self._relaxation.minimise(self._low, self._high, self._cutoff, ROOT_ROUNDS, PRECISION)
        if self._root is None:
            return Outcome(self._incumbent, None, status="feasible" if self._incumbent else "unknown")
        self._report(self._root.value)
        self._fix_at_root()
        self._push(self._root.value, self._low, self._high)
        while self._open and self._budget.remaining > 0:
            node = heapq.heappop(self._open)
            if node.bound >= self._cutoff:
                self._open.clear()
                break
            self._dive(node)
            self._relaxation.shrink()
            self._report(self._bound())
        bound = self._bound()
        closed = self._incumbent is not None and not self._open and np.isinf(self._unresolved)
        return Outcome(
            self._incumbent,
            _lowered(bound),
            status="optimal" if closed else "feasible" if self._incumbent else "bounded" if np.isfinite(bound) else "unknown",
            metrics={"nodes": float(self._nodes), "lps": float(self._relaxation.solves)},
        )

    def _bound(self) -> float:
        """Least that a solution can cost: of what is open, unresolved, or not worth solving."""
        least = min(self._cutoff, self._unresolved, *(node.bound for node in self._open[:1]))
        root = self._root.value if self._root is not None and np.isfinite(self._root.value) else -np.inf
        return max(least, min(root, self._cost))

    def _report(self, bound: float) -> None:
        self._budget.report(bound=_lowered(bound))

    def _push(self, bound: float, low: np.ndarray, high: np.ndarray) -> None:
        heapq.heappush(self._open, _Node(bound, next(self._numbers), low, high))

    def _offer(self, solution: Solution) -> None:
        """Take a solution if it is feasible and cheaper."""
        verdict = evaluate(self._instance, solution)
        if verdict.feasible and verdict.objective < self._cost:
            self._incumbent, self._cost = solution, verdict.objective
            self._cutoff = verdict.objective - PRUNED_PART * self._gap * abs(verdict.objective)
            self._budget.report(solution)
            self._fix_at_root()

    def _fix_at_root(self) -> None:
        if self._root is not None and np.isfinite(self._root.value):
            self._fix(self._root, self._low, self._high)

    def _fix(self, point: Point, low: np.ndarray, high: np.ndarray) -> None:
        """Fix the binaries whose reduced cost lifts the value over the cutoff."""
        reduced, slack = point.reduced[self._relaxation.binaries], self._cutoff - point.value
        high &= ~(reduced > slack) | low
        low |= (reduced < -slack) & high

    def _dive(self, node: _Node) -> None:
        """Follow the better children down; the others stay open."""
        low, high, bound = node.low | self._low, node.high & self._high, node.bound
        while self._budget.remaining > 0:
            if (low & ~high).any():
                return
            self._nodes += 1
            point = self._relaxation.minimise(low, high, self._cutoff, NODE_ROUNDS, PRECISION)
            if point is None:
                break
            bound = max(bound, point.value)
            if bound >= self._cutoff:
                return
            self._fix(point, low, high)
            branches = self._branches(point)
            if not branches:
                branches, bound = self._settle(low, high, bound)
                if not branches:
                    return
            children, bounds = self._choose(branches, low, high, bound)
            alive = [number for number in (0, 1) if bounds[number] < self._cutoff]
            if not alive:
                return
            if len(alive) == 2:
                better = int(bounds[1] <= bounds[0])
                self._push(bounds[1 - better], *children[1 - better])
                alive = [better]
            (low, high), bound = children[alive[0]], bounds[alive[0]]
            low, high = low.copy(), high.copy()
        self._push(bound, low, high)  # the time is over

    def _settle(self, low: np.ndarray, high: np.ndarray, bound: float) -> tuple[list[_Branch], float]:
        """Refine an integral point until it is fractional after all, or the optimum of its node; what to branch on, and the bound."""
        for _ in range(LEAF_ROUNDS):
            point = self._relaxation.minimise(low, high, self._cutoff, LEAF_ROUNDS, LEAF_PART * self._gap)
            if point is None:
                break
            bound = max(bound, point.value)
            if bound >= self._cutoff:
                return [], bound
            branches = self._branches(point)
            if branches:
                return branches, bound
            solution = self._relaxation.read(point.primal[self._relaxation.binaries])
            self._offer(solution)
            if bound >= self._cutoff:
                return [], bound
            self._relaxation.add_split(solution)
        self._unresolved = min(self._unresolved, bound)
        return [], bound

    def _branches(self, point: Point) -> list[_Branch]:
        """Decisions that a point leaves open, the most open ones first."""
        return sorted(self._decisions(point.primal[self._relaxation.binaries]), key=lambda branch: -branch.balance)

    def _decisions(self, flags: np.ndarray) -> Iterator[_Branch]:
        relaxation, nothing = self._relaxation, np.empty(0, dtype=int)
        deployed = relaxation.deployed.ravel()
        for place in deployed[_fractional(flags[deployed])].tolist():
            yield _Branch((0, place), 0.5 + _balance(flags[place]), np.array([place]), nothing, np.array([place]))
        part = flags[relaxation.chosen]
        used = np.flatnonzero(part > INTEGRAL)
        order = used[np.argsort(self._request[used], kind="stable")]
        for mine in np.split(order, np.flatnonzero(np.diff(self._request[order])) + 1):
            if mine.size == 0 or part[mine].max() > 1.0 - INTEGRAL:
                continue
            request = int(self._request[mine[0]])
            everything = np.flatnonzero(self._request == request)
            server = relaxation.option[everything, 2]
            failed = int(relaxation.failed.ravel()[request])
            if flags[failed] > INTEGRAL:
                yield _Branch((1, request), _balance(flags[failed]), np.array([failed]), relaxation.chosen[everything], nothing)
            mine_server = relaxation.option[mine, 2]
            used_servers = np.unique(mine_server)
            for j in used_servers.tolist():
                here = everything[server == j]
                own = mine[mine_server == j]
                if used_servers.size > 1:
                    others = np.append(relaxation.chosen[everything[server != j]], failed)
                    yield _Branch((2, request, j), _balance(part[own].sum()), relaxation.chosen[here], others, nothing)
                if own.size > 1:
                    cut = relaxation.option[own, 3]
                    middle = int(np.floor(part[own] @ cut / part[own].sum()))
                    upper = relaxation.option[here, 3] > middle
                    balance = _balance(part[own][cut <= middle].sum())
                    lower, higher = relaxation.chosen[here[~upper]], relaxation.chosen[here[upper]]
                    yield _Branch((3, request, j, middle), balance, higher, lower, nothing)

    def _choose(
        self, branches: list[_Branch], low: np.ndarray, high: np.ndarray, bound: float
    ) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[float]]:
        """Children, and their bounds, of the branch that lifts both most: tried here, or by what trials of it gave elsewhere."""
        best, score, trials = (branches[0].children(low, high), [bound, bound]), -1.0, 0
        for branch in branches:
            known = self._gains.get(branch.name, [0.0, 0.0, 0.0])
            bounds = [bound, bound]
            if known[2] < RELIABLE:
                if trials == TRIALS:
                    continue
                trials += 1
                for side, child in enumerate(branch.children(low, high)):
                    point = self._relaxation.minimise(*child, self._cutoff, TRIAL_ROUNDS, PRECISION)
                    bounds[side] = bound if point is None else max(bound, point.value)
                if max(bounds) >= self._cutoff:
                    return branch.children(low, high), bounds
                gains = [max(min(value - bound, abs(bound)), LEAST_GAIN) for value in bounds]
                self._gains[branch.name] = [known[0] + gains[0], known[1] + gains[1], known[2] + 1.0]
            else:
                gains = [known[0] / known[2], known[1] / known[2]]
            if gains[0] * gains[1] > score:
                best, score = (branch.children(low, high), bounds), gains[0] * gains[1]
        return best


def _flags(places: np.ndarray, size: int) -> np.ndarray:
    flags = np.zeros(size, dtype=bool)
    flags[places] = True
    return flags


def _fractional(values: np.ndarray) -> np.ndarray:
    return np.flatnonzero((values > INTEGRAL) & (values < 1.0 - INTEGRAL))


def _balance(value: float) -> float:
    return min(value, 1.0 - value)


def _lowered(bound: float) -> float | None:
    return bound - TOLERANCE * max(1.0, abs(bound)) if np.isfinite(bound) else None


algorithms = (BranchAndCut,)
