"""Whether a packing is possible, by HiGHS on the pairs that prices do not rule out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.solvers.p_marl.epoch import Packing

__all__ = ["Verdict", "decide"]

TOLERANCE = 1e-9


class Verdict(NamedTuple):
    """What a solver says of a packing.

    Attributes
    ----------
    edge
        Edges 0..N-1 of a packing that fits, shape [R]; ``None`` if none was found.
    impossible
        Whether the solver has shown that there is none.
    """

    edge: np.ndarray | None
    impossible: bool


def decide(packing: Packing, regret: np.ndarray, seconds: float, seed: int, start: np.ndarray | None = None) -> Verdict:
    """Look for edges of least regret that hold everybody; without any to start from, the first that do will do.

    Parameters
    ----------
    packing
        The packing.
    regret
        Cost of each pair, shape [R, N]; infinite for those ruled out.
    seconds
        Time limit [s].
    seed
        Of the solver.
    start
        Edges 0..N-1 of a packing that fits, shape [R], to be improved; regrets are then whole numbers.
    """
    import highspy

    kept = np.isfinite(regret)
    if not kept.any(axis=1).all():
        return Verdict(None, True)
    devices, edges = packing.weight.shape
    device, edge = np.nonzero(kept)
    need = packing.weight[device, edge]
    infinity = highspy.kHighsInf
    highs, model = highspy.Highs(), highspy.HighsLp()
    model.num_row_, model.num_col_ = devices + edges, device.size
    model.col_cost_ = regret[kept]
    model.col_lower_, model.col_upper_ = np.zeros(device.size), np.ones(device.size)
    model.row_lower_ = np.append(np.ones(devices), np.full(edges, -infinity))
    model.row_upper_ = np.append(np.ones(devices), np.full(edges, float(packing.capacity)))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = 2 * np.arange(device.size + 1)
    model.a_matrix_.index_ = np.stack((device, devices + edge), axis=1).ravel()
    model.a_matrix_.value_ = np.stack((np.ones(device.size), need), axis=1).astype(float).ravel()
    model.integrality_ = [highspy.HighsVarType.kInteger] * device.size
    highs.silent()
    options = {
        "threads": 1,
        "random_seed": seed % 2**31,
        "time_limit": seconds,
        **({"mip_max_improving_sols": 1} if start is None else {"mip_abs_gap": 1.0 - TOLERANCE, "mip_rel_gap": 0.0}),
        "mip_feasibility_tolerance": TOLERANCE,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(model)
    if start is not None:
        known = highspy.HighsSolution()
        known.col_value = (edge == start[device]).astype(float)
        highs.setSolution(known)
    highs.run()
    if highs.getInfo().primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible):
        chosen = np.array(highs.getSolution().col_value) > 0.5
        found = np.zeros(devices, dtype=np.int64)
        found[device[chosen]] = edge[chosen]
        load = np.bincount(found, weights=packing.weight[np.arange(devices), found], minlength=edges)
        if chosen.sum() == devices and load.max() <= packing.capacity:
            return Verdict(found, False)
        return Verdict(None, False)
    return Verdict(None, highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible)
