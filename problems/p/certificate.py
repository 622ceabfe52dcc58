"""Certificates of P: (instance, certificate) -> bound, without a solver."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.evaluation import CertificateError, Regret
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.options import of_trace

__all__ = ["Certificate", "bound", "regret"]

SAFETY = 1e-9  # of the sum of absolute terms, by which the bound is lowered against rounding


class Certificate(ArrayModel):
    """Dual data of the Lagrangian bound: any values of them prove a bound, good ones a tight bound.

    A price dualises "a server that serves holds the service" (y <= x) for one request at one server. Most are 0, so
    they are stored by their place in the flattened [T, K, J].
    """

    problem: ClassVar[str] = "p"
    format: ClassVar[int] = 1

    kind: Literal["lagrangian"] = "lagrangian"
    multiplier: float = Field(ge=0, allow_inf_nan=False, description="lambda on C8 [1/s]")
    bandwidth_load: Annotated[np.ndarray, Array("T J", least=0)] = Field(description="S0^B, reference load of each server's band")
    compute_load: Annotated[np.ndarray, Array("T J", least=0)] = Field(description="S0^F, reference load of each server's compute")
    price_index: Annotated[np.ndarray, Array("E", dtype=int, least=0)] = Field(description="places of the prices in [T, K, J], increasing")
    price: Annotated[np.ndarray, Array("E", least=0)] = Field(description="mu, prices of serving from a server")


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound: relaxed requests choose separately, storage is filled by knapsacks.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance.
    """
    from mecbench.problems.p.pricing import knapsack, packing, prices  # compiles, so not before it is needed

    places = instance.requests * instance.servers
    index = certificate.price_index
    if certificate.bandwidth_load.shape != (instance.slots, instance.servers):
        expected, found = [instance.slots, instance.servers], list(certificate.bandwidth_load.shape)
        raise CertificateError(f"field bandwidth_load: expected shape {expected}, found {found}")
    if index.size and (index[-1] >= places or (np.diff(index) <= 0).any()):
        raise CertificateError(f"field price_index: expected increasing places below {places}, found others")
    multiplier, options = certificate.multiplier, of_trace(instance)
    serve, _ = prices(instance, options, multiplier, certificate.bandwidth_load, certificate.compute_load)
    np.add.at(serve.reshape(-1), index, certificate.price)
    fail = options.failure + multiplier * instance.failure_delay
    request = np.minimum(fail, serve.min(axis=2))
    load = (certificate.bandwidth_load**2).sum() + (certificate.compute_load**2).sum()
    stored = 0.0
    sizes, taken = packing(instance.service_bytes), np.empty(instance.services)
    for interval in placement_value(instance, index, certificate.price):
        stored += sum(knapsack(interval[j], sizes, int(instance.storage[j]), taken) for j in range(instance.servers))
    limit = multiplier * instance.delay_limit * instance.requests
    safety = SAFETY * float(np.abs(request).sum() + load + stored + limit)
    return float((request.sum() - load - stored - limit - safety) / instance.requests)


def placement_value(instance: Instance, index: np.ndarray, price: np.ndarray) -> np.ndarray:
    """w, sum of the prices of a service's requests at each server in each interval, shape [n, J, I]."""
    request, server = np.divmod(index, instance.servers)
    interval = request // instance.users // instance.interval
    place = (interval * instance.servers + server) * instance.services + instance.service.reshape(-1)[request]
    size = instance.intervals * instance.servers * instance.services
    return np.bincount(place, weights=price, minlength=size).reshape(instance.intervals, instance.servers, instance.services)


def regret(instance: Instance, certificate: Certificate) -> Regret:
    """Certified Lagrangian regret, cost + lambda (mean delay - limit) - bound, of who misses the delay limit, as most heuristics do."""
    price = (certificate.multiplier, instance.delay_limit)
    return Regret(bound(instance, certificate), {"mean_delay_s": price}, frozenset({"delay"}))
