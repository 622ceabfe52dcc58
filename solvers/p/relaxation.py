"""The continuous relaxation of P, with tangents in place of its cones, kept warm in HiGHS while it is bounded and refined."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mecbench.problems.p import Instance, Solution
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.model import Tangent, initial_tangents, linear, split_tangents, violated_slopes
from mecbench.solvers.outcome import Budget

__all__ = ["Point", "Relaxation"]

TOLERANCE = 1e-9  # of the LP solver, primal and dual
ROWS_KEPT = 2.0  # times the rows at the start, from which on slack tangents are dropped
SLACK = 1e-6  # from which on a tangent is slack


class Point(NamedTuple):
    """An optimal point of the relaxation.

    Attributes
    ----------
    value
        Its value, a lower bound.
    primal, reduced
        Values and reduced costs of all columns.
    """

    value: float
    primal: np.ndarray
    reduced: np.ndarray


class Relaxation:
    """The LP; its binaries come as one vector of flags.

    Attributes
    ----------
    binaries
        Columns of all binaries: deployed, failed, chosen in this order, shape [E].
    deployed, failed
        Places of x [n, I, J] and of the failures [T, K] in that vector.
    chosen
        Places of the options, shape [O].
    option
        (t, k, j, z) of each option, shape [O, 4].
    solves
        How many LPs were solved.
    """

    def __init__(self, instance: Instance, budget: Budget, seed: int) -> None:
        import highspy
        from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

        self.instance, self._budget, self._highspy = instance, budget, highspy
        self._programme = linear(instance)
        model = self._programme.model
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
        column = {id(variable): number for number, variable in enumerate(form.columns)}

        def columns(variables: Any) -> np.ndarray:
            return np.array([column[id(variable)] for variable in variables], dtype=np.int32)

        blocks = (model.deployed.values(), model.failed.values(), model.chosen.values())
        parts = [columns(block) for block in blocks]
        self.binaries = np.concatenate(parts)
        ends = np.cumsum([part.size for part in parts])
        shape = (instance.intervals, instance.services, instance.servers)
        self.deployed = np.arange(ends[0]).reshape(shape)
        self.failed = np.arange(ends[0], ends[1]).reshape(instance.slots, instance.users)
        self.chosen = np.arange(ends[1], ends[2])
        self.option = np.array(list(model.chosen))

        self._cones = {index: number for number, index in enumerate(model.cones)}
        self._time, self._root = columns(model.time.values()), columns(model.root.values())
        self._share = columns(self._programme.share(*index) for index in model.cones)
        self._highs = _highs(form, seed)
        self._base = self._highs.getNumRow()
        self.solves = 0
        self.add(initial_tangents(self._programme))
        self._most_rows = ROWS_KEPT * self._highs.getNumRow()

    def add(self, tangents: Any) -> None:
        """Add tangents."""
        found: list[Tangent] = list(tangents)
        if not found:
            return
        cone = np.array([self._cones[tangent[:4]] for tangent in found])
        slope = np.array([tangent.slope for tangent in found])
        self._extend(cone, slope)

    def _extend(self, cone: np.ndarray, slope: np.ndarray) -> None:
        index = np.column_stack((self._time[cone], self._root[cone], self._share[cone])).ravel()
        value = np.column_stack((np.ones(slope.size), -2.0 * slope, slope**2)).ravel()
        start = 3 * np.arange(slope.size, dtype=np.int32)
        self._highs.addRows(slope.size, np.zeros(slope.size), np.full(slope.size, np.inf), index.size, start, index, value)

    def add_split(self, solution: Solution) -> None:
        """Add the tangents at a solution's shares."""
        self.add(split_tangents(self._programme, solution))

    def minimise(self, low: np.ndarray, high: np.ndarray, cutoff: float, rounds: int, precision: float) -> Point | None:
        """Minimise within bounds of the binaries, adding tangents at what comes out.

        Parameters
        ----------
        low, high
            Bounds of the binaries, shape [E].
        cutoff
            Value from which on nothing more is wanted.
        rounds
            Most LPs that are solved.
        precision
            Relative error of a time that needs no tangent.

        Returns
        -------
        Point | None
            The last point; of infinite value if there is none below the cutoff, ``None`` if the time was over before.
        """
        status = self._highspy.HighsModelStatus
        self._highs.changeColsBounds(self.binaries.size, self.binaries, low.astype(float), high.astype(float))
        self._highs.setOptionValue("objective_bound", cutoff)
        point = None
        for number in range(rounds):
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + self._budget.remaining)
            self._highs.run()
            self.solves += 1
            found = self._highs.getModelStatus()
            if found in (status.kInfeasible, status.kObjectiveBound):
                return Point(np.inf, np.empty(0), np.empty(0))
            if found != status.kOptimal:
                return point
            solution = self._highs.getSolution()
            point = Point(self._highs.getObjectiveValue(), np.array(solution.col_value), np.array(solution.col_dual))
            if point.value >= cutoff or number == rounds - 1 or not self._separate(point.primal, precision):
                break
        return point

    def _separate(self, primal: np.ndarray, precision: float) -> bool:
        """Add tangents where a point violates a cone; whether it did."""
        slope = violated_slopes(primal[self._root], primal[self._time], primal[self._share], precision)
        violated = np.flatnonzero(slope)
        if violated.size:
            self._extend(violated, slope[violated])
        return bool(violated.size)

    def shrink(self) -> None:
        """Drop the tangents that are slack at the last point, if there are many."""
        rows = self._highs.getNumRow()
        if rows <= self._most_rows:
            return
        basis = self._highs.getBasis()
        basic = np.array([status == self._highspy.HighsBasisStatus.kBasic for status in basis.row_status])
        slack = np.array(self._highs.getSolution().row_value) > SLACK
        slack[: self._base] = False
        drop = np.flatnonzero(basic & slack).astype(np.int32)
        kept = np.delete(np.arange(rows), drop)
        statuses = list(basis.row_status)
        self._highs.deleteRows(drop.size, drop)
        basis.row_status = [statuses[row] for row in kept]
        self._highs.setBasis(basis)
        self._most_rows = max(self._most_rows, ROWS_KEPT * self._highs.getNumRow())

    def read(self, flags: np.ndarray) -> Solution:
        """Polished solution of binaries, given as values in 0..1 that are rounded; who has no option fails."""
        instance = self.instance
        deployment = flags[self.deployed] > 0.5
        slot = np.arange(instance.slots)[:, None]
        server = np.argmin(deployment[slot // instance.interval, instance.service], axis=2)
        cut = np.zeros_like(server)
        for t, k, j, z in self.option[flags[self.chosen] > 0.5].tolist():
            server[t, k], cut[t, k] = j, z
        return polish(instance, self._programme.options, deployment, server, cut)


def _highs(form: Any, seed: int) -> Any:
    """HiGHS with the LP of a Pyomo model's standard form."""
    import highspy

    highs, lp, matrix = highspy.Highs(), highspy.HighsLp(), form.A.tocsr()
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", seed % 2**31),
        ("simplex_dual_edge_weight_strategy", 1),  # Devex: exact steepest edge starts anew with every tangent
        ("primal_feasibility_tolerance", TOLERANCE),
        ("dual_feasibility_tolerance", TOLERANCE),
    ):
        highs.setOptionValue(option, value)
    sense = np.array([row.bound_type for row in form.rows])  # 1 for <=, 0 for =, -1 for >=
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_, lp.offset_ = form.c.toarray().ravel(), float(form.c_offset[0])
    lp.col_lower_ = np.array([-np.inf if variable.lb is None else variable.lb for variable in form.columns])
    lp.col_upper_ = np.array([np.inf if variable.ub is None else variable.ub for variable in form.columns])
    lp.row_lower_ = np.where(sense <= 0, form.rhs, -np.inf)
    lp.row_upper_ = np.where(sense >= 0, form.rhs, np.inf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    highs.passModel(lp)
    return highs
