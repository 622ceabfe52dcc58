"""Linear relaxation of an epoch's packing: prices of multiprocessors, what they prove, and what they rule out.

At a threshold the relaxation is the linear programme ``min t: sum_n x_mn = 1, sum_m w_mn x_mn - t <= L``, in which devices may be split.
Prices y of the edges prove all thresholds at which every device takes the edge where it is cheapest and all together still exceed
what the edges hold: so from the prices at one threshold one jumps to the largest that they prove, and solves again there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mecbench.problems.p_marl.certificate import LpDual
from mecbench.solvers.p_marl.epoch import Epoch, Packing

__all__ = ["Prices", "linear_bound", "regrets", "relax", "supremum"]

MARGIN = 1e-8  # relative, by which a proof exceeds its limit: more than its checker demands
OVERLOAD = 1e-7  # multiprocessors by which the relaxation must exceed the edges to count as infeasible
STEP = 1e-3  # of the largest threshold, the first step beyond a proven threshold; then doubled
PRECISION = 1e-12  # relative, to which the largest proven threshold is found, and then the next cost above
ENOUGH = 1e-2  # part of a round's progress that the next round may make up for
ROUNDING = 1e-6  # multiprocessors by which more is kept than the prices allow to rule out


class Prices(NamedTuple):
    """Dual solution of the relaxation at a threshold.

    Attributes
    ----------
    edge
        y of a multiprocessor of each edge, sum 1, shape [N].
    device
        pi of serving each device of the packing, shape [R].
    overload
        t, by how much the edges are too small on average of the prices; minus what they have left.
    """

    edge: np.ndarray
    device: np.ndarray
    overload: float


def relax(packing: Packing) -> Prices:
    """Solve the relaxation of a packing in which everybody can go somewhere."""
    import highspy

    devices, edges = packing.weight.shape
    device, edge = np.nonzero(packing.possible)
    highs, model, infinity = highspy.Highs(), highspy.HighsLp(), highspy.kHighsInf
    pairs = np.arange(device.size)
    model.num_row_, model.num_col_ = devices + edges, device.size + 1
    model.col_cost_ = np.append(np.zeros(device.size), 1.0)
    model.col_lower_ = np.append(np.zeros(device.size), -infinity)
    model.col_upper_ = np.full(device.size + 1, infinity)
    model.row_lower_ = np.append(np.ones(devices), np.full(edges, -infinity))
    model.row_upper_ = np.append(np.ones(devices), np.full(edges, float(packing.capacity)))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.append(2 * pairs, [2 * pairs.size, 2 * pairs.size + edges])
    model.a_matrix_.index_ = np.append(np.stack((device, devices + edge), axis=1).ravel(), devices + np.arange(edges))
    need = packing.weight[device, edge].astype(float)
    model.a_matrix_.value_ = np.append(np.stack((np.ones(device.size), need), axis=1).ravel(), -np.ones(edges))
    highs.silent()
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("presolve", "off")  # finds nothing to remove here
    highs.passModel(model)
    highs.run()
    dual = np.array(highs.getSolution().row_dual)
    price = np.maximum(-dual[devices:], 0.0)
    return Prices(price / price.sum(), dual[:devices], float(highs.getInfo().objective_function_value))


def linear_bound(epoch: Epoch, start: np.ndarray | None = None) -> tuple[LpDual, Prices | None]:
    """Largest threshold that the relaxation proves an epoch to cost, or the largest that some device proves alone.

    Parameters
    ----------
    epoch
        The epoch.
    start
        Prices y to begin with, such as another epoch's, sum 1, shape [N]; they change the way there only.

    Returns
    -------
    tuple
        The proof, and prices just above its threshold; no prices where nobody needs an edge or somebody is late everywhere.
    """
    edges = epoch.instance.edges
    price, threshold = np.full(edges, 1.0 / edges), min(epoch.floor, math.nextafter(epoch.ceiling, math.inf))
    proven = LpDual(threshold=threshold, edge_price=price)
    if start is not None:
        proven = _further(epoch, threshold, start) or proven
    while True:
        packing = epoch.packing(proven.threshold)
        if not packing.rest.size or not packing.possible.any(axis=1).all():
            return proven, None
        prices = relax(packing)
        better = _further(epoch, proven.threshold, prices.edge) if prices.overload > OVERLOAD else None
        if better is None:
            return proven, prices
        proven = better


def _further(epoch: Epoch, threshold: float, price: np.ndarray) -> LpDual | None:
    """Proof of a larger threshold, about the largest that prices prove; ``None`` if they prove none."""
    further = supremum(epoch, threshold, lambda packing: _exceeds(packing, price), ENOUGH)
    return LpDual(threshold=further, edge_price=price) if further > threshold else None


def supremum(epoch: Epoch, threshold: float, proves: Callable[[Packing], bool], enough: float = 0.0) -> float:
    """Largest threshold just below which packings are proved impossible, by a test that is monotone.

    Parameters
    ----------
    epoch
        The epoch.
    threshold
        To begin with; what is returned if nothing beyond is proved.
    proves
        The test.
    enough
        Part of the progress beyond the threshold that may be missed.
    """
    last = epoch.ceiling
    if threshold > last or not proves(epoch.packing(threshold)):
        return threshold
    low, high, step = threshold, threshold, STEP
    while high < last:
        high, step = min(high + step * last, last), 2.0 * step
        if not proves(epoch.packing(high)):
            break
        low = high
    while high - low > max(PRECISION * high, enough * (low - threshold)):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if proves(epoch.packing(middle)) else (low, middle)
    return epoch.next_cost(low)


def regrets(packing: Packing, price: np.ndarray) -> tuple[np.ndarray, float]:
    """What every pair costs beyond the device's cheapest edge, and how much of that all devices together can afford.

    A pair that costs more than they can afford is in no solution: reduced-cost fixing at the given prices.

    Parameters
    ----------
    packing
        The packing.
    price
        y of the edges, at least 0, sum 1, shape [N].

    Returns
    -------
    tuple
        Regrets, shape [R, N], infinite for pairs that are ruled out; what can be afforded. Both in multiprocessors.
    """
    edges = price.size
    paid = np.where(packing.possible, edges * price * packing.weight, np.inf)
    least = paid.min(axis=1)
    afforded = edges * packing.capacity - float(least.sum())
    regret = paid - least[:, None]
    return np.where(regret <= afforded + ROUNDING, regret, np.inf), afforded


def _exceeds(packing: Packing, price: np.ndarray) -> bool:
    """Whether the devices' cheapest demands cost more than all edges hold."""
    if not packing.possible.any(axis=1).all():
        return True
    least = np.where(packing.possible, price * packing.weight, np.inf).min(axis=1)
    limit = packing.capacity * float(price.sum())
    return float(least.sum()) > limit * (1.0 + MARGIN)
