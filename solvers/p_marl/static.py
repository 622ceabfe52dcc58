"""One epoch solved to proof or as near as time allows: bounds from below and incumbents from above close in on each other.

From below, values of the devices prove thresholds (`dantzig_wolfe`), beyond those that prices of the edges prove (`relaxation`); from
above, tabu search finds packings. In between, thresholds are decided case by case (`branching`), with a few cases at several thresholds
before any has more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_marl.certificate import DantzigWolfe, Proof
from mecbench.problems.p_marl.tree import Residual, exclude, reduce
from mecbench.solvers.p_marl.branching import Branching
from mecbench.solvers.p_marl.dantzig_wolfe import Ascent, tractable
from mecbench.solvers.p_marl.epoch import Decisions, Epoch, Packing
from mecbench.solvers.p_marl.relaxation import Prices, linear_bound, regrets

__all__ = ["Found", "Search", "compile_search", "solve_epoch"]

FIRST = 1e-3  # relative, of the first threshold above the linear bound at which a packing is looked for; then doubled
MOVES = 300  # of the tabu search
STEPS = 50  # of the dual's ascent
TRIES = 4  # thresholds of each
CASES = 1.0  # of a threshold at first, for every device
GROWTH = 2.5  # of these from level to level
PARTS = 0.5, 0.2, 0.8  # of the gap, at which thresholds are decided
MARGIN = 1e-3  # seconds left at which nothing new is begun


class Found(NamedTuple):
    """What is known of an epoch.

    Attributes
    ----------
    decisions
        The best ones; ``None`` if none are known.
    proof
        Proof of the largest threshold that is known to be a lower bound on the worst cost.
    optimal
        Whether the bound meets the decisions' cost, to the gap at which the search stops.
    """

    decisions: Decisions | None
    proof: Proof
    optimal: bool

    @property
    def bound(self) -> float:
        """Lower bound on the epoch's worst cost."""
        return self.proof.threshold


def _nobody(found: Found) -> None:
    """Report to nobody."""


def solve_epoch(
    epoch: Epoch,
    left: Callable[[], float],
    report: Callable[[Found], None] = _nobody,
    *,
    seed: int = 0,
    gap: float = 0.0,
    start: np.ndarray | None = None,
) -> Found:
    """Solve an epoch until its gap is closed or the time is over.

    Parameters
    ----------
    epoch
        The epoch, after what was decided before it.
    left
        Seconds left.
    report
        Told whenever the decisions or the bound have improved.
    seed
        Of the search.
    gap
        Relative gap to stop at.
    start
        u of decisions that are known, shape [M].
    """
    search = Search(epoch, left, report, seed, gap)
    if start is not None:
        search.offer(start)
    search.run()
    return search.found


class Search:
    """The search on one epoch, level by level.

    Parameters
    ----------
    epoch, left, report, seed, gap
        As of `solve_epoch`.

    Attributes
    ----------
    decisions, proof
        As of `Found`.
    """

    def __init__(self, epoch: Epoch, left: Callable[[], float], report: Callable[[Found], None], seed: int, gap: float) -> None:
        self.decisions: Decisions | None = None
        self._epoch, self._left, self._report, self._seed, self._gap = epoch, left, report, seed, gap
        self._random = np.array([2 * seed + 0x9E3779B97F4A7C15], dtype=np.uint64)
        proof, prices = linear_bound(epoch)
        self.proof: Proof = proof
        self._price = prices.edge if prices is not None else proof.edge_price
        self._value = np.ones(epoch.instance.devices)
        if prices is not None:
            self._remember(epoch.packing(self.bound), prices)
        self._tell()

    @property
    def found(self) -> Found:
        """What is known so far."""
        return Found(self.decisions, self.proof, self.cost <= self.bound * (1.0 + self._gap))

    @property
    def bound(self) -> float:
        """Lower bound on the worst cost."""
        return self.proof.threshold

    @property
    def cost(self) -> float:
        """Worst cost of the best decisions; infinite without any."""
        return math.inf if self.decisions is None else self.decisions.cost

    @property
    def closed(self) -> bool:
        """Whether nothing remains to be done: the gap is closed, or nothing is feasible."""
        return self.cost <= self.bound * (1.0 + self._gap) or self.bound > self._epoch.ceiling

    def run(self) -> None:
        """Search until the gap is closed or the time is over."""
        self._begin()
        self._from_above()
        self._from_below()
        cases = CASES * self._epoch.instance.devices
        while not self._over():
            self._between(round(cases))
            cases *= GROWTH

    def offer(self, edge: np.ndarray) -> bool:
        """Take over edges u of all devices, shape [M], with the best decisions they allow, if those are better."""
        decisions = self._epoch.decide(edge)
        if decisions is None or decisions.cost >= self.cost:
            return False
        self.decisions = decisions
        self._tell()
        return True

    def _over(self) -> bool:
        return self.closed or self._left() <= MARGIN

    def _begin(self) -> None:
        """Find first decisions, at thresholds that rise from the bound to where everybody is served."""
        self.offer(np.zeros(self._epoch.instance.devices, dtype=np.int64))
        last, step = self._epoch.ceiling, FIRST
        threshold = self.bound
        while not self._over() and threshold < self.cost:
            threshold = min(threshold * (1.0 + step), last)
            if self._search(threshold, MOVES) or threshold >= last:
                break
            step *= 2.0

    def _from_above(self) -> None:
        """Look for packings between the bound and the best decisions."""
        low = self.bound
        for _ in range(TRIES):
            if self._over():
                break
            threshold = self._middle(low, self.cost)
            if not self._search(threshold, MOVES):
                low = threshold

    def _from_below(self) -> None:
        """Prove thresholds between the bound and the best decisions."""
        high, threshold = self.cost, math.nextafter(min(self.cost, self._epoch.ceiling), -math.inf)
        for _ in range(TRIES):
            if self._over():
                break
            if not self._prove(threshold, STEPS):
                high = threshold
            threshold = self._middle(self.bound, min(high, self.cost))

    def _between(self, cases: int) -> None:
        """Decide thresholds by cases, first in the middle, then nearer to either end."""
        for part in PARTS:
            if self._over():
                break
            self._settle(self._middle(self.bound, self.cost, part), cases)

    def _settle(self, threshold: float, cases: int) -> None:
        """Prove that a threshold cannot be kept, or keep it, if so many cases suffice."""
        packing = self._epoch.packing(threshold)
        rest = packing.rest
        if not rest.size or not tractable(packing):
            return
        branching = Branching(packing, self._value[rest])
        branching.run(cases, lambda: self._left() > MARGIN)
        self._value[rest] = branching.value
        if branching.impossible:
            self._certify(branching.tree(self._epoch.next_cost(threshold), self._epoch.instance.devices))
        elif branching.edge is not None:
            self.offer(self._epoch.attach(packing, branching.edge))

    def _middle(self, low: float, high: float, part: float = 0.5) -> float:
        """A threshold at least the bound and below the decisions' cost."""
        high = min(high, self._epoch.ceiling)
        return min(max(low + part * (high - low), self.bound), math.nextafter(self.cost, -math.inf))

    def _search(self, threshold: float, moves: int) -> bool:
        """Look for a packing at a threshold; whether it was found. Better decisions are taken over even if it was not."""
        from mecbench.solvers.p_marl.packing_compiled import repair

        packing = self._epoch.packing(threshold)
        if not packing.possible.any(axis=1).all():
            return False
        regret, _ = regrets(packing, self._price)
        if not np.isfinite(regret).any(axis=1).all():
            return False
        edge = self._start(packing, regret)
        overload = repair(packing.weight, regret, packing.capacity, edge, moves, self._random)
        self.offer(self._epoch.attach(packing, edge))
        return overload == 0

    def _start(self, packing: Packing, regret: np.ndarray) -> np.ndarray:
        """Edges to begin with: the known ones where there are any, the cheapest for the others."""
        edge = regret.argmin(axis=1)
        if self.decisions is not None:
            known = self.decisions.edge[packing.rest] - 1
            usable = (known >= 0) & np.isfinite(regret[np.arange(known.size), known])
            edge = np.where(usable, known, edge)
        return edge

    def _prove(self, threshold: float, steps: int) -> bool:
        """Prove that a threshold cannot be kept, without cases; whether that succeeded."""
        packing = self._epoch.packing(threshold)
        rest = packing.rest
        if not rest.size:
            return False
        price = np.zeros(self._epoch.instance.devices)
        if packing.possible.any(axis=1).all():
            if not tractable(packing):
                return False
            values = Ascent(packing.weight, np.full(self._epoch.instance.edges, packing.capacity), self._value[rest]).run(steps)
            self._value[rest] = values.device
            if not values.proves:
                return False
            price[rest] = values.device
        self._certify(DantzigWolfe(threshold=self._epoch.next_cost(threshold), device_price=price))
        return True

    def _certify(self, proof: Proof) -> None:
        """Take note that nothing costs less than a proof's threshold."""
        self.proof = proof
        self._tell()

    def _remember(self, packing: Packing, prices: Prices) -> None:
        self._value[packing.rest] = np.maximum(prices.device, 0.0) / max(float(prices.device.mean()), 1e-300)

    def _tell(self) -> None:
        self._report(self.found)


def compile_search() -> None:
    """Compile the kernels, or load them."""
    from mecbench.problems.p_marl.options_compiled import demand
    from mecbench.solvers.p_marl.packing_compiled import pack, repair

    demand(np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1), dtype=np.int64), 1.0, 2)
    weight, regret = np.ones((1, 1), dtype=np.int64), np.zeros((1, 1))
    exclude(np.ones(1, dtype=np.int64), Residual(np.zeros(1, dtype=np.int64), weight, np.ones(1, dtype=np.int64), np.full(1, -1)))
    reduce(weight, 1)
    pack(np.ones(1), weight, np.ones(1, dtype=np.int64), np.zeros((2, 2)), np.zeros((1, 1), dtype=np.bool_))
    repair(weight, regret, 1, np.zeros(1, dtype=np.int64), 1, np.ones(1, dtype=np.uint64))
