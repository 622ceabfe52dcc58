"""Leximin-fair decisions of one epoch: the worst cost is least, then the number of devices that bear it, then the next worst cost.

Max-min says nothing of the others where one hopeless device sets the worst cost. Here, once the largest costs v_1 > ... > v_j and how many
devices bear each are known, the next one is the least T for which everybody can be served below it but for n_1 who may cost v_1, and so
on: a packing problem in which a device chooses an edge and a level, decided by HiGHS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from mecbench.problems.p_marl import Instance
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p_marl.bisection import only_epoch, outcome_of, solution_of
from mecbench.solvers.p_marl.epoch import Decisions, Epoch
from mecbench.solvers.p_marl.static import Found, compile_search, solve_epoch

__all__ = ["Level", "Leximin", "algorithms", "leximin"]

USED = 0.97  # part of the time limit that is planned with
MARGIN = 1e-3  # seconds left at which nothing new is begun
TOLERANCE = 1e-9  # of integrality


class Level(NamedTuple):
    """A cost that is known to be borne.

    Attributes
    ----------
    cost
        v_j.
    devices
        n_j, how many bear it.
    """

    cost: float
    devices: int


@dataclass(frozen=True)
class Leximin:
    """Exact leximin on one epoch of few devices; of larger ones as many levels as time allows.

    The objective is the worst cost, which the first level settles; its bound is that of bisection. The metric ``levels`` counts the
    levels that are proved, ``settled`` the devices that bear them.
    """

    name: ClassVar[str] = "leximin"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 2
    requires: ClassVar[tuple[str, ...]] = ("highspy",)

    def prepare(self) -> None:
        """Compile the search for the worst cost."""
        compile_search()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance of one epoch within the budget."""
        epoch = only_epoch(instance)

        def left() -> float:
            return budget.remaining - (1.0 - USED) * budget.time_limit

        def report(found: Found) -> None:
            budget.report(None if found.decisions is None else solution_of(found.decisions), found.bound)

        found = solve_epoch(epoch, left, report, seed=seed)
        outcome = outcome_of(instance, found)
        if found.decisions is None or not found.optimal:
            return outcome
        decisions, levels = leximin(epoch, found.decisions, left)
        metrics = outcome.metrics | {"levels": float(len(levels)), "settled": float(sum(level.devices for level in levels))}
        return replace(outcome, solution=solution_of(decisions), metrics=metrics)


def leximin(epoch: Epoch, best: Decisions, left: Callable[[], float]) -> tuple[Decisions, list[Level]]:
    """Go on from decisions of least worst cost to leximin-fair ones.

    Parameters
    ----------
    epoch
        The epoch.
    best
        Decisions of least worst cost.
    left
        Seconds left; what is settled when they are over is returned.

    Returns
    -------
    tuple
        Decisions, and the levels that are proved.
    """
    levels: list[Level] = []
    settled = 0
    while settled < best.edge.size:
        cost, low = _worst(epoch, best, settled), -1.0  # no cost is negative
        better = False  # as a rule a level's cost is right as it is, which one proof shows; only where it falls it may fall far
        while epoch.next_cost(low) < cost:
            below = math.nextafter(cost, -math.inf)
            threshold = min(max(0.5 * (low + cost), epoch.next_cost(low)), below) if better else below
            found = _serve(epoch, levels, threshold, left())
            better = found.decisions is not None
            if found.decisions is not None:
                best, cost = found.decisions, _worst(epoch, found.decisions, settled)
            elif found.impossible:
                low = threshold
            else:
                return best, levels
        devices = int((epoch.costs(best) >= cost).sum()) - settled
        while devices > 1:
            found = _serve(epoch, [*levels, Level(cost, devices - 1)], math.nextafter(cost, -math.inf), left())
            if found.decisions is not None:
                best, devices = found.decisions, int((epoch.costs(found.decisions) >= cost).sum()) - settled
            elif found.impossible:
                break
            else:
                return best, levels
        levels.append(Level(cost, devices))
        settled += devices
    return best, levels


class _Served(NamedTuple):
    """Decisions below all thresholds, or whether there are none."""

    decisions: Decisions | None
    impossible: bool


def _worst(epoch: Epoch, decisions: Decisions, settled: int) -> float:
    """Largest cost but for so many larger ones."""
    return float(np.sort(epoch.costs(decisions))[::-1][settled])


def _serve(epoch: Epoch, levels: list[Level], threshold: float, seconds: float) -> _Served:
    """Serve everybody below a threshold but for those who may bear the levels' costs.

    Columns are triples of a device, a place (0 for itself) and one of the levels or, last, the threshold.
    """
    import highspy

    if seconds <= MARGIN:
        return _Served(None, False)
    limits = [*(level.cost for level in levels), threshold]
    devices, edges, most = epoch.instance.devices, epoch.instance.edges, epoch.instance.multiprocessors
    demands = [epoch.demand(limit) for limit in limits]
    weight = np.stack([np.where(epoch.local_at(limit), 0, most + 1) for limit in limits])[..., None]  # [J + 1, M, 1]
    weight = np.concatenate((weight, np.stack([need.multiprocessors for need in demands])), axis=2)
    useful = weight <= most
    useful[:-1] &= weight[:-1] < weight[1:]  # who needs no more below a stricter threshold stays below that
    level, device, place = np.nonzero(useful)
    column = np.arange(level.size)
    rows, columns, values = [device], [column], [np.ones(column.size)]
    attached = place > 0
    rows.append(devices + place[attached] - 1)
    columns.append(column[attached])
    values.append(weight[level, device, place][attached].astype(float))
    for j in range(len(levels)):  # at most n_1 + ... + n_j are at one of the first j levels
        above = level <= j
        rows.append(np.full(int(above.sum()), devices + edges + j))
        columns.append(column[above])
        values.append(np.ones(int(above.sum())))
    shape = (devices + edges + len(levels), column.size)
    matrix = csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    highs, model, infinity = highspy.Highs(), highspy.HighsLp(), highspy.kHighsInf
    model.num_row_, model.num_col_ = matrix.shape
    model.col_cost_, model.col_lower_, model.col_upper_ = np.zeros(column.size), np.zeros(column.size), np.ones(column.size)
    allowed = np.cumsum([each.devices for each in levels]) if levels else np.zeros(0)
    model.row_lower_ = np.concatenate((np.ones(devices), np.full(edges + len(levels), -infinity)))
    model.row_upper_ = np.concatenate((np.ones(devices), np.full(edges, float(most)), allowed.astype(float)))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    model.integrality_ = [highspy.HighsVarType.kInteger] * column.size
    highs.silent()
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("time_limit", seconds)
    highs.setOptionValue("mip_feasibility_tolerance", TOLERANCE)
    highs.passModel(model)
    highs.run()
    if highs.getInfo().primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
        return _Served(None, highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible)
    chosen = np.array(highs.getSolution().col_value) > 0.5
    edge, cut = np.zeros(devices, dtype=np.int64), np.full(devices, epoch.instance.groups)
    for m, n, j in zip(device[chosen].tolist(), place[chosen].tolist(), level[chosen].tolist(), strict=True):
        edge[m] = n
        cut[m] = demands[j].cut[m, n - 1] if n else epoch.instance.groups
    return _Served(epoch.share(edge, cut), False)


algorithms = (Leximin,)
