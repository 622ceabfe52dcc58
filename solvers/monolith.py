"""A whole model handed to a MILP solver through Pyomo."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mecbench.solvers.outcome import Budget

__all__ = ["TOLERANCE", "MilpSolver", "Verdict", "packages", "solve_model"]

MilpSolver = Literal["highs", "gurobi", "cplex", "xpress", "copt"]

TOLERANCE = 1e-9  # of feasibility, integrality and optimality; a bound is lowered by as much, relative to max(1, |bound|)
KEPT_BACK = 0.05  # share of the time limit, up to a second, for handing over model and result: no solver's clock sees it


class Verdict(NamedTuple):
    """What a solver says of a model; the solution itself is loaded into the model.

    Attributes
    ----------
    found
        Whether the model holds a solution.
    optimal
        Whether the solver calls it optimal.
    bound
        Bound of a minimisation, lowered by `TOLERANCE`; ``None`` if the solver has none.
    """

    found: bool
    optimal: bool
    bound: float | None


@dataclass(frozen=True)
class _Interface:
    """How Pyomo calls a solver, and what the solver calls its options."""

    name: str
    packages: tuple[str, ...]
    time_limit: str
    threads: str
    seed: str
    gap: str
    options: dict[str, float]


_INTERFACES = {
    "highs": _Interface(
        "highs",
        ("highspy",),
        "time_limit",
        "threads",
        "random_seed",
        "mip_rel_gap",
        {
            "mip_abs_gap": 0.0,
            "mip_feasibility_tolerance": TOLERANCE,
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        },
    ),
    "gurobi": _Interface(
        "gurobi_direct",
        ("gurobipy",),
        "TimeLimit",
        "Threads",
        "Seed",
        "MIPGap",
        {"MIPGapAbs": 0.0, "FeasibilityTol": TOLERANCE, "IntFeasTol": TOLERANCE, "OptimalityTol": TOLERANCE},
    ),
    "cplex": _Interface(
        "cplex_direct",
        ("cplex",),
        "timelimit",
        "threads",
        "randomseed",
        "mip_tolerances_mipgap",
        {
            "mip_tolerances_absmipgap": 0.0,
            "mip_tolerances_integrality": TOLERANCE,
            "simplex_tolerances_feasibility": TOLERANCE,
            "simplex_tolerances_optimality": TOLERANCE,
        },
    ),
    "xpress": _Interface(
        "xpress_direct",
        ("xpress",),
        "timelimit",
        "threads",
        "randomseed",
        "miprelstop",
        {"mipabsstop": 0.0, "mipaddcutoff": 0.0, "feastol": TOLERANCE, "miptol": TOLERANCE, "optimalitytol": TOLERANCE},
    ),
    "copt": _Interface(
        "copt_direct",
        ("coptpy", "copt_pyomo"),  # COPT brings its Pyomo interface as a module of its own
        "TimeLimit",
        "Threads",
        "RandomSeed",
        "RelGap",
        {"AbsGap": 0.0, "IntTol": TOLERANCE, "FeasTol": TOLERANCE, "DualTol": TOLERANCE},
    ),
}


def packages(solver: MilpSolver) -> tuple[str, ...]:
    """Packages that solving by a solver imports."""
    return ("pyomo", *_INTERFACES[solver].packages)


def solve_model(model: Any, solver: MilpSolver, budget: Budget, seed: int, gap: float = 0.0) -> Verdict:
    """Minimise a Pyomo model within what is left of a budget, without a warm start.

    Parameters
    ----------
    model
        A ConcreteModel; receives the best solution found.
    solver
        Name of the solver.
    budget
        Limits of the run.
    seed
        Seed of the solver's perturbations.
    gap
        Relative gap at which the solver may stop and call a solution optimal.
    """
    import pyomo.environ as pyo

    interface = _INTERFACES[solver]
    for package in interface.packages:
        importlib.import_module(package)  # an absent one is named plainly; some register themselves with Pyomo
    seconds = budget.remaining - min(1.0, KEPT_BACK * budget.time_limit)
    if seconds <= 0.0:
        return Verdict(False, False, None)
    limits = {interface.time_limit: seconds, interface.threads: budget.threads, interface.seed: seed % 2**31, interface.gap: gap}
    results = pyo.SolverFactory(interface.name).solve(model, load_solutions=False, options={**interface.options, **limits})
    found = len(results.solution) > 0
    if found:
        model.solutions.load_from(results)
    bound = results.problem.lower_bound
    known = bound is not None and math.isfinite(bound)
    return Verdict(
        found,
        found and results.solver.termination_condition == pyo.TerminationCondition.optimal,
        bound - TOLERANCE * max(1.0, abs(bound)) if known else None,
    )
