"""Column generation: the bound of the master problem over all plans, certified by its prices alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p1 import SIZES, Certificate, Instance, bound, generate
from mecbench.problems.p1.rows import with_rows
from mecbench.problems.p1.tables import Prices, plain_prices, tables
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.master import Duals, Master, Side
from mecbench.solvers.p1.pool import Pool

__all__ = ["ColumnGeneration", "Generation", "algorithms", "compile_pricing", "prices_of"]

STABILITY = 0.7  # weight of the best duals so far in those that are priced first
TOLERANCE = 1e-7  # of the gap between master and bound, relative


class Generation:
    """The run of column generation on the given sides of branches.

    Attributes
    ----------
    pool
        Where columns are found and left.
    master
        The restricted master problem.
    best, duals
        Best bound, and the prices that prove it.
    iterations
        Solutions of the master.
    closed
        Whether bound and master have met.

    Parameters
    ----------
    pool, sides
        The columns known, and the sides.
    master
        A master problem to go on with, moved to the sides; a new one by default.
    known
        Prices, multipliers included, and the bound that they prove, to begin from.
    """

    def __init__(
        self, pool: Pool, sides: tuple[Side, ...] = (), master: Master | None = None, known: tuple[Duals, float] | None = None
    ) -> None:
        self.pool, self.sides = pool, sides
        if master is None:
            self.master = Master(pool, sides)
        else:
            self.master = master
            master.move(sides)
        self.duals, self.best = known or (self.master.duals, -np.inf)
        self.iterations, self.closed = 0, False

    def run(
        self,
        left: Callable[[], float],
        report: Callable[[float], None],
        cutoff: float = np.inf,
        tolerance: float = 0.0,
        most_iterations: float = np.inf,
    ) -> None:
        """Generate columns until the bound is the master's value, reaches a cutoff, or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Takes better bounds.
        cutoff
            Bound that suffices.
        tolerance
            Gap between master and bound that suffices, absolute.
        most_iterations
            Of the whole run.
        """
        while not self.closed and (left() > 0 or not self.iterations) and self.best < cutoff and self.iterations < most_iterations:
            self.master.load()
            self.master.solve()
            self.iterations += 1
            current = self.master.duals
            before = len(self.pool)
            if np.isfinite(self.best):
                self._price(self.duals.blend(current, STABILITY), report)
            if len(self.pool) == before:
                self._price(current, report)
            gap = self.master.value - self.best
            self.closed = len(self.pool) == before or gap <= max(TOLERANCE * abs(self.master.value), tolerance)

    def _price(self, duals: Duals, report: Callable[[float], None]) -> None:
        """Add the columns that are cheapest at some prices, and keep those if they prove more."""
        pool = self.pool
        found = pool.price(prices_of(pool, self.sides, duals))
        limits = sum(fee * side.right_hand_side for side, fee in zip(self.sides, duals.multiplier.tolist(), strict=True))
        value = float(pool.tables.size @ found.value - pool.capacity @ duals.price - limits)
        if value > self.best:
            self.best, self.duals = value, duals
            report(value)
        group = np.flatnonzero(~found.fail)
        pool.add(group, found.plan[group])

    def certificate(self) -> Certificate:
        """Certificate of the best bound, where there are no branches."""
        shape = self.pool.instance.availability.shape
        price = self.duals.price
        return Certificate(share_price=price[: -shape[1]].reshape(1, *shape), hop_price=price[None, -shape[1] :])


def prices_of(pool: Pool, sides: tuple[Side, ...], duals: Duals) -> Prices:
    """Prices of capacities with the fees of sides.

    Parameters
    ----------
    pool, sides, duals
        The instance's columns, the sides, and the duals of both.
    """
    shape = pool.instance.availability.shape
    share, hop = duals.price[: -shape[1]].reshape(shape), duals.price[-shape[1] :]
    charged = [(side.row, side.sign * fee) for side, fee in zip(sides, duals.multiplier.tolist(), strict=True) if fee > 0]
    return with_rows(pool.tables, share, hop, charged)


def compile_pricing() -> None:
    """Compile the pricing, and load what solves master problems."""
    import highspy  # noqa: F401
    import scipy.optimize  # noqa: F401

    from mecbench.problems.p1.pricing import price

    known = tables(generate(SIZES["tiny"], 0))
    price(known, plain_prices(known, np.zeros(known.availability.shape), np.zeros(known.availability.shape[1])))


@dataclass(frozen=True)
class ColumnGeneration:
    """The bound: exact pricing, stabilised prices, and the certificate at the best of them."""

    name: ClassVar[str] = "column-generation"
    kind: ClassVar[Kind] = "bound"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile the pricing."""
        compile_pricing()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        generation = Generation(Pool(instance))
        generation.run(lambda: budget.remaining - 0.1 * budget.time_limit, lambda value: budget.report(bound=value))
        certificate = generation.certificate()
        metrics = {"iterations": float(generation.iterations), "columns": float(len(generation.pool))}
        return Outcome(None, bound(instance, certificate), certificate, "bounded", metrics)


algorithms = (ColumnGeneration,)
