"""Plans and prices in turn: each from the other, with ever more damping.

Channels go to the devices that gain most from them at the prices of energy and of the other channels; each device is then planned exactly,
which prices its energy; a channel costs what lies between its best two bids. Averages of these prices are near those of the
relaxation after some ten turns, at the cost of as many pricings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.solvers.cmg.duals import Duals, relaxed_value
from mecbench.solvers.cmg.plans import Plans

__all__ = ["Alternation"]

LEAST_STEP = 0.1  # weight of the newest prices in their averages, at least


class Alternation:
    """The run of plans and prices in turn.

    Attributes
    ----------
    plans
        Best plans.
    duals, value
        Best prices, and the value of the relaxation at them.
    """

    def __init__(self, instance: Instance, plans: Plans) -> None:
        self._instance, self._current = instance, plans
        self._later, self._limit = plans.later.copy(), self._surcharge()
        self._channel: np.ndarray | None = None
        self.plans = plans.copy()
        self.duals, self.value = Duals.of_prices(instance, self._later, self._limit, np.zeros(instance.gain.shape[1:])), np.inf

    def _surcharge(self) -> np.ndarray:
        """Price of the energy limit in the current plans, shape [N, T]."""
        price = self._current.eta - self._current.later
        return price if self._instance.limit == "slot" else np.broadcast_to(price.min(axis=1, keepdims=True), price.shape)

    def run(self, turns: int, left: Callable[[], float], add: Callable[[Duals], object] = lambda duals: None) -> None:
        """Go on for some turns, at least one, while time is left.

        Parameters
        ----------
        turns
            How many.
        left
            Seconds left.
        add
            Receives the prices of each turn.
        """
        from mecbench.problems.cmg.pricing import marginals, price

        instance, current = self._instance, self._current
        devices = np.arange(instance.devices)[:, None, None]
        for turn in range(turns):
            if turn and left() <= 0:
                break
            step = max(2.0 / (turn + 3.0), LEAST_STEP)
            eta = self._later + self._limit
            unaffordable = np.full(instance.gain.shape[1:], 1e6)
            worth = marginals(current.tables, eta, unaffordable if self._channel is None else self._channel)
            gain = worth.offload - worth.local
            ordered = np.sort(gain, axis=0)
            bids = ordered[-1] if instance.devices == 1 else 0.5 * (ordered[-1] + np.maximum(ordered[-2], 0.0))
            bids = np.maximum(bids, 0.0)
            self._channel = bids if self._channel is None else (1.0 - step) * self._channel + step * bids
            current.assign((devices == gain.argmax(axis=0)) & (ordered[-1] > 0.0), eta)
            if current.value > self.plans.value:
                self.plans = current.copy()
            self._later = (1.0 - step) * self._later + step * current.later
            self._limit = (1.0 - step) * self._limit + step * self._surcharge()
            duals = Duals.of_prices(instance, self._later, self._limit, self._channel)
            value = relaxed_value(instance, current.tables, duals, price(current.tables, duals.energy, duals.channel))
            if value < self.value:
                self.duals, self.value = duals, value
            add(duals)
