"""Certificates of CMG: (instance, certificate) -> bound, without a solver.

The energy limit of each slot, the balance of the battery and that no more is spent than it holds are priced, sigma, nu and zeta, and every
channel has a price pi. Then the chunks are independent, and by weak duality the sum of these bounds every feasible plan:

- of each chunk, its best path of frame rates at the energy price eta = sigma + nu + zeta, offloads charged by shares of their channels;
- of each channel, the most that a secure set of devices pays for it together, `mecbench.problems.cmg.channels_compiled`;
- sigma C_limit, nu E_up and (nu_1 + zeta_1) b_1;
- of each battery level between slots, the best of its priced terms less the penalty, over [0, B_max].

The charges take nothing for granted about how many devices offload on a channel: sets of any size are covered.

A certificate may hold a tree besides, `mecbench.problems.cmg.tree`. At given prices of channels what else a device does is its own
affair, at energy prices of its own. So its plans may be divided apart from all others', in a tree with prices at each leaf: it is worth
no more than its best leaf, and all devices together no more than the sum of that over devices, and of what is paid for channels. The
plans as a whole may be divided before, into cases with prices of channels of their own. No division leaves out a plan, so the best of all
cases bounds every plan, and so does the lesser of that and the bound above.

What is offloaded at a share below the least at which that pays in any leaf (`mecbench.problems.cmg.pricing.least_shares`) is worth less
than computed locally whatever the leaf, so to divisions it is not offloaded. Where a device is, another can only be beside it, in a share
at which both are secure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.tables import Tables, select, tables
from mecbench.problems.cmg.tree import Branch, Case, Leaf, Tree
from mecbench.problems.evaluation import CertificateError

if TYPE_CHECKING:
    from mecbench.problems.cmg.pricing import Decisions

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
    tree: Tree | None = Field(None, description="cases, and trees of devices")


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
    from mecbench.problems.cmg.pricing import free, least_shares  # compiles, so not before it is needed

    for name, dimensions in (("limit_price", (0, 1)), ("channel_price", (1, 2))):
        wanted, found = tuple(instance.gain.shape[i] for i in dimensions), getattr(certificate, name).shape
        if found != wanted:
            raise CertificateError(f"field {name}: expected shape {list(wanted)}, found {list(found)}")
    _check_average(instance, "limit_price", certificate.limit_price)
    known, device = tables(instance), np.arange(instance.devices)
    prices = np.stack((certificate.limit_price, certificate.balance_price, certificate.battery_price))
    taken, least = np.zeros(instance.gain.shape, dtype=bool), least_shares(known, prices.sum(axis=0), device)
    most = _together(instance, known, device, prices, free(known), taken, certificate.channel_price, certificate.cells, least)
    return most if certificate.tree is None else min(most, tree_bound(instance, certificate.tree, certificate.cells))


def tree_bound(instance: Instance, tree: Tree, cells: int) -> float:
    """Recompute the bound of a tree alone.

    Parameters
    ----------
    instance, tree
        The instance and the tree.
    cells
        As in a certificate.

    Raises
    ------
    CertificateError
        If the tree does not fit the instance.
    """
    from mecbench.problems.cmg.pricing import least_shares

    devices, slots, chunks = instance.gain.shape
    found = (tree.roots.shape[1], *tree.channel_price.shape[1:])
    if found != (devices, slots, chunks):
        raise CertificateError(f"field tree: expected {devices} devices, {slots} slots and {chunks} chunks, found {list(found)}")
    divisions: tuple[Case | Branch, ...] = (*tree.cases, *tree.branches)
    for division in divisions:
        if division.slot >= slots or division.chunk >= chunks or (isinstance(division, Case) and division.device >= devices):
            raise CertificateError(f"field tree: expected divisions by chunks of this instance, found {division!r}")
    _check_average(instance, "tree", tree.limit_price)
    known, prices = tables(instance), np.stack((tree.limit_price, tree.balance_price, tree.battery_price))
    cases = [[(n, leaf) for n, root in enumerate(roots) for leaf in tree.leaves(root)] for roots in tree.roots.tolist()]
    used = sorted({(n, leaf.number) for case in cases for n, leaf in case})
    device, number = np.array(used).T
    least = least_shares(known, prices.sum(axis=0)[number], device)
    return max(
        _case_bound(instance, known, case, sides, prices, channel_price, cells, least)
        for case, sides, channel_price in zip(cases, tree.sides(), tree.channel_price, strict=True)
    )


def _check_average(instance: Instance, name: str, limit_price: np.ndarray) -> None:
    if instance.limit == "average" and (limit_price != limit_price[:, :1]).any():
        raise CertificateError(f"field {name}: expected one price in all slots of a device, as its average is limited, found others")


def _case_bound(
    instance: Instance,
    known: Tables,
    case: list[tuple[int, Leaf]],
    sides: tuple[tuple[Case, bool], ...],
    prices: np.ndarray,
    channel_price: np.ndarray,
    cells: int,
    least: np.ndarray,
) -> float:
    """Bound of a case; of the leaves of its devices, the divisions above it, and the prices of all leaves, shape [3, E, T]."""
    from mecbench.problems.cmg.pricing import free

    device, number = np.array([n for n, _ in case]), np.array([leaf.number for _, leaf in case])
    decisions = free(select(known, device))
    # Decisions that contradict each other leave no plan, of which any bound is true.
    for i, (_, leaf) in enumerate(case):
        for branch, below in leaf.path:
            at = i, branch.slot, branch.chunk
            if branch.frames is None:
                decisions.offload[at] = -1 if below else 1
            elif below:
                decisions.highest[at] = min(decisions.highest[at], branch.frames)
            else:
                decisions.lowest[at] = max(decisions.lowest[at], branch.frames + 1)
    taken = np.zeros(decisions.offload.shape, dtype=bool)
    for division, below in sides:
        mine, t, k = device == division.device, division.slot, division.chunk
        decisions.offload[mine, t, k] = -1 if below else 1
        if not below:
            taken[~mine, t, k] = True
    return _together(instance, known, device, prices[:, number], decisions, taken, channel_price, cells, least)


def _together(
    instance: Instance,
    known: Tables,
    device: np.ndarray,
    prices: np.ndarray,
    decisions: Decisions,
    taken: np.ndarray,
    channel_price: np.ndarray,
    cells: int,
    least: np.ndarray,
) -> float:
    """Bound of all devices, each of them its best leaf, together."""
    from mecbench.problems.cmg.pricing import Leaves, ceiling

    terms = [term.reshape(device.size, -1) for term in energy_terms(instance, known, device, *prices)]
    worth, size = sum(term.sum(axis=1) for term in terms), sum(np.abs(term).sum(axis=1) for term in terms)
    leaves = Leaves(device, worth, decisions, taken)
    found = ceiling(known, prices.sum(axis=0), channel_price, cells, leaves, least)
    largest = np.zeros(instance.devices)
    np.maximum.at(largest, device, size)
    rounding = largest.sum() + np.abs(found.value).sum() + found.capacity.sum()
    return float(found.value.sum() + found.capacity.sum() + SAFETY * rounding)
