"""Certificates of CMG: (instance, certificate) -> bound, without a solver.

The energy limit of each slot, the balance of the battery and that no more is spent than it holds are priced, sigma, nu and zeta, and every
channel has a price pi. Then the chunks are independent, and by weak duality the sum of these bounds every feasible plan:

- of each chunk, its best path of frame rates at the energy price eta = sigma + nu + zeta, offloads charged by shares of their channels;
- of each channel, the most that a secure set of devices pays for it together, `mecbench.problems.cmg.channels_compiled`;
- sigma C_limit, nu E_up and (nu_1 + zeta_1) b_1;
- of each battery level between slots, the best of its priced terms less the penalty, over [0, B_max].

The charges take nothing for granted about how many devices offload on a channel: sets of any size are covered.

A certificate may hold a tree besides, `mecbench.problems.cmg.tree`. A plan either has two or more offloads on some channel, and then it
is worth no more than the bound above and what `mecbench.problems.cmg.pricing.company` says such sets add to it, which mostly is negative.
Or it has at most one on each. Then a channel is sold as a whole: whoever offloads there pays pi, so all of them pay at most the sum of
pi. What else a device does is its own affair, at energy prices of its own, so its plans may be divided apart from all others', in a tree
with prices at each leaf: it is worth no more than its best leaf, and all devices together no more than the sum of that over devices and
of pi. The plans as a whole may be divided before, into cases with prices of channels of their own. No division leaves out a plan, so the
best of all cases and of what company is worth bounds every plan, and so does the lesser of that and the bound above.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.tables import Tables, select, tables
from mecbench.problems.cmg.tree import Branch, Case, Tree
from mecbench.problems.evaluation import CertificateError

__all__ = ["Certificate", "battery_terms", "bound", "energy_terms", "tree_bound"]

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
    tree: Tree | None = Field(None, description="cases of plans with at most one offload on each channel")


def battery_terms(instance: Instance, balance_price: np.ndarray, battery_price: np.ndarray) -> np.ndarray:
    """Most that each battery level after a slot adds to the Lagrangian, less the penalty; shape [N, T].

    The term is concave and piecewise linear in the level, so one of 0, B_T and B_max is best.
    """
    worth = -balance_price
    worth[:, :-1] += balance_price[:, 1:] + battery_price[:, 1:]
    levels = np.array([0.0, min(instance.reserve, instance.capacity), instance.capacity])
    penalty = instance.chunks * instance.reserve_price * np.maximum(instance.reserve - levels, 0.0)
    return (worth[..., None] * levels - penalty).max(axis=-1)


def energy_terms(
    instance: Instance, tables: Tables, device: np.ndarray, sigma: np.ndarray, nu: np.ndarray, zeta: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What the prices of energy add to the Lagrangian.

    Parameters
    ----------
    instance, tables
        The instance.
    device
        Devices that are meant, int64, shape [D].
    sigma, nu, zeta
        Prices of each, shape [D, T].

    Returns
    -------
    tuple[np.ndarray, ...]
        Terms of shapes [D, T] and [D].
    """
    return (
        sigma * tables.energy_limit,
        nu * (instance.harvest[device] + tables.energy_tolerance),
        zeta * tables.energy_tolerance,
        (nu[:, 0] + zeta[:, 0]) * instance.battery[device],
        battery_terms(instance, nu, zeta),
    )


def bound(instance: Instance, certificate: Certificate) -> float:
    """Recompute the bound by the problem's own pricing.

    Raises
    ------
    CertificateError
        If the dual data do not fit the instance.
    """
    from mecbench.problems.cmg.pricing import ceiling, company  # compiles, so not before it is needed

    for name, dimensions in (("limit_price", (0, 1)), ("channel_price", (1, 2))):
        wanted, found = tuple(instance.gain.shape[i] for i in dimensions), getattr(certificate, name).shape
        if found != wanted:
            raise CertificateError(f"field {name}: expected shape {list(wanted)}, found {list(found)}")
    prices = certificate.limit_price, certificate.balance_price, certificate.battery_price
    _check_average(instance, "limit_price", certificate.limit_price)
    known, eta = tables(instance), prices[0] + prices[1] + prices[2]
    root = ceiling(known, eta, certificate.channel_price, certificate.cells)
    terms = [root.value, root.capacity, *energy_terms(instance, known, np.arange(instance.devices), *prices)]
    most = float(sum(term.sum() for term in terms) + SAFETY * sum(np.abs(term).sum() for term in terms))
    if certificate.tree is None:
        return most
    apart = tree_bound(instance, certificate.tree)
    if apart >= most:
        return most
    return min(most, max(apart, most + float(company(known, eta, certificate.channel_price, certificate.cells).max())))


def tree_bound(instance: Instance, tree: Tree) -> float:
    """Recompute what plans with at most one offload on each channel are worth at most.

    Raises
    ------
    CertificateError
        If the tree does not fit the instance.
    """
    devices, slots, chunks = instance.gain.shape
    found = (tree.roots.shape[1], *tree.channel_price.shape[1:])
    if found != (devices, slots, chunks):
        raise CertificateError(f"field tree: expected {devices} devices, {slots} slots and {chunks} chunks, found {list(found)}")
    divisions: tuple[Case | Branch, ...] = (*tree.cases, *tree.branches)
    for division in divisions:
        if division.slot >= slots or division.chunk >= chunks or (isinstance(division, Case) and division.device >= devices):
            raise CertificateError(f"field tree: expected divisions by chunks of this instance, found {division!r}")
    _check_average(instance, "tree", tree.limit_price)
    known = tables(instance)
    return max(
        _case_bound(instance, known, tree, case, roots, channel_price)
        for case, roots, channel_price in zip(tree.sides(), tree.roots.tolist(), tree.channel_price, strict=True)
    )


def _check_average(instance: Instance, name: str, limit_price: np.ndarray) -> None:
    if instance.limit == "average" and (limit_price != limit_price[:, :1]).any():
        raise CertificateError(f"field {name}: expected one price in all slots of a device, as its average is limited, found others")


def _case_bound(
    instance: Instance, known: Tables, tree: Tree, sides: tuple[tuple[Case, bool], ...], roots: list[int], channel_price: np.ndarray
) -> float:
    """Bound of a case: of each device its best leaf, and what channels are sold for."""
    from mecbench.problems.cmg.pricing import free, price

    # Leaves are priced side by side, as if each were a device. Decisions that contradict each other leave no plan, which any bound bounds.
    where = [(n, leaf) for n, root in enumerate(roots) for leaf in tree.leaves(root)]
    device, number = np.array([n for n, _ in where]), np.array([leaf.number for _, leaf in where])
    twins = select(known, device)
    owner = np.zeros(known.gain.shape, dtype=np.int8)
    for case, below in sides:
        if not below:
            owner[:, case.slot, case.chunk] = -1
        owner[case.device, case.slot, case.chunk] = -1 if below else 1
    decisions = free(twins)
    decisions.offload[:] = owner[device]
    for i, (_, leaf) in enumerate(where):
        for branch, below in leaf.path:
            at = i, branch.slot, branch.chunk
            if branch.frames is None:
                decisions.offload[at] = -1 if below else 1
            elif below:
                decisions.highest[at] = min(decisions.highest[at], branch.frames)
            else:
                decisions.lowest[at] = max(decisions.lowest[at], branch.frames + 1)
    prices = tree.limit_price[number], tree.balance_price[number], tree.battery_price[number]
    value = price(twins, prices[0] + prices[1] + prices[2], channel_price, decisions).value
    terms = [term.reshape(len(where), -1) for term in (value, *energy_terms(instance, known, device, *prices))]
    worth = sum(term.sum(axis=1) + SAFETY * np.abs(term).sum(axis=1) for term in terms)
    best = np.full(instance.devices, -np.inf)
    np.maximum.at(best, device, worth)
    return float(best.sum() + (1.0 + SAFETY) * channel_price.sum())
