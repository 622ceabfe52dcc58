"""The mathematical programmes of P1, and files of them.

The discretised programme is the flow problem of `network`, which each builder hands to one solver library as it is. The
native programme is a mixed-integer nonlinear one over nodes, blocks and shares, in Gcycles and GHz: with work W of a
block on a node and compute r there, its time is at least W / r and its energy at least k0 W r^2, both products of variables.
A solver library is imported only by the function that needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.problems.p1.instance import TIME_TOLERANCE, Instance
from mecbench.problems.p1.network import FAIL, MOVE, Arcs, Network, network
from mecbench.problems.p1.plans import assign_subcarriers
from mecbench.problems.p1.solution import Solution

__all__ = [
    "COST_SCALE",
    "CP_SAT_SETTINGS",
    "Format",
    "cp_sat_model",
    "export",
    "highs_model",
    "pyomo_milp",
    "pyomo_minlp",
    "read_minlp",
    "scip_milp",
    "scip_minlp",
]

Format = Literal["mps", "lp", "nl", "cip"]
COST_SCALE = 1e9  # CP-SAT's integer costs are costs times this, rounded down: its optimum is a bound
TIME_SCALE = 1e12  # its integer times likewise [1/s]
# Otherwise presolve of OR-Tools 9.15 cuts optima of this model off and calls what is left optimal (google/or-tools#5293).
CP_SAT_SETTINGS = {"presolve_inclusion_work_limit": 0}
GIGA = 1e9


class ScipMinlp(NamedTuple):
    """The native programme in SCIP.

    Attributes
    ----------
    model
        PySCIPOpt Model.
    variables
        SCIP's variable of each of the programme's, by the latter's name.
    """

    model: Any
    variables: dict[str, Any]


def highs_model(flow: Network) -> Any:
    """Discretised programme as a HighsLp."""
    import highspy

    programme, inf = highspy.HighsLp(), highspy.kHighsInf
    rows, columns = flow.rows.shape
    programme.num_row_, programme.num_col_ = rows, columns
    programme.col_cost_, programme.col_lower_, programme.col_upper_ = flow.arcs.cost, np.zeros(columns), np.ones(columns)
    programme.row_lower_, programme.row_upper_ = np.maximum(flow.lower, -inf), np.minimum(flow.upper, inf)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_, programme.a_matrix_.index_ = flow.rows.indptr, flow.rows.indices
    programme.a_matrix_.value_ = flow.rows.data
    programme.integrality_ = [highspy.HighsVarType.kInteger] * columns
    return programme


def scip_milp(flow: Network) -> tuple[Any, list[Any]]:
    """Discretised programme as a PySCIPOpt Model with its variables in the order of the arcs."""
    import pyscipopt

    model = pyscipopt.Model("p1")
    chosen = [model.addVar(vtype="B", obj=price) for price in flow.arcs.cost.tolist()]
    for _, lower, upper, place, value in _by_row(flow):
        total = pyscipopt.quicksum(coefficient * chosen[a] for a, coefficient in zip(place, value, strict=True))
        model.addCons(total == upper if lower == upper else total <= upper)
    return model, chosen


def cp_sat_model(flow: Network) -> tuple[Any, list[Any]]:
    """Discretised programme as a CP-SAT CpModel with its variables in the order of the arcs.

    It must be solved with `CP_SAT_SETTINGS`. Costs are scaled by `COST_SCALE` and rounded down, and so are the times on the
    left of their limits: the model is a relaxation by less than one unit an arc, and its plans may miss the deadline by as
    much.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    chosen = [model.new_bool_var("") for _ in range(flow.arcs.cost.size)]
    timed = set(flow.deadlines.tolist())
    for row, lower, upper, place, value in _by_row(flow):
        scale = TIME_SCALE if row in timed else 1.0
        weights = [int(np.floor(coefficient * scale)) for coefficient in value]
        total = cp_model.LinearExpr.weighted_sum([chosen[a] for a in place], weights)
        limit = int(np.floor(upper * scale))
        model.add(total == limit if lower == upper else total <= limit)
    model.minimize(cp_model.LinearExpr.weighted_sum(chosen, np.floor(flow.arcs.cost * COST_SCALE).astype(np.int64).tolist()))
    return model, chosen


def pyomo_milp(flow: Network) -> Any:
    """Discretised programme as a Pyomo ConcreteModel with binaries ``chosen[a]`` in the order of the arcs."""
    import pyomo.environ as pyo

    model = pyo.ConcreteModel()
    model.chosen = pyo.Var(range(flow.arcs.cost.size), domain=pyo.Binary)
    chosen = list(model.chosen.values())
    model.objective = pyo.Objective(expr=pyo.sum_product(flow.arcs.cost.tolist(), chosen, index=range(len(chosen))), sense=pyo.minimize)
    model.rows = pyo.ConstraintList()
    for _, lower, upper, place, value in _by_row(flow):
        total = pyo.quicksum(coefficient * chosen[a] for a, coefficient in zip(place, value, strict=True))
        model.rows.add(total == upper if lower == upper else total <= upper)
    return model


def _by_row(flow: Network) -> Iterator[tuple[int, float, float, list[int], list[float]]]:
    """Number, lower limit, upper limit, variables and coefficients of each row that has any."""
    rows = flow.rows.tocsr()
    for row, (lower, upper) in enumerate(zip(flow.lower.tolist(), flow.upper.tolist(), strict=True)):
        entries = slice(rows.indptr[row], rows.indptr[row + 1])
        if entries.start < entries.stop:
            yield row, lower, upper, rows.indices[entries].tolist(), rows.data[entries].tolist()


def pyomo_minlp(instance: Instance) -> Any:
    """Native programme as a Pyomo ConcreteModel.

    Binaries ``fail[q]``, ``at[q, k, n]`` and ``block[q, k, i, j]`` (layers done before and after; i = j for none), integers
    ``share[q, k, n]``; ``moved``, ``hop`` and ``time`` [s], ``energy`` [J] of each task and slot.

    With one block chosen, W = s^2 for the sum s of the roots of the blocks' work, so ``time r >= s^2`` is a cone; and where energy is
    charged, ``energy >= k0 W^3 / time^2`` is convex, which two cones say. They add nothing to the products but a relaxation
    that is worth having. Tasks that are alike are ordered by where they are first.
    """
    import pyomo.environ as pyo

    model = pyo.ConcreteModel()
    tasks, window, nodes, layers = range(instance.tasks), range(instance.window), range(instance.nodes), range(instance.layers + 1)
    speed = (instance.frequency / 100.0 / GIGA).tolist()  # Gcycle/s of one per cent
    heat = (instance.energy_coefficient * GIGA**3 * np.square(speed)).tolist()  # J/Gcycle at one per cent
    cycles = (instance.block_cycles / GIGA).tolist()
    free = [[instance.availability[:, instance.release[q] + k].tolist() for k in window] for q in tasks]
    total = cycles[0][instance.layers]
    warm = [n for n in nodes if heat[n] > 0]
    coefficient = min((instance.energy_coefficient[n] * GIGA**3 for n in warm), default=0.0)
    spans = [(q, k) for q in tasks for k in window]
    pairs = [(i, j) for i in layers for j in layers if i <= j]

    model.fail = pyo.Var(tasks, domain=pyo.Binary)
    model.at = pyo.Var(tasks, window, nodes, domain=pyo.Binary)
    model.block = pyo.Var([(q, k, i, j) for q, k in spans for i, j in pairs], domain=pyo.Binary)
    model.share = pyo.Var(tasks, window, nodes, domain=pyo.Integers, bounds=lambda _, q, k, n: (0, free[q][k][n]))
    model.moved = pyo.Var(spans, bounds=(0, 1))
    model.hop = pyo.Var(spans, bounds=(0, instance.deadline + TIME_TOLERANCE))
    model.time = pyo.Var(spans, bounds=(0, instance.deadline + TIME_TOLERANCE))
    model.root = pyo.Var(spans, bounds=(0, total**0.5))
    model.charged = pyo.Var(spans, bounds=(0, total))
    model.ratio = pyo.Var(spans, domain=pyo.NonNegativeReals)
    model.heat = pyo.Var(spans, bounds=(0, 100.0**2 * max(*heat, 1e-9)))
    model.energy = pyo.Var(spans, bounds=(0, instance.penalty / instance.energy_weight))
    energy = pyo.quicksum(model.energy[span] + instance.transmission_power * model.hop[span] for span in spans)
    delay = pyo.quicksum(model.time[span] + model.hop[span] for span in spans)
    failed = pyo.quicksum(model.fail[q] for q in tasks)
    model.objective = pyo.Objective(expr=instance.energy_weight * energy + instance.delay_weight * delay + instance.penalty * failed)

    def before(q: int, k: int, n: int) -> Any:
        return model.at[q, k - 1, n] if k else int(n == instance.source[q])

    def taken(q: int, k: int) -> Any:
        return model.hop[q, k] + model.time[q, k]

    model.rows = rows = pyo.ConstraintList()
    for q, k in spans:
        rows.add(pyo.quicksum(model.at[q, k, n] for n in nodes) == 1)
        rows.add(pyo.quicksum(model.block[q, k, i, j] for i, j in pairs) == 1)
        for done in layers:
            starts = pyo.quicksum(model.block[q, k, done, j] for j in layers if j >= done)
            ended = pyo.quicksum(model.block[q, k - 1, i, done] for i in layers if i <= done) if k else int(done == 0)
            rows.add(starts == ended)
        # A block computes on one node with a share of it.
        runs = pyo.quicksum(model.block[q, k, i, j] for i, j in pairs if i < j)
        held = pyo.quicksum(model.share[q, k, n] for n in nodes)
        rows.add(held >= runs)
        rows.add(held <= 100 * runs)
        for n in nodes:
            rows.add(model.share[q, k, n] <= free[q][k][n] * model.at[q, k, n])
        work = pyo.quicksum(cycles[i][j] * model.block[q, k, i, j] for i, j in pairs if i < j)
        rows.add(model.root[q, k] == pyo.quicksum(cycles[i][j] ** 0.5 * model.block[q, k, i, j] for i, j in pairs if i < j))
        rows.add(model.time[q, k] * pyo.quicksum(speed[n] * model.share[q, k, n] for n in nodes) >= model.root[q, k] ** 2)
        rows.add(model.heat[q, k] >= pyo.quicksum(heat[n] * model.share[q, k, n] ** 2 for n in warm))
        rows.add(model.energy[q, k] >= work * model.heat[q, k])
        if warm:
            rows.add(model.charged[q, k] >= work - total * pyo.quicksum(model.at[q, k, n] for n in nodes if n not in warm))
            rows.add(model.ratio[q, k] * model.time[q, k] >= coefficient**0.5 * model.charged[q, k] ** 2)
            rows.add(model.energy[q, k] * model.charged[q, k] >= model.ratio[q, k] ** 2)
        # A hop takes the time of what the layers done put out; nothing moves once all are.
        finished = instance.layers
        rows.add(model.moved[q, k] <= 1 - model.block[q, k, finished, finished])
        for n in nodes:
            rows.add(model.moved[q, k] >= before(q, k, n) - model.at[q, k, n])
            for m in nodes:
                if n == m or (k == 0 and n != instance.source[q]):
                    continue
                together = before(q, k, n) + model.at[q, k, m]
                if not instance.link[n, m]:
                    rows.add(together <= 1)
                    continue
                for done in range(finished if k else 1):
                    starts = pyo.quicksum(model.block[q, k, done, j] for j in layers if j >= done)
                    rows.add(model.hop[q, k] >= float(instance.hop_time[done, n, m]) * (together + starts - 2))
        if instance.slot_fit:
            rows.add(taken(q, k) <= instance.slot_seconds + TIME_TOLERANCE)
    for q in tasks:
        last = instance.window - 1
        rows.add(pyo.quicksum(model.block[q, last, i, instance.layers] for i in layers) >= 1 - model.fail[q])
        rows.add(pyo.quicksum(taken(q, k) for k in window) <= instance.deadline + TIME_TOLERANCE)
    for q in tasks[1:]:
        if instance.groups.of_task[q] == instance.groups.of_task[q - 1]:
            rows.add(pyo.quicksum(n * (model.at[q, 0, n] - model.at[q - 1, 0, n]) for n in nodes) >= 0)
    for t in range(instance.slots):
        present = [(q, k) for q, k in spans if instance.release[q] + k == t]
        if present:
            rows.add(pyo.quicksum(model.moved[span] for span in present) <= instance.subcarriers)
            for n in nodes:
                rows.add(pyo.quicksum(model.share[q, k, n] for q, k in present) <= int(instance.availability[n, t]))
    return model


def read_minlp(instance: Instance, value: Callable[[str], float]) -> Solution:
    """Solution of the native programme.

    Parameters
    ----------
    instance
        The instance.
    value
        Function from a variable's name, e.g. ``at[0,1,2]``, to its value.
    """
    tasks, window = instance.tasks, instance.window
    fail = np.array([value(f"fail[{q}]") > 0.5 for q in range(tasks)])
    node, layers, share = (np.zeros((tasks, window), dtype=np.int64) for _ in range(3))
    for q in range(tasks):
        for k in range(window):
            node[q, k] = max(range(instance.nodes), key=lambda n: value(f"at[{q},{k},{n}]"))
            pairs = [(i, j) for i in range(instance.layers + 1) for j in range(i, instance.layers + 1)]
            _, layers[q, k] = max(pairs, key=lambda pair: value(f"block[{q},{k},{pair[0]},{pair[1]}]"))
            share[q, k] = round(value(f"share[{q},{k},{node[q, k]}]"))
    return Solution(fail=fail, node=node, layers_done=layers, share=share, subcarrier=assign_subcarriers(instance, node))


def scip_minlp(instance: Instance) -> ScipMinlp:
    """Native programme in SCIP, which reads it from Pyomo's file: one text of it serves all."""
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    programme = pyomo_minlp(instance)  # kept, as its variables lose their names with it
    model = pyscipopt.Model("p1")
    model.hideOutput()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p1.nl"
        with path.open("w", encoding="utf-8") as stream:
            written = NLWriter().write(programme, stream, linear_presolve=False)
        model.readProblem(str(path))
    read = {int(variable.name[1:]): variable for variable in model.getVars()}  # the reader's names are a letter and the column
    return ScipMinlp(model, {variable.name: read[column] for column, variable in enumerate(written.variables)})


def export(instance: Instance, format: Format, path: Path) -> None:
    """Write a model for a solver outside: the discretised one as ``mps`` or ``lp``, the native one as ``nl`` or ``cip``.

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
                scip_minlp(instance).model.writeProblem(str(written), verbose=False)
            elif format == "nl":
                pyomo_minlp(instance).write(str(written))
            else:
                _write_flow(network(instance), written)
            written.replace(path)
    except OSError as error:
        raise InputError(f"{path}: expected a file in a folder that can be written to, found {error.strerror or error}") from None


def _write_flow(flow: Network, path: Path) -> None:
    import highspy

    programme, highs = highs_model(flow), highspy.Highs()
    programme.col_names_, programme.row_names_ = _arc_names(flow.arcs), flow.names
    highs.silent()
    highs.passModel(programme)
    highs.writeModel(str(path))


def _arc_names(arcs: Arcs) -> list[str]:
    """Names of the arcs: fail_q, move_q_k_l_n_m and work_q_k_l_j_n_x."""
    names = []
    for kind, q, k, done, end, node, target, share in zip(*(column.tolist() for column in arcs[:8]), strict=True):
        if kind == FAIL:
            names.append(f"fail_{q}")
        elif kind == MOVE:
            names.append(f"move_{q}_{k}_{done}_{node}_{target}")
        else:
            names.append(f"work_{q}_{k}_{done}_{end}_{node}_{share}")
    return names
