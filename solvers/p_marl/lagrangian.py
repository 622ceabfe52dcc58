"""Lagrangian bound on the worst mean cost, which knows the whole trace.

The worst mean is at least every weighted mean over the devices; with prices of the edges' multiprocessors the devices part, and each takes
its cheapest way through the epochs, switches included. The bound is concave in weights and prices together and is ascended by their
logarithms. The mean of the worst costs is never below the worst mean, so that the bound holds for both objectives.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p_marl import SIZES, Certificate, Instance, bound, generate
from mecbench.problems.p_marl.certificate import Lagrangian as Prices
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["Ascent", "Lagrangian", "algorithms"]

STEP = 0.3  # of the logarithms at first
LEAST_STEP = 0.01  # at last
MEMORY = 0.7, 0.95  # of the gradient's first and second moments
TINY = 1e-30
RECHECK = 1.5  # time of the certificate's check, in parts of a walk by which it is estimated


@dataclass(frozen=True)
class Lagrangian:
    """Ascend for a number of iterations, or as many as fit into the time limit, and prove the best bound.

    Attributes
    ----------
    iterations
        Most walks of all devices.
    """

    name: ClassVar[str] = "lagrangian"
    kind: ClassVar[Kind] = "bound"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    iterations: int = 100

    def prepare(self) -> None:
        """Compile the kernel."""
        Ascent(generate(SIZES["orig-20x3"], 0)).step(STEP)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Bound an instance; nothing is random."""
        started = time.monotonic()
        ascent = Ascent(instance)
        reserve, done = RECHECK * (time.monotonic() - started), 0  # the check prices the same options once more
        for done in range(1, self.iterations + 1):
            part = (done - 1) / max(1, self.iterations - 1)
            ascent.step(STEP * (LEAST_STEP / STEP) ** part)
            if budget.remaining < reserve:
                break
        certificate = ascent.certificate
        return Outcome(None, bound(instance, certificate), certificate, "bounded", {"iterations": float(done)})


class Ascent:
    """Ascent of the bound from equal weights and the prices at which typical devices would share the edges equally.

    Parameters
    ----------
    instance
        The instance.

    Attributes
    ----------
    best
        Best value so far, before it is proved.
    """

    def __init__(self, instance: Instance) -> None:
        from mecbench.solvers.p_marl.paths_compiled import trace

        self.best = -np.inf
        self._instance, self._trace = instance, trace(instance)
        sharing = max(1.0, instance.devices / instance.edges)
        typical = float(instance.tail_work[:-1].mean()) / instance.latency_unit
        price = instance.weights[:, None] / instance.devices * typical * (sharing / instance.multiprocessors) ** 2
        weight, price = np.zeros(instance.devices), np.log(np.broadcast_to(price, (instance.epochs, instance.edges)))
        self._logarithm = np.concatenate((weight, price.ravel()))
        self._first, self._second, self._steps = np.zeros_like(self._logarithm), np.zeros_like(self._logarithm), 0
        self._usage, self._cost = np.empty(price.shape), np.empty(instance.devices)
        self._kept = self._point()

    @property
    def certificate(self) -> Certificate:
        """Certificate of the best value."""
        weight, price = self._kept
        return Certificate(kind="lagrangian", prices=Prices(device_weight=weight, edge_price=price))

    def step(self, length: float) -> float:
        """Value at the present point, from which a step (Adam) is then made."""
        from mecbench.solvers.p_marl.paths_compiled import walk

        instance, (weight, price) = self._instance, self._point()
        charge = instance.switch_cost, instance.divided_switch_cost
        state = instance.previous_edge, instance.weights, weight, price
        value = walk(self._trace, *state, *charge, instance.multiprocessors, self._usage, self._cost)
        value -= instance.multiprocessors * float(price.sum())
        if value > self.best:
            self.best, self._kept = value, (weight, price)
        # By the logarithms of the weights before they are normalised, and of the prices.
        gradient = np.concatenate((weight * (self._cost - weight @ self._cost), (price * (self._usage - instance.multiprocessors)).ravel()))
        self._steps += 1
        for moment, memory, new in ((self._first, MEMORY[0], gradient), (self._second, MEMORY[1], gradient**2)):
            moment *= memory
            moment += (1.0 - memory) * new
        mean, square = (moment / (1.0 - memory**self._steps) for moment, memory in zip((self._first, self._second), MEMORY, strict=True))
        self._logarithm += length * mean / (np.sqrt(square) + TINY)
        return value

    def _point(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights of sum 1 and prices."""
        devices = self._instance.devices
        weight = np.exp(self._logarithm[:devices] - self._logarithm[:devices].max())
        price = np.exp(np.clip(self._logarithm[devices:], -600.0, 0.0))
        return weight / weight.sum(), price.reshape(self._instance.epochs, self._instance.edges)


algorithms = (Lagrangian,)
