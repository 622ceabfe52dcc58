"""Primal search of P: annealed deployments and settled requests at a multiplier on C8 that makes the mean delay meet its limit.

At a multiplier the intervals are independent (`local_search_compiled`). The multiplier that balances integer choices lies
above the one of the best bound, and moves while deployments improve, so the search finds its own: it alternates
between annealing all intervals and a secant on the mean delay. What is reported is polished: its split is the cheapest that
meets C8.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p import Instance, Solution, evaluate
from mecbench.problems.p.allocation import choices, polish, split
from mecbench.problems.p.options import Options
from mecbench.problems.p.physics import quotient
from mecbench.solvers.p.exact import Exact

if TYPE_CHECKING:
    from mecbench.solvers.p.table_compiled import Demand, State, Table

__all__ = ["Primal"]

SMALL = 100  # requests up to which the polished objective is searched
BRIEF = 0.15  # part of the time for the brief annealing
HOT, COLD = 0.05, 3e-3  # temperatures that annealing begins and ends at, in parts of an interval's cost per service
NOISE = 0.5  # of prices in a redeployment
FROZEN = 0.9  # part of the time after which temperature is 0
BALANCES = (0.1, 0.25, 0.5, 0.75, 0.9)  # parts of the time after which the multiplier is moved
BATCH = 0.05  # time that one interval is annealed at a stretch [s]
CLOSE = 1e-3  # relative, of the mean delay to its limit
BALANCING = 12  # steps of a balance at most, thrice as many while no solution is known
ELASTICITY = (-3.0, -0.05)  # of the mean delay in the multiplier, within which secants are believed
BACK, SPREAD = 0.3, 0.3  # of a round of refining: odds that it begins at the best, deviation of the multiplier's logarithm
HEAT, KICKS, TRIALS = 0.3, 40, 300  # of a round of refining, at most: temperature, redeployments of each interval, moves polished
PATIENCE = 20_000  # rounds of refining without gain after which it ends
LARGEST = 1e4  # multiplier [1/s] above which the cost no longer counts
SMALLEST = 1e-6  # multiplier [1/s] below which the delay no longer counts


class Primal:
    """Search that can be left and taken up again; each time it anneals anew, from what it has.

    Parameters
    ----------
    instance, options
        The instance and the options of its trace.
    multiplier
        Where to begin.
    seed
        Of the annealing.
    threads
        Intervals that are annealed at the same time.

    Attributes
    ----------
    solution, cost
        Best solution that meets C8 so far and its objective; ``None`` and infinite before.
    multiplier
        Where the mean delay of the current choices meets its limit, about; infinite where the cost does not count.
    """

    def __init__(self, instance: Instance, options: Options, multiplier: float = 1.0, seed: int = 0, threads: int = 1) -> None:
        from mecbench.solvers.p.table_compiled import UNSERVED, Demand, State, Table

        self._instance, self._options, self._threads = instance, options, threads
        self.multiplier = max(multiplier, SMALLEST)
        self.solution: Solution | None = None
        self.cost = np.inf
        self._best: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._elasticity = -0.5
        self._balancing = 0.0  # time that the last balance took [s]
        self._random = np.random.SeedSequence(seed).generate_state(instance.intervals + 1, np.uint64)[:, None] | np.uint64(1)
        users, servers, width = instance.users, instance.servers, options.cost.shape[2]
        shape = (instance.slots, users, servers)
        self._own, self._cut = np.zeros((*shape, width, 3)), np.zeros((*shape, width), dtype=np.int16)
        self._number, self._order = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self._first, self._fail = np.zeros(shape), np.zeros((instance.slots, users))
        self._slots = [slice(n, min(n + instance.interval, instance.slots)) for n in range(0, instance.slots, instance.interval)]
        self._tables: list[Table] = []
        self._states: list[State] = []
        self._demands: list[Demand] = []
        for slots in self._slots:
            service = instance.service[slots].ravel()
            fields = (self._own, self._first, self._number, self._order, self._fail, instance.service)
            self._tables.append(Table(*(field[slots].reshape(-1) for field in fields)))
            start = np.concatenate(([0], np.cumsum(np.bincount(service, minlength=instance.services))))
            request = np.argsort(service, kind="stable")
            self._demands.append(Demand(start, request, request // users, instance.service_bytes))
            self._states.append(
                State(
                    server=np.full(service.size, UNSERVED),
                    option=np.zeros(service.size, dtype=np.int64),
                    row=np.zeros(3 * service.size),
                    load=np.zeros(2 * servers * service.size // users),
                    held=np.ones((instance.services, servers), dtype=bool),
                    free=instance.storage - instance.service_bytes.sum(),
                )
            )
        self._cutoff = np.full(instance.intervals, np.inf)
        self._pace = np.full(instance.intervals, 10.0)  # redeployments per batch

    def improve(self, seconds: float, report: Callable[[Solution], None] = lambda solution: None) -> None:
        """Search on: briefly, for an early solution, then from high temperature to low in the rest of the time.

        Small instances, whose choices jump over the delay limit, are then searched on the polished objective.

        Parameters
        ----------
        seconds
            Time to spend; the first time, a deployment is made in any case.
        report
            Receives each better solution.
        """
        ends = time.monotonic() + seconds
        small = self._instance.requests <= SMALL
        if any((state.free < 0).any() for state in self._states):
            self.deploy()
        self.anneal(BRIEF * seconds, report)
        self.anneal((BRIEF if small else 1.0) * (ends - time.monotonic()), report)
        if small:
            self.refine(ends - time.monotonic(), report)

    def anneal(self, seconds: float, report: Callable[[Solution], None] = lambda solution: None) -> None:
        """Anneal the deployments of all intervals, moving the multiplier now and then."""
        ends = time.monotonic() + seconds
        self._balance(report)
        balances = list(BALANCES)
        with ThreadPoolExecutor(self._threads) as pool:
            while (left := ends - time.monotonic() - self._balancing) > 0.0:
                part = 1.0 - left / seconds
                if balances and part >= balances[0]:
                    balances.pop(0)
                    self._balance(report)
                temperature = 0.0 if part >= FROZEN else HOT * (COLD / HOT) ** (part / FROZEN)
                stretch = partial(self._stretch, temperature=temperature, seconds=min(BATCH, 0.02 * seconds))
                for first in range(0, self._instance.intervals, self._threads):
                    turn = range(first, min(first + self._threads, self._instance.intervals))
                    list(pool.map(stretch, turn))
                    if time.monotonic() + self._balancing > ends:
                        break
        if time.monotonic() < ends:
            self._balance(report)

    def refine(self, seconds: float, report: Callable[[Solution], None] = lambda solution: None) -> None:
        """Search on the polished objective, for one round in any case and until many were in vain.

        From the best solution, or from wherever the last round ended, each round redeploys a little at a multiplier
        nearby, and descends on the polished objective.
        """
        started = time.monotonic()
        exact = Exact(self._instance, self._options)
        random = np.random.RandomState(self._random[-1, 0] % 2**32)
        best, kept = self.cost, self._best or self.decisions()
        middle = min(self.multiplier, LARGEST)
        idle = 0
        while idle < PATIENCE:
            if random.random_sample() < BACK:
                self._adopt(*kept)
            self.multiplier = middle * float(np.exp(SPREAD * random.standard_normal()))
            self._tabulate()
            for interval in range(self._instance.intervals):
                scale = self.value(interval) / self._instance.services
                self.redeploy(interval, HEAT * random.random_sample() * scale, NOISE, random.randint(KICKS))
                self.settle(interval)
            held, server, cut = self.decisions()
            cost, multiplier, server, cut = exact.descend(held, server, cut, self.multiplier, TRIALS)
            idle += 1
            if cost < best:
                best, kept, middle, idle = cost, (held, server, cut), max(multiplier, SMALLEST), 0
                self._offer(kept, report)
            if time.monotonic() - started >= seconds:
                break
        self.multiplier = middle
        self._adopt(*kept)

    def deploy(self) -> None:
        """First deployments: those of all services at all servers, cut down to the storage."""
        self._tabulate()
        for interval in range(self._instance.intervals):
            self.settle(interval)
            self.redeploy(interval, 0.0, 0.0, self._instance.servers)

    def _stretch(self, interval: int, temperature: float, seconds: float) -> None:
        """Anneal an interval for about some seconds at a temperature, in parts of its cost per service."""
        begun = time.monotonic()
        iterations = int(max(1, self._pace[interval]))
        scale = self.value(interval) / self._instance.services
        self.redeploy(interval, temperature * scale, NOISE, iterations)
        took = max(time.monotonic() - begun, 1e-6)
        self._pace[interval] = min(2.0 * iterations + 1, max(1.0, iterations * seconds / took))

    def redeploy(self, interval: int, temperature: float, noise: float, iterations: int) -> float:
        """Redeploy servers of an interval (`local_search_compiled.search`); change of its objective."""
        from mecbench.solvers.p.local_search_compiled import search

        parts = (*self._tables[interval], *self._states[interval], *self._demands[interval])
        change, _, self._cutoff[interval] = search(*parts, iterations, temperature, noise, self._cutoff[interval], self._random[interval])
        return float(change)

    def settle(self, interval: int) -> None:
        """Move single requests of an interval until none gains."""
        from mecbench.solvers.p.local_search_compiled import descend

        state = self._states[interval]
        descend(*self._tables[interval], *state[:-1], np.ones(state.load.size // 2, dtype=np.int64))

    def value(self, interval: int) -> float:
        """Objective of an interval at the current multiplier."""
        state = self._states[interval]
        row = state.row.reshape(-1, 3)
        return float((row[:, 0] - 0.25 * (row[:, 1] ** 2 + row[:, 2] ** 2)).sum() + (state.load**2).sum())

    def _tabulate(self) -> None:
        """Price all options at the current multiplier."""
        from mecbench.solvers.p.table_compiled import tabulate

        instance, options = self._instance, self._options
        weight, multiplier = (0.0, 1.0) if np.isinf(self.multiplier) else (1.0, self.multiplier)
        self._fail[:] = weight * options.failure + multiplier * instance.failure_delay
        for slots, state in zip(self._slots, self._states, strict=True):
            names = ("cuts", "cost", "delay", "work", "upload", "download", "uplink", "downlink")
            tabulate(
                *(getattr(options, name)[slots] for name in names),
                instance.energy_weight * instance.user_watts,
                instance.bandwidth,
                instance.server_flops,
                weight,
                multiplier,
                *(field[slots] for field in (self._own, self._first, self._number, self._order, self._fail, self._cut)),
                *state[:4],
            )

    def _balance(self, report: Callable[[Solution], None]) -> None:
        """Move the multiplier until the mean delay meets its limit, requests settling, and polish."""
        started = time.monotonic()
        low, high = SMALLEST, np.inf  # multipliers known to be too small and large enough
        before: tuple[float, float] | None = None
        for _ in range(BALANCING if np.isfinite(self.cost) else 3 * BALANCING):
            self._tabulate()
            for interval in range(self._instance.intervals):
                self.settle(interval)
            late = float(np.log(self._mean_delay() / self._instance.delay_limit))
            if late <= 0.0 and np.isinf(self.cost):
                self._offer(self.decisions(), report)
            if abs(late) <= CLOSE or (late < 0 and self.multiplier <= SMALLEST) or (late > 0 and np.isinf(self.multiplier)):
                break
            if np.isinf(self.multiplier):
                self.multiplier = LARGEST
                continue
            now = float(np.log(self.multiplier))
            if late > 0:
                low = max(low, self.multiplier)
            else:
                high = min(high, self.multiplier)
            if before is not None and abs(now - before[0]) > 1e-4:
                self._elasticity = float(np.clip((late - before[1]) / (now - before[0]), *ELASTICITY))
            before = now, late
            target = float(np.exp(now - np.clip(late / self._elasticity, -2.0, 2.0)))
            if not low < target < high:
                if high / low < 1.0 + CLOSE:
                    break
                target = float(np.sqrt(low * high)) if np.isfinite(high) else 4.0 * low
            self.multiplier = target if target < LARGEST else np.inf
        self._offer(self.decisions(), report)
        self._balancing = time.monotonic() - started

    def decisions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deployment [n, I, J], server (-1: failing) and cut [T, K] of the current choices."""
        instance = self._instance
        shape = instance.service.shape
        server = np.concatenate([state.server for state in self._states]).reshape(shape)
        option = np.concatenate([state.option for state in self._states]).reshape(shape)
        held = np.stack([state.held for state in self._states])
        slot, user = np.arange(instance.slots)[:, None], np.arange(instance.users)
        cut = np.where(server < 0, 0, self._cut[slot, user, server, option]).astype(np.int64)
        return held, server, cut

    def _adopt(self, held: np.ndarray, server: np.ndarray, cut: np.ndarray) -> None:
        """Make decisions the current ones; prices follow when they are next tabulated."""
        slot, user = np.arange(self._instance.slots)[:, None], np.arange(self._instance.users)
        self._cut[slot, user, server, 0] = cut
        for slots, state, deployed in zip(self._slots, self._states, held, strict=True):
            state.server[:], state.option[:] = server[slots].ravel(), 0
            state.held[:] = deployed
            state.free[:] = self._instance.storage - self._instance.service_bytes @ deployed

    def _mean_delay(self) -> float:
        """Mean delay of the current choices at the split of the current multiplier [s]."""
        _, server, cut = self.decisions()
        hit = server >= 0
        chosen = choices(self._instance, self._options, hit, np.maximum(server, 0), cut)
        shares = split(self._instance, chosen, self.multiplier)
        served = chosen.delay + quotient(chosen.traffic, shares.bandwidth) + quotient(chosen.work, shares.compute)
        return float(np.where(hit, served, self._instance.failure_delay).mean())

    def _offer(self, decisions: tuple[np.ndarray, np.ndarray, np.ndarray], report: Callable[[Solution], None]) -> None:
        """Polish decisions and keep them if they are the best."""
        held, server, cut = decisions
        lacking = (~held).argmax(axis=2)[np.arange(self._instance.slots)[:, None] // self._instance.interval, self._instance.service]
        solution = polish(self._instance, self._options, held, np.where(server < 0, lacking, server), cut)
        evaluation = evaluate(self._instance, solution)
        if evaluation.feasible and evaluation.objective < self.cost:
            self.solution, self.cost, self._best = solution, evaluation.objective, decisions
            report(solution)
