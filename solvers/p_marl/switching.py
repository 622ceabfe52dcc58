"""The second stage of an epoch: among decisions of about the least worst cost, those with the fewest switches.

Nobody but the worst device feels a switch in a max-min objective, so decisions that look at the epoch alone switch freely; what they waste
is paid later, when the devices that it moved are the worst.
"""

from __future__ import annotations

import time

import numpy as np

from mecbench.solvers.p_marl.epoch import Decisions, Epoch, Packing
from mecbench.solvers.p_marl.feasibility import decide
from mecbench.solvers.p_marl.repacking import anneal, seeded

__all__ = ["fewest_switches"]

MARGINS = 0.0, 1.0, 2.0, 3.0  # multiprocessors of each edge that the relaxation leaves for what rounding adds
MOVES = 10_000  # of annealing after each
HEAT = 1.0, 0.1  # its first and last temperature [multiprocessors]
RADIUS = 12.0  # reduced cost beyond which an edge is not tried [multiprocessors]
EXACT = 600  # pairs of devices and edges up to which HiGHS is asked
LEAST_SECONDS = 0.05  # for which HiGHS is begun


def fewest_switches(epoch: Epoch, previous: np.ndarray, decisions: Decisions, threshold: float, seconds: float, seed: int) -> Decisions:
    """Decisions with as few switches as are found, of at most a threshold; those given if there are none better.

    The linear relaxation splits no more devices than there are edges. Rounded, it is annealed at its reduced costs until it fits. Of
    a small epoch HiGHS then proves that nobody can do better, or does.

    Parameters
    ----------
    epoch
        The epoch.
    previous
        u of the epoch before, shape [M], -1 for none.
    decisions
        Decisions whose cost is at most the threshold.
    threshold
        T.
    seconds
        Time limit [s]; what little is done without any keeps the given edges.
    seed
        Of annealing and HiGHS.
    """
    packing = epoch.packing(threshold)
    if not packing.rest.size:
        return epoch.decide(epoch.attach(packing, np.empty(0, dtype=np.int64))) or decisions
    switch = _switches(packing, previous)
    # Whoever is on an edge now has to be: others than those of the packing are local at the threshold.
    best = decisions.edge[packing.rest] - 1
    until = time.monotonic() + seconds
    unavoidable = float(switch.min(axis=1).sum())
    random = seeded(seed)
    for margin in MARGINS:
        if _total(switch, best) <= unavoidable or time.monotonic() >= until:
            break
        edge = _rounded(packing, switch, margin, random)
        if edge is not None and _total(switch, edge) < _total(switch, best):
            best = edge
    left = until - time.monotonic()
    if _total(switch, best) > unavoidable and packing.weight.size <= EXACT and left > LEAST_SECONDS:
        verdict = decide(packing, switch, left, seed, best)
        if verdict.edge is not None and _total(switch, verdict.edge) < _total(switch, best):
            best = verdict.edge
    return epoch.decide(epoch.attach(packing, best)) or decisions


def _rounded(packing: Packing, switch: np.ndarray, margin: float, random: np.ndarray) -> np.ndarray | None:
    """Edges that fit, near the relaxation's, shape [R]; ``None`` if none were found."""
    part, cost, price = _relaxed(packing, switch, margin)
    if price <= 0.0:
        return None
    edge = part.argmax(axis=1)
    cost = cost / price
    cost[cost > RADIUS] = np.inf
    cost[np.arange(edge.size), edge] = 0.0
    overload, _ = anneal(packing, cost, edge, MOVES, random, heat=HEAT)
    return edge if overload == 0 else None


def _relaxed(packing: Packing, switch: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Fewest switches if devices may be split: the parts and reduced costs of all pairs, shape [R, N], and the mean price of the edges.

    The price is 0 if not even that is possible with so much of each edge left free, or if nobody need pay for an edge.
    """
    import highspy

    devices, edges = packing.weight.shape
    device, edge = np.nonzero(packing.possible)
    highs, model, infinity = highspy.Highs(), highspy.HighsLp(), highspy.kHighsInf
    model.num_row_, model.num_col_ = devices + edges, device.size
    model.col_cost_ = switch[device, edge]
    model.col_lower_, model.col_upper_ = np.zeros(device.size), np.full(device.size, infinity)
    model.row_lower_ = np.append(np.ones(devices), np.full(edges, -infinity))
    model.row_upper_ = np.append(np.ones(devices), np.full(edges, packing.capacity - margin))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = 2 * np.arange(device.size + 1)
    model.a_matrix_.index_ = np.stack((device, devices + edge), axis=1).ravel()
    model.a_matrix_.value_ = np.stack((np.ones(device.size), packing.weight[device, edge]), axis=1).astype(float).ravel()
    highs.silent()
    highs.setOptionValue("threads", 1)
    highs.passModel(model)
    highs.run()
    part, reduced = np.zeros(packing.weight.shape), np.full(packing.weight.shape, np.inf)
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return part, reduced, 0.0
    solution = highs.getSolution()
    part[device, edge] = solution.col_value
    reduced[device, edge] = np.maximum(solution.col_dual, 0.0)
    return part, reduced, float(np.mean(-np.array(solution.row_dual)[devices:]))


def _switches(packing: Packing, previous: np.ndarray) -> np.ndarray:
    """Whether each pair is a switch, as 0 or 1, shape [R, N]; infinite for impossible ones."""
    before = previous[packing.rest, None]
    switch = (before != np.arange(1, packing.weight.shape[1] + 1)) & (before >= 0)
    return np.where(packing.possible, switch.astype(float), np.inf)


def _total(switch: np.ndarray, edge: np.ndarray) -> float:
    return float(switch[np.arange(edge.size), edge].sum())
