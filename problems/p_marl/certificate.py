"""Certificates of P-MARL: (instance, certificate) -> bound, without a solver.

Two relaxations are certified. The mean over the epochs of the worst cost is at least the mean of the epochs' own optima when
switching is free, and an epoch's optimum is at least T if its devices cannot all be served below T: by prices of the edges
(``lp-dual``), of the devices (``dw``) or of the devices case by case (``tree``), which anybody can add up. The worst mean cost is at
least what the devices' cheapest ways cost at prices of the multiprocessors (``lagrangian``).

Where batteries depend on the decisions, bounds rest on the initial clocks throughout, and hold because no decision can raise them.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import demand, least_shares, options, stays_local
from mecbench.problems.p_marl.pricing import packing_values, path_values
from mecbench.problems.p_marl.tree import Tree, check_tree

__all__ = ["Certificate", "DantzigWolfe", "Lagrangian", "LpDual", "Proof", "Tree", "bound", "check_clocks", "check_proof"]

MARGIN = 1e-9  # by which a sum must exceed its limit, relative
SAFETY = 1e-9  # of the sum of absolute terms, by which a Lagrangian bound is lowered against rounding
LARGEST_PACKING = 10**6  # multiprocessors over which a packing is still recomputed


class LpDual(BaseModel):
    """Claim that an epoch costs at least a threshold, by prices of the edges.

    Below it every device that is not local takes at least its cheapest demand, and all of them cost more than the edges hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: Literal["lp-dual"] = "lp-dual"
    threshold: float = Field(allow_inf_nan=False, description="T, the claimed lower bound on the epoch's worst cost")
    edge_price: Annotated[np.ndarray, Array("N", least=0)] = Field(description="y, price of a multiprocessor of each edge")


class DantzigWolfe(BaseModel):
    """Claim that an epoch costs at least a threshold, by values of the devices: no packings of the edges collect them all."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    kind: Literal["dw"] = "dw"
    threshold: float = Field(allow_inf_nan=False, description="T, the claimed lower bound on the epoch's worst cost")
    device_price: Annotated[np.ndarray, Array("M", least=0)] = Field(description="lambda, value of serving each device")


Proof = Annotated[LpDual | DantzigWolfe | Tree, Field(discriminator="kind")]


class Lagrangian(BaseModel):
    """Dual data of the worst mean cost: any values prove a bound, good ones a tight bound."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    device_weight: Annotated[np.ndarray, Array("M", least=0)] = Field(description="weight of each device's mean cost, in any scale")
    edge_price: Annotated[np.ndarray, Array("T N", least=0)] = Field(
        description="mu, price of a multiprocessor of each edge in each epoch, in the scale of the weights"
    )


class Certificate(ArrayModel):
    """Dual data of a bound.

    ``per-epoch`` proves thresholds of all epochs and bounds the mean worst cost, or both objectives where there is one epoch.
    ``lagrangian`` bounds the worst mean cost, which the mean worst cost never falls below.
    """

    problem: ClassVar[str] = "p-marl"
    format: ClassVar[int] = 1

    kind: Literal["per-epoch", "lagrangian"] = Field(description="which relaxation is certified")
    epochs: tuple[Proof, ...] = Field((), description="of ``per-epoch``: a proof for each epoch")
    prices: Lagrangian | None = Field(None, description="of ``lagrangian``: its dual data")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        expected = (False, True) if self.kind == "lagrangian" else (True, False)
        if (bool(self.epochs), self.prices is not None) != expected:
            field = "prices" if self.kind == "lagrangian" else "epochs"
            raise PydanticCustomError("kind", "expected field {field} alone with kind {kind}", {"field": field, "kind": self.kind})
        return self


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound on the instance's objective.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance, do not prove what they claim, or bound another objective.
    """
    check_clocks(instance)
    if certificate.prices is not None:
        return _worst_mean(instance, certificate.prices)
    if instance.objective == "worst-mean" and instance.epochs > 1:
        raise CertificateError("kind 'per-epoch' bounds the mean worst cost, which is not this instance's objective")
    if len(certificate.epochs) != instance.epochs:
        raise CertificateError(f"field epochs: expected {instance.epochs} proofs, one per epoch, found {len(certificate.epochs)}")
    for epoch, proof in enumerate(certificate.epochs):
        check_proof(instance, epoch, proof)
    thresholds = [proof.threshold for proof in certificate.epochs]
    if len(thresholds) == 1:
        return thresholds[0]
    terms = instance.weights * thresholds
    return float(terms.sum() - math.ulp(1.0) * instance.epochs * np.abs(terms).sum())


def check_proof(instance: Instance, epoch: int, proof: LpDual | DantzigWolfe | Tree) -> None:
    """Check that no decisions of an epoch cost less than a proof's threshold, whatever was decided before.

    What devices switch from is known in the first epoch only; later ones are taken to switch for free.

    Raises
    ------
    CertificateError
        If the proof does not fit the instance or does not prove its threshold.
    """
    prices, length = (proof.edge_price, instance.edges) if isinstance(proof, LpDual) else (proof.device_price, instance.devices)
    if prices.shape[-1] != length:
        raise CertificateError(f"epoch {epoch}: expected {length} prices of kind {proof.kind!r}, found {prices.shape[-1]}")
    choices = options(instance, epoch, instance.previous_edge if epoch == 0 else None)
    below = math.nextafter(proof.threshold, -math.inf)
    rest = ~stays_local(instance, choices, below)
    need = demand(instance, choices, least_shares(instance, choices), below).multiprocessors[rest]
    possible = need <= instance.multiprocessors
    if not possible.any(axis=1).all():
        return  # somebody cannot stay below the threshold even alone
    if not isinstance(proof, LpDual) and instance.multiprocessors > LARGEST_PACKING:
        raise CertificateError(f"epoch {epoch}: packings are recomputed up to L = {LARGEST_PACKING}, found {instance.multiprocessors}")
    if isinstance(proof, Tree):
        try:
            check_tree(proof, need, instance.multiprocessors, np.flatnonzero(rest))
        except CertificateError as error:
            raise CertificateError(f"epoch {epoch}: threshold {proof.threshold!r} is not proved: {error}") from None
        return
    if prices.any():
        prices = prices / prices.max()  # the scale proves nothing, and sums of this one are finite
    if isinstance(proof, LpDual):
        claimed = float(np.where(possible, prices * need, np.inf).min(axis=1).sum())
        limit = float(instance.multiprocessors * prices.sum())
    else:
        claimed = float(prices[rest].sum())
        limit = float(packing_values(prices[rest], need, instance.multiprocessors).sum())
    if not claimed > limit * (1.0 + MARGIN):
        raise CertificateError(
            f"epoch {epoch}: threshold {proof.threshold!r} is not proved: kind {proof.kind!r} needs more than {limit!r}, found {claimed!r}"
        )


def _worst_mean(instance: Instance, prices: Lagrangian) -> float:
    weight, price = prices.device_weight, prices.edge_price
    if weight.shape != (instance.devices,) or price.shape != (instance.epochs, instance.edges):
        wanted, found = ([instance.devices], [instance.epochs, instance.edges]), [list(weight.shape), list(price.shape)]
        raise CertificateError(f"field prices: expected weights and prices of shapes {list(wanted)}, found {found}")
    with np.errstate(over="ignore"):  # what is infinite proves nothing, and is refused
        total = float(weight.sum())
        if not 0.0 < total < math.inf:
            raise CertificateError(f"field prices: expected weights of a positive, finite sum, found {total}")
        weight, price = weight / total, price / total  # so that rounding is relative to 1
        capacity = instance.multiprocessors * float(price.sum())
    if not capacity < math.inf:
        raise CertificateError("field prices: expected prices within the range of the weights, found larger ones")
    ways = float(path_values(instance, weight, price).sum())
    return ways - capacity - SAFETY * (ways + capacity)


def check_clocks(instance: Instance) -> None:
    """Check that no slower clock could be better: the initial clocks are else no relaxation of drained ones.

    Latency and cost are sums of powers of the clock ratio, convex in its logarithm: what falls at a clock falls at all below it.

    Raises
    ------
    CertificateError
        If one could, so that nothing can be certified.
    """
    if instance.drain == "exogenous":
        return
    latency, energy = instance.local_latency[0] / instance.latency_unit, instance.local_energy[0] / instance.energy_unit
    rises = instance.latency_exponent * latency + instance.energy_exponent * energy > 0
    if instance.latency_exponent > 0 or rises.any():
        raise CertificateError("no bound is known where a device whose battery depends on the decisions is better off with a slower clock")
