"""Dual data of CMG's relaxation, and the value that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from mecbench.problems.cmg.certificate import Certificate, battery_terms
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.tables import Tables

if TYPE_CHECKING:
    from mecbench.problems.cmg.pricing import Priced

__all__ = ["Duals", "concise", "relaxed_value"]

CELLS = 8  # of a certificate
DIGITS = 6  # of its prices


def concise(prices: np.ndarray) -> np.ndarray:
    """Prices of few significant digits, which take little room in a file and prove a bound as well as others."""
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.maximum(prices, 1e-12))))
    return np.asarray(np.round(prices * scale) / scale)


class Duals(NamedTuple):
    """sigma, nu and zeta, shape [N, T], and pi, shape [T, K], as in a certificate; at least 0."""

    limit: np.ndarray
    balance: np.ndarray
    battery: np.ndarray
    channel: np.ndarray

    @classmethod
    def of_prices(cls, instance: Instance, later: np.ndarray, limit: np.ndarray, channel: np.ndarray) -> Self:
        """Duals at which a joule is worth so much.

        A joule left over is worth what the next slot makes of it and the penalty that it saves; what it is worth beyond is zeta.

        Parameters
        ----------
        instance
            The instance.
        later, limit, channel
            nu + zeta and sigma, shape [N, T], and pi, shape [T, K].
        """
        following = np.concatenate((later[:, 1:], np.zeros((instance.devices, 1))), axis=1)
        balance = np.minimum(later, following + instance.chunks * instance.reserve_price)
        return cls(limit, balance, later - balance, channel)

    @property
    def energy(self) -> np.ndarray:
        """eta, price of a joule, shape [N, T]."""
        return self.limit + self.balance + self.battery

    def blend(self, other: Duals, weight: float) -> Duals:
        """Between these, of the given weight, and others."""
        return Duals(*(weight * mine + (1.0 - weight) * its for mine, its in zip(self, other, strict=True)))

    def certificate(self) -> Certificate:
        """Certificate of the bound that they prove."""
        limit, balance, battery, channel = (concise(prices) for prices in self)
        return Certificate(limit_price=limit, balance_price=balance, battery_price=battery, channel_price=channel, cells=CELLS)


def relaxed_value(instance: Instance, tables: Tables, duals: Duals, priced: Priced) -> float:
    """Value of the Lagrangian where a channel is sold as a whole: a bound only if no two offloads share one.

    It is cheaper than the bound that holds without that, and mostly equal to it.
    """
    start = (duals.balance[:, 0] + duals.battery[:, 0]) @ instance.battery
    terms = (duals.channel, duals.limit * tables.energy_limit, duals.balance * instance.harvest)
    levels = battery_terms(instance, duals.balance, duals.battery)
    return float(priced.value.sum() + sum(term.sum() for term in terms) + start + levels.sum())
