"""The Lagrangian bound of P: dual data of the storage, of the convex loads and of the delay limit, by ascent without a solver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from mecbench.problems.p import Certificate, Instance, bound
from mecbench.problems.p.options import Options

__all__ = ["Ascent", "Dual"]

ITERATIONS = 10  # of the offers at each pricing
AVAILABLE = 60  # iterations of the first relaxation, where every server holds every service
PACES = tuple(np.geomspace(0.1, 0.0005, 12).tolist())  # of the loads, stage by stage
PASSES = 3  # through the paces, while the multiplier is still found wrong
ROUNDS = (6, 60)  # pricings of a stage, least and most
SEARCH_PACES, SEARCH_ROUNDS = tuple(np.geomspace(0.1, 0.005, 10).tolist()), 20  # of the stages before, which look for the multiplier
SETTLED = 0.03  # pace from which their mean delay is believed
FINE = 0.003  # error of the relaxed mean delay, relative to its limit, at which the multiplier is taken: it counts squared
LEAST_DELAY = 0.01  # relative mean delay, below which one does not matter
ELASTICITY = (-30.0, -0.1)  # of the delay in the multiplier, within which secants are believed
FIRST_ELASTICITY = -0.5
LARGEST_MOVE = 1.5  # of the multiplier's logarithm
NEGLIGIBLE = 1e-3  # multiplier [1/s] below which 0 is tried
DISTANCE = 0.1  # of the levels that steps aim at, relative to the priced cost and the pace
MARGIN = 1e-8  # relative, of what is reported below what was computed; certificates deduct less for rounding
CONVERGED = 1e-7  # relative improvement over a stage at which the ascent ends


@dataclass(frozen=True, eq=False)
class Dual:
    """Dual data, the bound that they prove, and what the relaxation they solve looks like.

    Attributes
    ----------
    multiplier
        lambda on C8 [1/s].
    bandwidth_load, compute_load
        Reference loads S0, shape [T, J].
    price
        mu of serving from a server, shape [T, K, J].
    serve, cut
        v and its cut at these loads, shape [T, K, J].
    held
        Relaxed deployment, in [0, 1], shape [n, I, J].
    mean_delay
        Mean delay of the relaxed solution [s]: at the best multiplier, the limit.
    certificate, bound
        What proves the bound, and the bound that it proves.
    """

    multiplier: float
    bandwidth_load: np.ndarray
    compute_load: np.ndarray
    price: np.ndarray
    serve: np.ndarray
    cut: np.ndarray
    held: np.ndarray
    mean_delay: float
    certificate: Certificate
    bound: float


class Ascent:
    """Search for the dual data of the best bound; it can be left and taken up again.

    Parameters
    ----------
    instance, options
        The instance and the options of its trace.
    multiplier
        lambda to keep; none to look for the best one.
    start
        Dual data to begin with.
    threads
        Intervals that ascend at the same time.
    """

    def __init__(
        self, instance: Instance, options: Options, multiplier: float | None = None, start: Dual | None = None, threads: int = 1
    ) -> None:
        from mecbench.solvers.p.dual_compiled import Point, Prices, Requests, world

        self._instance, self._options, self._threads = instance, options, threads
        self._world = world(instance)
        self._requests = Requests(*(getattr(options, name) for name in Requests._fields))
        places, requests = (instance.slots, instance.servers), instance.service.shape
        held = np.zeros((instance.intervals, instance.servers, instance.services))
        self._point = Point(np.ones(places), np.ones(places), np.zeros(requests), np.zeros(requests), held)
        self._best = Point(*(field.copy() for field in self._point))
        self._prices = Prices(*(np.empty((*requests, instance.servers)) for _ in Prices._fields))
        self._undecided = np.full((instance.servers, instance.services), -1, dtype=np.int8)
        self._value = np.full(instance.intervals, -np.inf)
        self._distance = np.zeros(instance.intervals)
        self._cost = 1e-3  # of a round on every interval [s]
        self._slope = FIRST_ELASTICITY
        self._before: tuple[float, float] | None = None  # logarithms of a multiplier and of its relative delay
        self._fixed = multiplier is not None
        self._multiplier = 1.0 if multiplier is None else multiplier
        self._mean_delay = np.inf
        self._stages = self._plan(start)
        self._found: tuple[float, float, Point, float] | None = None
        self._deadline = 0.0
        self.converged = False

    @property
    def bound(self) -> float:
        """Best bound so far, minus infinity before the first step."""
        return -np.inf if self._found is None else self._found[0]

    def ascend(self, seconds: float, report: Callable[[float], None] = lambda bound: None) -> Dual:
        """Go on, for some seconds or until the bound no longer rises.

        Parameters
        ----------
        seconds
            Time to spend; the first iteration is made in any case.
        report
            Receives each better bound.
        """
        self._deadline = time.monotonic() + seconds
        known = self.bound
        # Here, not where it is used: a generator that is collected while its pool is open joins threads in the middle of whatever runs.
        with ThreadPoolExecutor(self._threads) as self._pool:
            for _ in self._stages:
                if self.bound > known:
                    known = self.bound
                    report(known)
                if time.monotonic() >= self._deadline:
                    break
            else:
                self.converged = True
        return self.dual

    @property
    def dual(self) -> Dual:
        """Dual data of the best bound so far."""
        from mecbench.problems.p.pricing import prices

        assert self._found is not None
        _, multiplier, point, mean_delay = self._found
        serve, cut = prices(self._instance, self._options, multiplier, point.bandwidth_load, point.compute_load)
        price = np.maximum(point.offer[..., None] - serve, 0.0)
        certificate = Certificate(
            multiplier=multiplier,
            bandwidth_load=point.bandwidth_load,
            compute_load=point.compute_load,
            offer=point.offer,
            branch=np.full(self._instance.intervals, -1),
        )
        return Dual(
            multiplier=multiplier,
            bandwidth_load=point.bandwidth_load,
            compute_load=point.compute_load,
            price=price,
            serve=serve,
            cut=cut,
            held=point.held.transpose(0, 2, 1),
            mean_delay=mean_delay,
            certificate=certificate,
            bound=bound(self._instance, certificate),
        )

    def _plan(self, start: Dual | None) -> Iterator[None]:
        """All stages, yielding often."""
        if start is None:
            yield from self._relax()
        else:
            self._take(start)
        if not self._fixed:
            yield from self._search()
        for _ in range(PASSES):
            yield from self._refine()
            if self._fixed or not self._correct():
                break

    def _take(self, start: Dual) -> None:
        failure = self._options.failure + start.multiplier * self._instance.failure_delay
        self._point.bandwidth_load[:], self._point.compute_load[:] = start.bandwidth_load, start.compute_load
        self._point.offer[:] = np.minimum(failure, (start.serve + start.price).min(axis=2))
        self._point.held[:] = start.held.transpose(0, 2, 1)
        target, self._multiplier = self._multiplier if self._fixed else start.multiplier, start.multiplier
        self._move(target)

    def _relax(self) -> Iterator[None]:
        """Ascend where every server holds every service, the multiplier moving along."""
        from mecbench.solvers.p.dual_compiled import ascend_available

        instance, point = self._instance, self._point
        for iteration in range(AVAILABLE):
            loads = point.bandwidth_load.copy(), point.compute_load.copy()
            pace = 2.0 / (iteration + 2.0)
            value, lateness = ascend_available(self._world, self._requests, self._multiplier, point, self._prices, pace)
            self._mean_delay = lateness / instance.requests
            self._record(value, point._replace(bandwidth_load=loads[0], compute_load=loads[1]))
            yield
            if not self._fixed:
                factor = float(np.exp(np.clip(self._error, -1.0, 1.0) * (0.5 if 2 * iteration < AVAILABLE else 0.2)))
                self._multiplier *= factor
                point.compute_load[:] *= np.sqrt(factor)
        self._aim(DISTANCE * PACES[0])

    def _search(self) -> Iterator[None]:
        """Look for the multiplier at which the relaxed mean delay meets its limit, the loads following ever slower."""
        for pace in SEARCH_PACES:
            self._aim(DISTANCE * pace)
            yield from self._stage(pace, SEARCH_ROUNDS)
            if not self._correct() and pace <= SETTLED:
                return
        if self._multiplier < NEGLIGIBLE:
            self._move(0.0)

    def _refine(self) -> Iterator[None]:
        """Let the loads settle at ever slower paces."""
        for done, pace in enumerate(PACES):
            left = (self._deadline - time.monotonic()) / (len(PACES) - done)
            self._aim(DISTANCE * pace)
            yield from self._stage(pace, int(np.clip(left / self._cost, *ROUNDS)))
        before = -np.inf
        while self.bound - before > CONVERGED * abs(self.bound):
            before = self.bound
            yield from self._stage(PACES[-1], ROUNDS[1])

    @property
    def _error(self) -> float:
        """Logarithm of the relaxed mean delay over its limit; of a relaxation that is far from solved the mean may be negative."""
        return float(np.log(max(self._mean_delay / self._instance.delay_limit, LEAST_DELAY)))

    def _correct(self) -> bool:
        """Move the multiplier by a secant if the relaxed mean delay is off its limit; say whether it was."""
        place, error = float(np.log(max(self._multiplier, 1e-12))), self._error
        if abs(error) <= FINE or self._multiplier == 0.0:
            return False
        if self._before is not None and place != self._before[0]:
            self._slope = float(np.clip((error - self._before[1]) / (place - self._before[0]), *ELASTICITY))
        self._before = place, error
        self._move(float(np.exp(place - np.clip(error / self._slope, -LARGEST_MOVE, LARGEST_MOVE))))
        return True

    def _stage(self, pace: float, rounds: int) -> Iterator[None]:
        """Ascend on every interval in turn."""
        started = time.monotonic()
        lateness = np.empty(self._instance.intervals)
        for first in range(0, self._instance.intervals, self._threads):
            turn = range(first, min(first + self._threads, self._instance.intervals))
            lateness[turn.start : turn.stop] = list(self._pool.map(lambda n: self._ascend_interval(n, rounds, pace), turn))
            yield
        self._cost = (time.monotonic() - started) / rounds
        self._mean_delay = float(lateness.sum()) / self._instance.requests
        self._record(float(self._value.sum()), self._best)

    def _ascend_interval(self, interval: int, rounds: int, pace: float) -> float:
        from mecbench.solvers.p.dual_compiled import ascend_interval

        slots = slice(interval * self._instance.interval, (interval + 1) * self._instance.interval)
        point, best = (
            field._replace(**{name: getattr(field, name)[slots] for name in field._fields if name != "held"}, held=field.held[interval])
            for field in (self._point, self._best)
        )
        self._value[interval], self._distance[interval], lateness = ascend_interval(
            self._world,
            self._requests._replace(**{name: getattr(self._requests, name)[slots] for name in self._requests._fields}),
            self._multiplier,
            point,
            best,
            self._prices._replace(**{name: getattr(self._prices, name)[slots] for name in self._prices._fields}),
            self._value[interval],
            self._distance[interval],
            rounds,
            ITERATIONS,
            pace,
            self._undecided,
        )
        return float(lateness)

    def _move(self, multiplier: float) -> None:
        """Go to another multiplier; what was best was so at the old one."""
        from mecbench.solvers.p.dual_compiled import rebase

        rebase(self._world, self._requests, self._multiplier, multiplier, self._point, self._prices)
        self._multiplier = multiplier
        self._value[:] = -np.inf
        self._aim(DISTANCE * PACES[0])

    def _aim(self, part: float) -> None:
        """Set the distance of each interval's level to a part of its share of the priced cost."""
        slots = np.bincount(np.arange(self._instance.slots) // self._instance.interval)
        cost = abs(self.bound) + self._multiplier * self._instance.delay_limit
        self._distance[:] = part * cost * slots * self._instance.users

    def _record(self, value: float, point: Any) -> None:
        proven = value / self._instance.requests - self._multiplier * self._instance.delay_limit
        proven -= MARGIN * abs(proven)
        if proven > self.bound:
            copy = type(point)(*(field.copy() for field in point))._replace(held=self._point.held.copy())
            self._found = proven, self._multiplier, copy, self._mean_delay
