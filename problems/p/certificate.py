"""Certificates of P: (instance, certificate) -> bound, without a solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
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

    At the multiplier the intervals are independent. Each interval's deployments are divided by a tree of cases: at a
    node, a server either holds a service or does not. Every leaf has dual data of its own, and the interval costs at
    least what the cheapest leaf does. The trees stand one after the other in preorder, R rows are the slots of all
    leaves in that order; without branching there is a leaf for each interval and R = T.
    """

    problem: ClassVar[str] = "p"
    format: ClassVar[int] = 1

    kind: Literal["lagrangian"] = "lagrangian"
    multiplier: float = Field(ge=0, allow_inf_nan=False, description="lambda on C8 [1/s]")
    bandwidth_load: Annotated[np.ndarray, Array("R J", least=0)] = Field(description="S0^B, reference load of each server's band")
    compute_load: Annotated[np.ndarray, Array("R J", least=0)] = Field(description="S0^F, reference load of each server's compute")
    offer: Annotated[np.ndarray, Array("R K", least=0)] = Field(
        description="m, what each request may cost: what a server asks less is paid for holding its service, mu_rj = max(0, m_r - v_rj)"
    )
    branch: Annotated[np.ndarray, Array("B", dtype=int, least=-1)] = Field(
        description="trees in preorder: -1 for a leaf, else j I + i, then the tree where server j holds service i, then the one where not"
    )


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound: relaxed requests choose separately, storage is filled by knapsacks, the worst case counts.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance, or the cases are not all there are.
    """
    from mecbench.problems.p.pricing import packing, relaxed_value  # compiles, so not before it is needed

    _check(instance, certificate)
    multiplier, options, sizes = certificate.multiplier, of_trace(instance), packing(instance.service_bytes)
    slots = [slice(n * instance.interval, (n + 1) * instance.interval) for n in range(instance.intervals)]
    parts = [replace(options, **{field.name: getattr(options, field.name)[part] for field in fields(options)}) for part in slots]
    least = np.full(instance.intervals, np.inf)
    row = 0
    for interval, fixed in _leaves(instance, certificate.branch):
        part = parts[interval]
        rows = slice(row, row + part.slots)
        row += part.slots
        loads = certificate.bandwidth_load[rows], certificate.compute_load[rows]
        value, absolute = relaxed_value(instance, part, sizes, multiplier, *loads, certificate.offer[rows], fixed)
        least[interval] = min(least[interval], value - SAFETY * absolute if np.isfinite(value) else np.inf)
    limit = multiplier * instance.delay_limit * instance.requests
    return float((least.sum() - limit - SAFETY * limit) / instance.requests)


def _check(instance: Instance, certificate: Certificate) -> None:
    slots = np.bincount(np.arange(instance.slots) // instance.interval)
    rows = sum(int(slots[interval]) for interval, _ in _leaves(instance, certificate.branch))
    for name, columns in (("bandwidth_load", instance.servers), ("compute_load", instance.servers), ("offer", instance.users)):
        found = getattr(certificate, name).shape
        if found != (rows, columns):
            raise CertificateError(f"field {name}: expected shape {[rows, columns]}, found {list(found)}")


def _leaves(instance: Instance, branch: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Interval and fixed placements of each leaf, int8 [J, I]."""
    from mecbench.problems.p.pricing import FREE, IN, OUT

    position = 0
    for interval in range(instance.intervals):
        open_nodes = [np.full((instance.servers, instance.services), FREE, dtype=np.int8)]
        while open_nodes:
            if position == branch.size:
                raise CertificateError(
                    f"field branch: expected trees of {instance.intervals} intervals, found an end within that of {interval}"
                )
            fixed, place = open_nodes.pop(), int(branch[position])
            if place < 0:
                yield interval, fixed
            elif place >= fixed.size or fixed.flat[place] != FREE:
                raise CertificateError(f"field branch: expected an undecided place below {fixed.size} at {position}, found {place}")
            else:
                for state in (OUT, IN):
                    case = fixed.copy()
                    case.flat[place] = state
                    open_nodes.append(case)
            position += 1
    if position < branch.size:
        raise CertificateError(f"field branch: expected trees of {instance.intervals} intervals in {position} nodes, found {branch.size}")


def regret(instance: Instance, certificate: Certificate) -> Regret:
    """Certified Lagrangian regret, cost + lambda (mean delay - limit) - bound, of who misses the delay limit, as most heuristics do."""
    price = (certificate.multiplier, instance.delay_limit)
    return Regret(bound(instance, certificate), {"mean_delay_s": price}, frozenset({"delay"}))
