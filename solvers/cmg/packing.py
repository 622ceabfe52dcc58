"""Plans of whole devices as columns: who offloads where is a packing of them, at most one on each channel.

What a relaxation over chunks gives away is how the chunks of a device share its energy at whole frame rates. Here every column is a
complete plan of a device, worth what it is worth. The linear programme over them is mostly integral, and at its prices of channels each
device by itself chooses its part of the best plans. Columns are priced by single changes of a device's offloads, those first
that promise most (`mecbench.solvers.cmg.local_search_compiled.promises`), at prices that stay near the best so far. That may miss some,
so nothing here is a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mecbench.solvers.cmg.channel_master import ChannelMaster, Mixture
from mecbench.solvers.cmg.plans import ROUNDS, Plans

__all__ = ["Packing"]

RADIUS = 0.01  # by which prices of channels may differ from the best so far, at first
WIDE = 1.0  # radius that all prices are within
WIDER, NARROWER = 2.0, 0.7  # change of the radius when prices got better, and when not
GAIN = 1e-9  # least gain of a change
SLACK = 0.01  # by which promises may miss a gain
TRIALS = 6  # changes of a plan that are tried at most before it stands
ROUNDING = 0.2  # part of the time for looking for integral solutions
ROUNDED = 100  # best columns of a device that this is done with
CLOSED = 1e-8  # gap of programme and pricing, relative, that counts as none


@dataclass(slots=True)
class Column:
    """A plan of a device, as in `Plans`, and what single changes of its offloads promise, shape [T, K], once that was asked for."""

    offload: np.ndarray
    frames: np.ndarray
    later: np.ndarray
    eta: np.ndarray
    worth: float
    promise: np.ndarray | None = None

    def reduced(self, channel: np.ndarray) -> float:
        """Worth less the prices of its channels."""
        return self.worth - float(channel[self.offload].sum())


class Packing:
    """The run of column generation over plans of devices.

    Parameters
    ----------
    plans
        Plans to start from.
    energy, channel
        Prices to start from, of a joule, shape [N, T], and of channels, shape [T, K].

    Attributes
    ----------
    plans
        Best plans.
    channel
        Prices of channels at which the devices choose them, or nearly.
    closed
        Whether pricing finds nothing more.
    iterations
        Solutions of the linear programme.
    """

    def __init__(self, plans: Plans, energy: np.ndarray, channel: np.ndarray) -> None:
        self.plans, self.channel, self.closed, self.iterations = plans, channel, False, 0
        self._energy, self._nobody = energy, np.zeros(plans.offload.shape, dtype=np.int8)
        self._master = ChannelMaster(plans.offload.shape)
        self._known: list[dict[bytes, Column]] = [{} for _ in plans.offload]
        for n, offload in enumerate(plans.offload):
            self._plan(n, offload, plans.eta[n])

    def run(self, left: Callable[[], float], report: Callable[[], None]) -> None:
        """Generate columns until pricing finds nothing more or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called when the plans got better.
        """
        reserved, radius = ROUNDING * left(), RADIUS

        def generating() -> float:
            return left() - reserved

        lowest = self._price(self.channel, generating)
        while generating() > 0 and not self.closed:
            mixture = self._master.solve(self._nobody, (self.channel, radius))
            self.iterations += 1
            self._take(mixture, report)
            if lowest - mixture.value <= CLOSED * abs(lowest):
                self.closed, radius = radius >= WIDE, 4.0 * radius
                continue
            value = self._price(mixture.channel_price, generating)
            if value < lowest:
                radius *= WIDER
                lowest, self.channel = value, mixture.channel_price
            else:
                radius *= NARROWER
        self._round(lowest, left, report)

    def _plan(self, n: int, offload: np.ndarray, eta: np.ndarray) -> Column:
        """Plan of a device whose offloads are given, bool, shape [T, K], started at prices eta if it is new."""
        from mecbench.solvers.cmg.device_compiled import plan_device

        key = offload.tobytes()
        if key not in self._known[n]:
            offload, frames, later, eta = offload.copy(), np.zeros(offload.shape, dtype=np.int64), np.zeros(eta.size), eta.copy()
            worth = plan_device(self.plans.tables, self.plans.batteries, n, offload, ROUNDS, frames, later, eta)
            self._known[n][key] = Column(offload, frames, later, eta, worth)
            self._master.add(n, worth, offload)
        return self._known[n][key]

    def _price(self, channel: np.ndarray, left: Callable[[], float]) -> float:
        """Look for better plans of each device at some prices, and say what the best of all are worth together with the channels.

        That is infinite if no time is left.
        """
        from mecbench.problems.cmg.pricing import price

        found = price(self.plans.tables, self._energy, channel).offload
        total = float(channel.sum())
        for n, known in enumerate(self._known):
            if left() <= 0:
                return np.inf
            best = max(known.values(), key=lambda column: column.reduced(channel))
            total += max(self._improve(n, column, channel) for column in (best, self._plan(n, found[n], self._energy[n])))
        return total

    def _improve(self, n: int, column: Column, channel: np.ndarray) -> float:
        """Change single offloads of a plan while that pays, and say what it is worth then."""
        from mecbench.solvers.cmg.local_search_compiled import promises

        worth = column.reduced(channel)
        while True:
            if column.promise is None:
                column.promise = np.empty(channel.shape)
                promises(self.plans.tables, n, column.offload, column.eta, column.promise)
            hope = column.promise + np.where(column.offload, channel, -channel)
            for at in np.argsort(-hope, axis=None)[:TRIALS].tolist():
                if hope.flat[at] < -SLACK:
                    return worth
                offload = column.offload.copy()
                offload.flat[at] = not offload.flat[at]
                trial = self._plan(n, offload, column.eta)
                if trial.reduced(channel) > worth + GAIN:
                    column, worth = trial, trial.reduced(channel)
                    break
            else:
                return worth

    def _round(self, most: float, left: Callable[[], float], report: Callable[[], None]) -> None:
        """Look for better plans where the solution of the programme is fractional, among columns that may be part of better ones."""
        missing = most - self.plans.value
        if missing <= GAIN or left() <= 0:
            return
        master = ChannelMaster(self.plans.offload.shape)
        for n, known in enumerate(self._known):
            ranked = sorted(known.values(), key=lambda column: -column.reduced(self.channel))
            least = ranked[0].reduced(self.channel) - missing
            for column in ranked[:ROUNDED]:
                if column.reduced(self.channel) >= least:
                    master.add(n, column.worth, column.offload)
        self._take(master.solve(self._nobody, whole=True, time_limit=max(left(), 0.0)), report)

    def _take(self, mixture: Mixture, report: Callable[[], None]) -> None:
        """Take the plans of most weight if they are better, which they are at most where they are whole."""
        if mixture.crowded or (mixture.chosen.sum(axis=0) > 1).any():
            return
        columns = [known[offload.tobytes()] for known, offload in zip(self._known, mixture.chosen, strict=True)]
        if sum(column.worth for column in columns) > self.plans.value + GAIN:
            self.plans = self.plans.copy()
            for n, column in enumerate(columns):
                self.plans.offload[n], self.plans.frames[n], self.plans.worth[n] = column.offload, column.frames, column.worth
                self.plans.later[n], self.plans.eta[n] = column.later, column.eta
            report()
