"""Branching on deployments: the Lagrangian bound of P by cases, each with dual data of its own, best first."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mecbench.problems.p import Certificate, Instance, bound
from mecbench.problems.p.options import Options
from mecbench.solvers.p.dual import Dual

__all__ = ["Branching"]

PAIRS = 250_000  # so that certificates are a few hundred kilobytes and recomputed in 30 to 40 ms
LEAVES = 1000  # of all intervals together
PACES = (0.05, 0.02, 0.005)  # of the loads in a new case
ROOT_PACES = (0.01, 0.003, 0.001)
ROUNDS, ROOT_ROUNDS, ITERATIONS = 10, 30, 10
DISTANCE = 0.01  # of the levels that steps aim at, relative to the interval's value and the pace
FRACTIONAL = 0.02  # share of the choices from which on a placement counts as undecided
MARGIN = 1e-6  # relative, of what is reported below what was computed: rounding takes less
DECIMALS = {"bandwidth_load": 6, "compute_load": 6, "offer": 5}  # of what certificates store: files half the size, and as valid


@dataclass(eq=False)
class _Node:
    """A case of an interval's deployments, with the best dual data known.

    Attributes
    ----------
    value
        What the interval costs at least at the multiplier, infinite if the services fixed in do not fit.
    fixed
        Placements decided, int8, shape [J, I].
    point
        Dual data and mean placements, `mecbench.solvers.p.dual_compiled.Point`.
    place
        Placement ``j I + i`` by which it is divided, -1 while it is a leaf.
    cases
        Where the server holds the service, and where not.
    """

    value: float
    fixed: np.ndarray
    point: Any
    place: int = -1
    cases: tuple[_Node, ...] = ()


class Branching:
    """Division of the cases that limit the bound, at the multiplier of the dual data it begins with.

    It can be left and taken up again. Where all cases that matter are decided, an interval is closed: what remains of
    its gap is due to the loads and to the multiplier.

    Parameters
    ----------
    instance, options
        The instance and the options of its trace.
    dual
        Best dual data without branching.
    pairs
        Pairs of a request and a server in all leaves together, at most: the size of the certificate.
    """

    def __init__(self, instance: Instance, options: Options, dual: Dual, pairs: int = PAIRS) -> None:
        from mecbench.problems.p.pricing import FREE
        from mecbench.solvers.p.dual_compiled import Prices, Requests, world

        self._instance, self._dual, self._most = instance, dual, pairs
        self._world = world(instance)
        self._slots = [slice(n * instance.interval, (n + 1) * instance.interval) for n in range(instance.intervals)]
        self._requests = [Requests(*(getattr(options, name)[slots] for name in Requests._fields)) for slots in self._slots]
        self._prices = [Prices(*(np.empty((*part.cuts.shape, instance.servers)) for _ in Prices._fields)) for part in self._requests]
        undecided = np.full((instance.servers, instance.services), FREE, dtype=np.int8)
        self._root = [_Node(-np.inf, undecided, self._begin(n)) for n in range(instance.intervals)]
        self._leaves: list[list[tuple[float, int, _Node]]] = [[] for _ in self._root]
        self._made = 0
        self._pairs = 0
        self._closed = np.zeros(instance.intervals, dtype=bool)

    @property
    def finished(self) -> bool:
        """Whether all intervals are closed, or the certificate is as large as it may be."""
        return bool(self._closed.all()) or self._pairs >= self._most or self._made >= LEAVES

    @property
    def bound(self) -> float:
        """Bound at the present leaves, before rounding."""
        if not all(self._leaves):
            return self._dual.bound
        cost = sum(leaves[0][0] for leaves in self._leaves) / self._instance.requests
        return max(self._dual.bound, cost - self._dual.multiplier * self._instance.delay_limit)

    @property
    def certificate(self) -> Certificate:
        """What proves the bound by cases."""
        branch: list[int] = []
        points = []
        for root in self._root:
            pending = [root]
            while pending:
                node = pending.pop()
                branch.append(node.place)
                if node.cases:
                    pending.extend(reversed(node.cases))
                else:
                    points.append(node.point)
        data = {name: np.concatenate([getattr(point, name) for point in points]).round(digits) for name, digits in DECIMALS.items()}
        return Certificate(multiplier=self._dual.multiplier, branch=np.array(branch), **data)

    def improve(self, seconds: float, report: Callable[[float], None] = lambda bound: None) -> Certificate:
        """Divide cases for some seconds or until finished.

        Parameters
        ----------
        seconds
            Time to spend.
        report
            Receives each better bound.

        Returns
        -------
        Certificate
            The better one of the cases and of the dual data without them.
        """
        deadline = time.monotonic() + seconds
        known = self.bound
        for n, root in enumerate(self._root):
            if not self._leaves[n] and time.monotonic() < deadline:
                self._solve(n, root, ROOT_PACES, ROOT_ROUNDS)
                self._add(n, root)
        while not self.finished and time.monotonic() < deadline and all(self._leaves):
            n = min(np.flatnonzero(~self._closed).tolist(), key=lambda n: len(self._leaves[n]))
            self._divide(n)
            if self.bound > known + MARGIN * abs(known):
                known = self.bound
                report(known - MARGIN * abs(known))
        certificate = self.certificate
        return certificate if bound(self._instance, certificate) > self._dual.bound else self._dual.certificate

    def _begin(self, interval: int) -> Any:
        from mecbench.solvers.p.dual_compiled import Point

        slots, dual = self._slots[interval], self._dual
        offer = dual.certificate.offer[slots].copy()
        loads = dual.bandwidth_load[slots].copy(), dual.compute_load[slots].copy()
        return Point(*loads, offer, np.zeros_like(offer), np.ascontiguousarray(dual.held[interval].T))

    def _add(self, interval: int, node: _Node) -> None:
        heapq.heappush(self._leaves[interval], (node.value, self._made, node))
        self._made += 1
        if np.isfinite(node.value):
            self._pairs += self._prices[interval].serve.size

    def _divide(self, interval: int) -> None:
        """Divide the leaf that limits the interval by the placement that is least decided and paid most."""
        from mecbench.problems.p.pricing import FREE, IN, OUT

        _, _, node = self._leaves[interval][0]
        undecided = np.minimum(node.point.held, 1.0 - node.point.held)
        score = np.where((node.fixed == FREE) & (undecided > FRACTIONAL), undecided * self._paid(interval, node), 0.0)
        if not np.isfinite(node.value) or score.max() <= 0.0:
            self._closed[interval] = True
            return
        heapq.heappop(self._leaves[interval])
        self._pairs -= self._prices[interval].serve.size
        node.place = int(score.argmax())
        cases = []
        for state in (IN, OUT):
            fixed = node.fixed.copy()
            fixed.flat[node.place] = state
            case = _Node(-np.inf, fixed, type(node.point)(*(field.copy() for field in node.point)))
            self._solve(interval, case, PACES, ROUNDS)
            self._add(interval, case)
            cases.append(case)
        node.cases = tuple(cases)

    def _paid(self, interval: int, node: _Node) -> np.ndarray:
        """What each server is paid for each service at a node's dual data, shape [J, I]."""
        from mecbench.problems.p.pricing import prices

        part = self._requests[interval]
        options = Options(batch=part.service, **part._asdict())
        serve, _ = prices(self._instance, options, self._dual.multiplier, node.point.bandwidth_load, node.point.compute_load)
        paid = np.maximum(node.point.offer[..., None] - serve, 0.0).reshape(-1, self._instance.servers)
        total = np.zeros((self._instance.services, self._instance.servers))
        np.add.at(total, part.service.reshape(-1), paid)
        return total.T

    def _solve(self, interval: int, node: _Node, paces: tuple[float, ...], rounds: int) -> None:
        """Ascend on a node from its point."""
        from mecbench.solvers.p.dual_compiled import ascend_interval

        best = node.point
        point = type(best)(*(field.copy() for field in best))
        point.direction[:] = 0.0
        scale = self._dual.bound + self._dual.multiplier * self._instance.delay_limit
        for pace in paces:
            node.value, _, _ = ascend_interval(
                self._world,
                self._requests[interval],
                self._dual.multiplier,
                point,
                best,
                self._prices[interval],
                node.value,
                DISTANCE * pace * abs(scale) * point.offer.size,
                rounds,
                ITERATIONS,
                pace,
                node.fixed,
            )
        best.held[:] = point.held
