"""The mathematical programmes of P-MARL, and files of them.

The one-hot programme is that of `programme`, handed to HiGHS as it is. The element programme says the same in tables for CP-SAT. The
native programme is a mixed-integer second-order conic one over edges, cuts and integer shares: with one cut chosen, b / l is at most q if
(sum_k sqrt(b_k) x_k)^2 <= q l. A solver library is imported only by the function that needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import options
from mecbench.problems.p_marl.programme import Cells, OneHot, ceiling, cells, check_modelled
from mecbench.problems.p_marl.solution import Solution

__all__ = [
    "COST_SCALE",
    "ElementProgramme",
    "Format",
    "ScipProgramme",
    "element_programme",
    "export",
    "highs_model",
    "pyomo_misocp",
    "read_misocp",
    "scip_misocp",
]

Format = Literal["mps", "lp", "nl", "cip"]
COST_SCALE = 1e9  # CP-SAT's integer costs are costs times this, rounded down: its optimum is a bound


class ElementProgramme(NamedTuple):
    """A CP-SAT model and the handles by which its solution is read.

    Attributes
    ----------
    model
        CpModel; its objective is the instance's times `COST_SCALE`, less than three units an epoch below it.
    shares
        Variable of the multiprocessors that device m holds of edge n in epoch t, by (t, m, n), edges from 0.
    tables
        Costs of each epoch, which know the cuts.
    """

    model: Any
    shares: dict[tuple[int, int, int], Any]
    tables: list[Cells]

    def solution(self, instance: Instance, value: Callable[[Any], int]) -> Solution:
        """Solution of the variables' values."""
        edge = np.zeros((instance.epochs, instance.devices), dtype=np.int64)
        cut, allocation = np.full_like(edge, instance.groups), np.zeros_like(edge)
        for (t, m, n), variable in self.shares.items():
            share = value(variable)
            if share:
                edge[t, m], cut[t, m], allocation[t, m] = n + 1, self.tables[t].cut[m, n, share - 1], share
        return Solution(edge=edge, cut=cut, allocation=allocation)


class ScipProgramme(NamedTuple):
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


def highs_model(programme: OneHot) -> Any:
    """One-hot programme as a HighsLp."""
    import highspy

    built, inf = highspy.HighsLp(), highspy.kHighsInf
    rows, columns = programme.rows.shape
    built.num_row_, built.num_col_ = rows, columns
    built.col_cost_, built.col_lower_ = programme.cost, np.zeros(columns)
    built.col_upper_ = np.minimum(programme.most, inf)
    built.row_lower_, built.row_upper_ = np.maximum(programme.lower, -inf), np.minimum(programme.upper, inf)
    built.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    built.a_matrix_.start_, built.a_matrix_.index_ = programme.rows.indptr, programme.rows.indices
    built.a_matrix_.value_ = programme.rows.data
    binaries = programme.thresholds.start
    built.integrality_ = [highspy.HighsVarType.kInteger] * binaries + [highspy.HighsVarType.kContinuous] * (columns - binaries)
    return built


def element_programme(instance: Instance) -> ElementProgramme:
    """Build the CP-SAT model: an element constraint looks the cost of each device on each edge up in its table.

    Costs are weighted by their epochs and rounded down after scaling, so the model is a relaxation by less than three units an epoch.
    """
    from ortools.sat.python import cp_model

    check_modelled(instance)
    tables = [cells(instance, epoch) for epoch in range(instance.epochs)]
    limit, model = ceiling(instance, tables[0]), cp_model.CpModel()
    scale = COST_SCALE * instance.weights
    most = [int(scale[t] * _largest(instance, table)) + 1 for t, table in enumerate(tables)]
    shares: dict[tuple[int, int, int], Any] = {}
    attached: dict[tuple[int, int, int], Any] = {}
    paid: list[list[Any]] = []
    for t, table in enumerate(tables):
        rows = np.floor(scale[t] * np.where(table.cost <= limit, table.cost, np.inf))
        switching = int(scale[t] * instance.switch_cost) if t else 0
        paid.append([])
        for m in range(instance.devices):
            local, terms = model.new_bool_var(""), []
            if np.isfinite(table.local[m]):
                terms.append(int(scale[t] * table.local[m]) * local)
            else:
                model.add(local == 0)
            switch = model.new_bool_var("") if switching else 0
            for n in np.flatnonzero(np.isfinite(rows[m]).any(axis=1)).tolist():
                least = int(np.isfinite(rows[m, n]).argmax()) + 1  # costs fall as multiprocessors rise
                domain = cp_model.Domain.from_intervals([[0, 0], [least, instance.multiprocessors]])
                share = shares[t, m, n] = model.new_int_var_from_domain(domain, "")
                on = attached[t, m, n] = model.new_bool_var("")
                model.add(share <= instance.multiprocessors * on)
                model.add(share >= on)
                level = model.new_int_var(0, most[t], "")
                model.add_element(share, [0, *np.where(np.isfinite(rows[m, n]), rows[m, n], 0).astype(np.int64).tolist()], level)
                terms.append(level)
                if switching:
                    model.add(on - attached.get((t - 1, m, n), 0) <= switch)
            model.add_exactly_one([local, *(attached[t, m, n] for n in range(instance.edges) if (t, m, n) in attached)])
            paid[t].append(sum(terms) + switching * switch)
        for n in range(instance.edges):
            held = [shares[t, m, n] for m in range(instance.devices) if (t, m, n) in shares]
            model.add(sum(held) <= instance.multiprocessors)
    if instance.objective == "mean-worst":
        thresholds = [model.new_int_var(0, bound, "") for bound in most]
        for t, threshold in enumerate(thresholds):
            for cost in paid[t]:
                model.add(cost <= threshold)
        model.minimize(sum(thresholds))
    else:
        threshold = model.new_int_var(0, sum(most), "")
        for column in zip(*paid, strict=True):
            model.add(sum(column) <= threshold)
        model.minimize(threshold)
    return ElementProgramme(model, shares, tables)


def _largest(instance: Instance, table: Cells) -> float:
    """Largest cost of an epoch that is finite, a switch included."""
    every = np.concatenate((table.cost.ravel(), table.local))
    return float(every[np.isfinite(every)].max(initial=0.0)) + instance.switch_cost


def pyomo_misocp(instance: Instance) -> Any:
    """Native programme as a Pyomo ConcreteModel.

    Binaries ``chosen[t, m, n, k]`` with edges from 1 and ``local[t, m]``, integers ``share[t, m, n]``, and ``quotient[t, m, n]`` for
    b / l. As b = w beta, the latency is that quotient times its unit.

    Raises
    ------
    InputError
        If the instance has what the programmes do not say, or l divides a switch cost in the first epoch.
    """
    import pyomo.environ as pyo

    check_modelled(instance)
    if instance.divided_switch_cost and instance.switch_cost > 0 and (instance.previous_edge >= 0).any():
        raise InputError("instance: field divided_switch_cost: expected false for the native programme, found true")
    model, most = pyo.ConcreteModel(), instance.multiprocessors
    epochs, devices, edges, cuts = (range(count) for count in (instance.epochs, instance.devices, instance.edges, instance.groups))
    choices = [options(instance, t, instance.previous_edge if t == 0 else None) for t in epochs]
    work = (instance.tail_work[:-1] / instance.latency_unit).tolist()
    limit = ceiling(instance, cells(instance, 0))
    per_epoch = instance.objective == "mean-worst"
    pairs = [(t, m) for t in epochs for m in devices]
    triples = [(t, m, n) for t, m in pairs for n in range(1, instance.edges + 1)]
    model.chosen = pyo.Var([(*triple, k) for triple in triples for k in cuts], domain=pyo.Binary)
    model.local = pyo.Var(pairs, domain=pyo.Binary)
    model.share = pyo.Var(triples, domain=pyo.Integers, bounds=(0, most))
    model.quotient = pyo.Var(triples, bounds=(0, max(work)))
    model.switch = pyo.Var([pair for pair in pairs if pair[0]], bounds=(0, 1))
    model.threshold = pyo.Var(epochs if per_epoch else [0], bounds=(0, limit if np.isfinite(limit) else None))
    weights = instance.weights.tolist()
    model.objective = pyo.Objective(expr=sum(weights[t] * model.threshold[t] for t in epochs) if per_epoch else model.threshold[0])
    model.rows = rows = pyo.ConstraintList()

    def cost(t: int, m: int) -> Any:
        fixed = choices[t].fixed[m].tolist()
        edge = pyo.quicksum(fixed[n][k] * model.chosen[t, m, n + 1, k] for n in edges for k in cuts)
        shared = pyo.quicksum(model.quotient[t, m, n + 1] for n in edges)
        switching = instance.switch_cost * model.switch[t, m] if t else 0.0
        return edge + shared + float(choices[t].local[m]) * model.local[t, m] + switching

    for t, m in pairs:
        held = [pyo.quicksum(model.chosen[t, m, n + 1, k] for k in cuts) for n in edges]
        rows.add(pyo.quicksum(held) + model.local[t, m] == 1)
        for n in edges:
            root = pyo.quicksum(value**0.5 * model.chosen[t, m, n + 1, k] for k, value in enumerate(work))
            rows.add(root**2 <= model.quotient[t, m, n + 1] * model.share[t, m, n + 1])
            rows.add(model.share[t, m, n + 1] <= most * held[n])
            rows.add(model.share[t, m, n + 1] >= held[n])
            if t:
                before = pyo.quicksum(model.chosen[t - 1, m, n + 1, k] for k in cuts)
                rows.add(model.switch[t, m] >= held[n] - before)
        if instance.latency_limit is not None:
            own = choices[t].own_latency[m].tolist()
            sent = pyo.quicksum(own[n][k] * model.chosen[t, m, n + 1, k] for n in edges for k in cuts)
            waited = instance.latency_unit * pyo.quicksum(model.quotient[t, m, n + 1] for n in edges)
            rows.add(sent + waited + float(choices[t].local_latency[m]) * model.local[t, m] <= instance.latest)
        if per_epoch:
            rows.add(cost(t, m) <= model.threshold[t])
    if not per_epoch:
        for m in devices:
            rows.add(pyo.quicksum(weights[t] * cost(t, m) for t in epochs) <= model.threshold[0])
    for t in epochs:
        for n in edges:
            rows.add(pyo.quicksum(model.share[t, m, n + 1] for m in devices) <= most)
    return model


def read_misocp(instance: Instance, value: Callable[[str], float]) -> Solution:
    """Solution of the native programme.

    Parameters
    ----------
    instance
        The instance.
    value
        Function from a variable's name, e.g. ``chosen[0,1,2,3]``, to its value.
    """
    edge = np.zeros((instance.epochs, instance.devices), dtype=np.int64)
    cut, allocation = np.full_like(edge, instance.groups), np.zeros_like(edge)
    for t, m in np.ndindex(edge.shape):
        for n, k in np.ndindex(instance.edges, instance.groups):
            if value(f"chosen[{t},{m},{n + 1},{k}]") > 0.5:
                edge[t, m], cut[t, m], allocation[t, m] = n + 1, k, round(value(f"share[{t},{m},{n + 1}]"))
    return Solution(edge=edge, cut=cut, allocation=allocation)


def scip_misocp(instance: Instance) -> ScipProgramme:
    """Native programme in SCIP, which reads it from Pyomo's file: one text of it serves all."""
    import pyscipopt
    from pyomo.repn.plugins.nl_writer import NLWriter

    programme = pyomo_misocp(instance)  # kept, as its variables lose their names with it
    model = pyscipopt.Model("p-marl")
    model.hideOutput()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p-marl.nl"
        with path.open("w", encoding="utf-8") as stream:
            written = NLWriter().write(programme, stream, linear_presolve=False)
        model.readProblem(str(path))
    read = {int(variable.name[1:]): variable for variable in model.getVars()}  # the reader's names are a letter and the column
    return ScipProgramme(model, {variable.name: read[column] for column, variable in enumerate(written.variables)})


def export(instance: Instance, format: Format, path: Path) -> None:
    """Write a model for a solver outside: the one-hot programme as ``mps`` or ``lp``, the native one as ``nl`` or ``cip``.

    The file appears complete or not at all.

    Raises
    ------
    InputError
        If the path cannot be written, or the programmes do not cover the instance.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            written = Path(folder) / f"model.{format}"
            if format == "cip":
                scip_misocp(instance).model.writeProblem(str(written), verbose=False)
            elif format == "nl":
                pyomo_misocp(instance).write(str(written))
            else:
                _write_onehot(OneHot(instance), written)
            written.replace(path)
    except OSError as error:
        raise InputError(f"{path}: expected a file in a folder that can be written to, found {error.strerror or error}") from None


def _write_onehot(programme: OneHot, path: Path) -> None:
    import highspy

    built, highs = highs_model(programme), highspy.Highs()
    built.col_names_ = programme.names
    highs.silent()
    highs.passModel(built)
    highs.writeModel(str(path))
