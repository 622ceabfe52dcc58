"""The mathematical programmes of P-EDGE: one problem in the languages of five solvers.

All of them say: least theta such that a_m + b_m / l_m <= theta, sum l_m <= L, l_m >= 1 integer. They differ in how
they say it, and each is exact at integers. A solver library is imported only by the function that needs it.

Source: eq. (11) of FOCI.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.problems.p_edge.allocation import required
from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.physics import cost

__all__ = [
    "ElementProgramme",
    "Format",
    "Programme",
    "conic_relaxation",
    "continuous_shares",
    "element_programme",
    "export",
    "onehot_milp",
    "pyomo_minlp",
    "scip_minlp",
    "secant_milp",
]

Format = Literal["mps", "lp", "nl", "cip"]
BISECTION_STEPS = 100  # more than the bits of a float
LARGEST_LEVEL = 2**40  # leaves CP-SAT room for sums, and twelve digits to the costs


class Programme(NamedTuple):
    """A built model and the handles by which its solution is read.

    Attributes
    ----------
    model
        Pyomo ConcreteModel, PySCIPOpt Model, CP-SAT CpModel or CVXPY Problem.
    threshold
        Variable theta.
    shares
        Variable or expression l_m of each device; for CVXPY one variable of shape [M].
    """

    model: Any
    threshold: Any
    shares: Any


class ElementProgramme(NamedTuple):
    """A CP-SAT model, in which costs are integer levels.

    Attributes
    ----------
    model, threshold, shares
        As in `Programme`; theta is a level.
    levels
        Level of each distinct cost, increasing, int64, shape [V].
    values
        The distinct costs themselves, increasing, shape [V].
    """

    model: Any
    threshold: Any
    shares: Any
    levels: np.ndarray
    values: np.ndarray


def _most(instance: Instance) -> int:
    """Multiprocessors that a device can get while each other one holds at least one."""
    return instance.multiprocessors - instance.devices + 1


def _table(instance: Instance, most: int) -> np.ndarray:
    """Cost of each device on 1..most multiprocessors, shape [M, most]."""
    return cost(instance.fixed_cost[:, None], instance.shared_cost[:, None], np.arange(1, most + 1))


def _bracket(instance: Instance) -> tuple[float, float]:
    """Limits of theta: everybody alone with all that is free, everybody on one multiprocessor."""
    least = cost(instance.fixed_cost, instance.shared_cost, np.full(instance.devices, _most(instance)))
    largest = cost(instance.fixed_cost, instance.shared_cost, np.ones(instance.devices))
    return float(least.max()), float(largest.max())


def continuous_shares(instance: Instance) -> np.ndarray:
    """Optimal shares of the continuous relaxation: l = max(1, b / (theta - a)) with sum l = L; shape [M]."""
    low, high = _bracket(instance)

    def shares(threshold: float) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = instance.shared_cost / (threshold - instance.fixed_cost)
        return np.maximum(np.where(instance.shared_cost > 0, quotient, 1.0), 1.0)

    for _ in range(BISECTION_STEPS):
        middle = 0.5 * (low + high)
        if shares(middle).sum() <= instance.multiprocessors:
            high = middle
        else:
            low = middle
    return shares(high)


def _pyomo_model(instance: Instance) -> Any:
    """Model with theta only, which is minimised."""
    import pyomo.environ as pyo

    model = pyo.ConcreteModel()
    model.devices = pyo.RangeSet(0, instance.devices - 1)
    model.threshold = pyo.Var(bounds=_bracket(instance))
    model.objective = pyo.Objective(expr=model.threshold, sense=pyo.minimize)
    return model


def onehot_milp(instance: Instance) -> Programme:
    """Build the one-hot MILP: a binary per device and number of multiprocessors, M (L - M + 1) in all.

    theta >= sum_j f_m(j) y_mj, sum_j y_mj = 1, sum_mj j y_mj <= L.
    """
    import pyomo.environ as pyo

    model, most = _pyomo_model(instance), _most(instance)
    table, sizes = _table(instance, most).tolist(), range(1, most + 1)
    model.choice = pyo.Var(model.devices, pyo.RangeSet(1, most), domain=pyo.Binary)
    choices = [[model.choice[m, j] for j in sizes] for m in range(instance.devices)]
    model.one = pyo.Constraint(model.devices, rule=lambda _, m: pyo.quicksum(choices[m]) == 1)
    model.fair = pyo.Constraint(
        model.devices, rule=lambda _, m: pyo.sum_product(table[m], choices[m], index=range(most)) <= model.threshold
    )
    model.share = pyo.Expression(model.devices, rule=lambda _, m: pyo.sum_product(sizes, choices[m], index=range(most)))
    model.capacity = pyo.Constraint(expr=pyo.quicksum(model.share[m] for m in model.devices) <= instance.multiprocessors)
    return Programme(model, model.threshold, [model.share[m] for m in model.devices])


def secant_milp(instance: Instance, window: int | None = None) -> Programme:
    """Build the secant MILP: f is convex, so its secants between neighbouring integers describe it exactly there.

    theta >= f_m(j) + (f_m(j + 1) - f_m(j)) (l_m - j) for j = 1..L - M, less those that the lower limit of theta implies.

    Parameters
    ----------
    instance
        The instance.
    window
        Keep only the secants this far from the continuous solution. The rest of f is then underestimated: the model is
        a relaxation, and exact if its solution costs no more than its theta.
    """
    import pyomo.environ as pyo

    model, most = _pyomo_model(instance), _most(instance)
    model.share = pyo.Var(model.devices, domain=pyo.Integers, bounds=(1, most))
    first = np.ones(instance.devices, dtype=np.int64)
    last = required(instance.fixed_cost, instance.shared_cost, model.threshold.lb, most)
    if window is not None:
        centre = np.floor(continuous_shares(instance)).astype(np.int64)
        first, last = np.minimum(np.maximum(centre - window, first), last), np.minimum(centre + window + 1, last)
    secants: dict[tuple[int, int], tuple[float, float]] = {}
    for m in range(instance.devices):
        sizes = np.arange(first[m], last[m] + 1)
        costs = cost(instance.fixed_cost[m], instance.shared_cost[m], sizes)
        slopes = np.diff(costs)
        offsets = costs[:-1] - slopes * sizes[:-1]
        for j, slope, offset in zip(sizes[:-1].tolist(), slopes.tolist(), offsets.tolist(), strict=True):
            secants[m, j] = slope, offset

    def fair(model: Any, m: int, j: int) -> Any:
        slope, offset = secants[m, j]
        return slope * model.share[m] + offset <= model.threshold

    model.fair = pyo.Constraint(list(secants), rule=fair)
    model.capacity = pyo.Constraint(expr=pyo.quicksum(model.share[m] for m in model.devices) <= instance.multiprocessors)
    return Programme(model, model.threshold, [model.share[m] for m in model.devices])


def pyomo_minlp(instance: Instance) -> Programme:
    """Build the bilinear MINLP (theta - a_m) l_m >= b_m in Pyomo."""
    import pyomo.environ as pyo

    model = _pyomo_model(instance)
    fixed, shared = instance.fixed_cost.tolist(), instance.shared_cost.tolist()
    model.share = pyo.Var(model.devices, domain=pyo.Integers, bounds=(1, _most(instance)))
    model.fair = pyo.Constraint(model.devices, rule=lambda _, m: (model.threshold - fixed[m]) * model.share[m] >= shared[m])
    model.capacity = pyo.Constraint(expr=pyo.quicksum(model.share[m] for m in model.devices) <= instance.multiprocessors)
    return Programme(model, model.threshold, [model.share[m] for m in model.devices])


def scip_minlp(instance: Instance) -> Programme:
    """Build the bilinear MINLP (theta - a_m) l_m >= b_m in PySCIPOpt."""
    import pyscipopt

    model = pyscipopt.Model("p-edge")
    low, high = _bracket(instance)
    threshold = model.addVar("threshold", lb=low, ub=high)
    shares = [model.addVar(f"share_{m}", vtype="I", lb=1, ub=_most(instance)) for m in range(instance.devices)]
    for share, fixed, shared in zip(shares, instance.fixed_cost.tolist(), instance.shared_cost.tolist(), strict=True):
        model.addCons((threshold - fixed) * share >= shared)
    model.addCons(pyscipopt.quicksum(shares) <= instance.multiprocessors)
    model.setObjective(threshold, "minimize")
    return Programme(model, threshold, shares)


def element_programme(instance: Instance) -> ElementProgramme:
    """Build the CP-SAT model: an element constraint looks each device's cost up in its table.

    CP-SAT computes in integers. Costs are scaled as a modeller would scale them, to some 2**40 levels, and then pushed
    apart by single levels where distinct costs fell onto one: levels order exactly as costs do, so the optimum and
    every bound map back without any rounding, while the tables keep the convex shape that CP-SAT's linear relaxation
    profits from. (Plain ranks are as exact; they were measured up to a third slower at |M| = 20, equal at 5.)
    """
    from ortools.sat.python import cp_model

    table = _table(instance, _most(instance))
    values, position = np.unique(table, return_inverse=True)
    scaled = np.ceil(values * (LARGEST_LEVEL / values[-1])).astype(np.int64)
    order = np.arange(values.size)
    levels = np.maximum.accumulate(scaled - order) + order
    rows = levels[position.reshape(table.shape)]
    model = cp_model.CpModel()
    threshold = model.new_int_var(int(rows[:, -1].max()), int(rows[:, 0].max()), "threshold")
    shares = [model.new_int_var(1, table.shape[1], f"share_{m}") for m in range(instance.devices)]
    for m, share in enumerate(shares):
        level = model.new_int_var(int(rows[m, -1]), int(rows[m, 0]), f"level_{m}")
        model.add_element(share - 1, rows[m].tolist(), level)
        model.add(level <= threshold)
    model.add(sum(shares) <= instance.multiprocessors)
    model.minimize(threshold)
    return ElementProgramme(model, threshold, shares, levels, values)


def conic_relaxation(instance: Instance) -> Programme:
    """Build the continuous relaxation b / l + a <= theta, second-order conic, in CVXPY."""
    import cvxpy as cp

    threshold, shares = cp.Variable(), cp.Variable(instance.devices)
    constraints = [
        cp.multiply(instance.shared_cost, cp.inv_pos(shares)) + instance.fixed_cost <= threshold,
        shares >= 1,
        cp.sum(shares) <= instance.multiprocessors,
    ]
    return Programme(cp.Problem(cp.Minimize(threshold), constraints), threshold, shares)


def export(instance: Instance, format: Format, path: Path) -> None:
    """Write a model for a solver outside: the secant MILP as ``mps`` or ``lp``, the bilinear MINLP as ``nl`` or ``cip``.

    The file appears complete or not at all.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            written = Path(folder) / f"model.{format}"
            if format == "cip":
                model = scip_minlp(instance).model
                model.hideOutput()
                model.writeProblem(str(written), verbose=False)
            elif format == "nl":
                pyomo_minlp(instance).model.write(str(written))
            else:
                secant_milp(instance).model.write(str(written), io_options={"symbolic_solver_labels": True})
            written.replace(path)
    except OSError as error:
        raise InputError(f"{path}: expected a file in a folder that can be written to, found {error.strerror or error}") from None
