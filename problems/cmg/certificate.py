"""Certificates of CMG: (instance, certificate) -> bound, without a solver.

The energy limit of each slot, the balance of the battery and that no more is spent than it holds are priced, sigma, nu and zeta, and every
channel has a price pi. Then the chunks are independent, and by weak duality the sum of these bounds every feasible plan:

- of each chunk, its best path of frame rates at the energy price eta = sigma + nu + zeta, offloads charged by shares of their channels;
- of each channel, the most that a secure set of devices pays for it together, `mecbench.problems.cmg.channels_compiled`;
- sigma C_limit, nu E_up and (nu_1 + zeta_1) b_1;
- of each battery level between slots, the best of its priced terms less the penalty, over [0, B_max].

The charges take nothing for granted about how many devices offload on a channel: sets of any size are covered.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.tables import tables
from mecbench.problems.evaluation import CertificateError

__all__ = ["Certificate", "battery_terms", "bound"]

SAFETY = 1e-9  # of the sum of absolute terms, by which the bound is raised against rounding


class Certificate(ArrayModel):
    """Dual data of the Lagrangian bound: any values of them prove a bound, good ones a tight bound."""

    problem: ClassVar[str] = "cmg"
    format: ClassVar[int] = 1

    kind: Literal["lagrangian"] = "lagrangian"
    limit_price: Annotated[np.ndarray, Array("N T", unit="1/J", least=0)] = Field(
        description="sigma, of the energy limit; the same in all slots of a device where the limit holds for their average"
    )
    balance_price: Annotated[np.ndarray, Array("N T", unit="1/J", least=0)] = Field(description="nu, of what each slot leaves to the next")
    battery_price: Annotated[np.ndarray, Array("N T", unit="1/J", least=0)] = Field(description="zeta, of what the battery holds")
    channel_price: Annotated[np.ndarray, Array("T K", least=0)] = Field(description="pi, of each channel")
    cells: int = Field(8, ge=1, le=1000, description="parts of the shares of a channel at which a device may have company, charged apart")


def battery_terms(instance: Instance, balance_price: np.ndarray, battery_price: np.ndarray) -> np.ndarray:
    """Most that each battery level after a slot adds to the Lagrangian, less the penalty; shape [N, T].

    The term is concave and piecewise linear in the level, so one of 0, B_T and B_max is best.
    """
    worth = -balance_price
    worth[:, :-1] += balance_price[:, 1:] + battery_price[:, 1:]
    levels = np.array([0.0, min(instance.reserve, instance.capacity), instance.capacity])
    penalty = instance.chunks * instance.reserve_price * np.maximum(instance.reserve - levels, 0.0)
    return (worth[..., None] * levels - penalty).max(axis=-1)


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound by the problem's own pricing.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance.
    """
    from mecbench.problems.cmg.pricing import ceiling  # compiles, so not before it is needed

    sigma, nu, zeta = certificate.limit_price, certificate.balance_price, certificate.battery_price
    for name, dimensions in (("limit_price", (0, 1)), ("channel_price", (1, 2))):
        wanted, found = tuple(instance.gain.shape[i] for i in dimensions), getattr(certificate, name).shape
        if found != wanted:
            raise CertificateError(f"field {name}: expected shape {list(wanted)}, found {list(found)}")
    if instance.limit == "average" and (sigma != sigma[:, :1]).any():
        raise CertificateError("field limit_price: expected one price in all slots of a device, as its average is limited, found others")
    known = tables(instance)
    found = ceiling(known, sigma + nu + zeta, certificate.channel_price, certificate.cells)
    terms = (
        found.value,
        found.capacity,
        sigma * known.energy_limit,
        nu * (instance.harvest + known.energy_tolerance),
        zeta * known.energy_tolerance,
        (nu[:, 0] + zeta[:, 0]) * instance.battery,
        battery_terms(instance, nu, zeta),
    )
    return float(sum(term.sum() for term in terms) + SAFETY * sum(np.abs(term).sum() for term in terms))
