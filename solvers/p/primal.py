"""Primal search of P: annealed deployments and settled requests at a multiplier on C8 that makes the mean delay meet its limit.

At a multiplier the intervals are independent (`local_search_compiled`). The multiplier that balances integer choices lies
above the one of the best bound, and moves while deployments improve, so the search finds its own: it alternates
between annealing all intervals and a secant on the mean delay. What is reported is polished: its split is the cheapest that
meets C8.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p import Instance, Solution, evaluate
from mecbench.problems.p.allocation import choices, polish, split
from mecbench.problems.p.options import Options
from mecbench.problems.p.physics import quotient

if TYPE_CHECKING:
    from mecbench.solvers.p.table_compiled import Demand, State, Table

__all__ = ["Primal"]

HOT, COLD = 0.1, 5e-3  # temperatures that annealing begins and ends at, in parts of an interval's cost per service
NOISE = 0.5  # of prices in a redeployment
FROZEN = 0.9  # part of the time after which temperature is 0
BALANCES = (0.1, 0.25, 0.5, 0.75, 0.9)  # parts of the time after which the multiplier is moved
BATCH = 0.05  # time that one interval is annealed at a stretch [s]
CLOSE = 1e-3  # relative, of the mean delay to its limit
ELASTICITY = (-3.0, -0.05)  # of the mean delay in the multiplier, within which secants are believed
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

    Attributes
    ----------
    solution, cost
        Best solution that meets C8 so far and its objective; ``None`` and infinite before.
    multiplier
        Where the mean delay of the current choices meets its limit, about; infinite where the cost does not count.
    """

    def __init__(self, instance: Instance, options: Options, multiplier: float = 1.0, seed: int = 0) -> None:
        from mecbench.solvers.p.table_compiled import UNSERVED, Demand, State, Table

        self._instance, self._options = instance, options
        self.multiplier = max(multiplier, SMALLEST)
        self.solution: Solution | None = None
        self.cost = np.inf
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

    def improve(self, seconds: float, heat: float = 1.0, report: Callable[[Solution], None] = lambda solution: None) -> None:
        """Anneal for some seconds; the first time, a deployment is made in any case.

        Parameters
        ----------
        seconds
            Time to spend.
        heat
            First temperature, in parts of the usual one.
        report
            Receives each better solution.
        """
        started = time.monotonic()
        if any((state.free < 0).any() for state in self._states):
            self.deploy()
        self._balance(report)
        balances = list(BALANCES)
        while (part := (time.monotonic() - started) / max(seconds - self._balancing, 1e-9)) < 1.0:
            if balances and part >= balances[0]:
                balances.pop(0)
                self._balance(report)
            temperature = 0.0 if part >= FROZEN else heat * HOT * (COLD / HOT) ** (part / FROZEN)
            for interval in range(self._instance.intervals):
                self._anneal(interval, temperature, min(BATCH, 0.02 * seconds))
                if time.monotonic() - started > seconds - self._balancing:
                    break
        if time.monotonic() - started < seconds:
            self._balance(report)

    def deploy(self) -> None:
        """First deployments: those of all services at all servers, cut down to the storage."""
        self._tabulate()
        for interval in range(self._instance.intervals):
            self.settle(interval)
            self.redeploy(interval, 0.0, 0.0, self._instance.servers)

    def _anneal(self, interval: int, temperature: float, seconds: float) -> None:
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
        for _ in range(12):
            self._tabulate()
            for interval in range(self._instance.intervals):
                self.settle(interval)
            late = float(np.log(self._mean_delay() / self._instance.delay_limit))
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
        self._offer(report)
        self._balancing = time.monotonic() - started

    def decisions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deployment [n, I, J], server and cut [T, K] of the current choices."""
        instance = self._instance
        shape = instance.service.shape
        server = np.concatenate([state.server for state in self._states]).reshape(shape)
        option = np.concatenate([state.option for state in self._states]).reshape(shape)
        held = np.stack([state.held for state in self._states])
        slot, user = np.arange(instance.slots)[:, None], np.arange(instance.users)
        lacking = (~held).argmax(axis=2)[slot // instance.interval, instance.service]
        cut = np.where(server < 0, 0, self._cut[slot, user, server, option]).astype(np.int64)
        server = np.where(server < 0, lacking, server)
        return held, server, cut

    def _mean_delay(self) -> float:
        """Mean delay of the current choices at the split of the current multiplier [s]."""
        held, server, cut = self.decisions()
        instance = self._instance
        hit = held[np.arange(instance.slots)[:, None] // instance.interval, instance.service, server]
        chosen = choices(instance, self._options, hit, server, cut)
        shares = split(instance, chosen, self.multiplier)
        served = chosen.delay + quotient(chosen.traffic, shares.bandwidth) + quotient(chosen.work, shares.compute)
        return float(np.where(hit, served, instance.failure_delay).mean())

    def _offer(self, report: Callable[[Solution], None]) -> None:
        """Polish the current choices and keep them if they are the best."""
        held, server, cut = self.decisions()
        solution = polish(self._instance, self._options, held, server, cut)
        evaluation = evaluate(self._instance, solution)
        if evaluation.feasible and evaluation.objective < self.cost:
            self.solution, self.cost = solution, evaluation.objective
            report(solution)
