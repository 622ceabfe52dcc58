"""Certificates of P-EDGE: (instance, certificate) -> bound, without a solver."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from mecbench.problems.arrays import ArrayModel
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_edge.allocation import required
from mecbench.problems.p_edge.instance import Instance

__all__ = ["Certificate", "bound"]


class Certificate(ArrayModel):
    """The claim that no allocation costs less than a threshold.

    It holds because the devices together would need more than L multiprocessors to stay below the threshold, which
    anybody can count.
    """

    problem: ClassVar[str] = "p-edge"
    format: ClassVar[int] = 1

    kind: Literal["threshold"] = "threshold"
    threshold: float = Field(allow_inf_nan=False, description="T, the claimed lower bound on the optimum")


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound: the devices need more than L multiprocessors to cost at most the float below T.

    Raises
    ------
    CertificateError
        If an allocation below the threshold exists.
    """
    below = math.nextafter(certificate.threshold, -math.inf)
    need = required(instance.fixed_cost, instance.shared_cost, below, instance.multiprocessors + 1)
    if int(need.sum()) <= instance.multiprocessors:
        raise CertificateError(
            f"threshold {certificate.threshold!r} is not a lower bound: {int(need.sum())} of {instance.multiprocessors} "
            "multiprocessors suffice to stay below it"
        )
    return certificate.threshold
