from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import get_args

import pytest

from mecbench.solvers.monolith import TOLERANCE, MilpSolver, packages, solve_model
from mecbench.solvers.outcome import Budget

SOLVE = """
import json, sys
import pyomo.environ as pyo
from mecbench.solvers.monolith import solve_model
from mecbench.solvers.outcome import Budget
model = pyo.ConcreteModel()
model.x, model.y = pyo.Var(domain=pyo.Integers, bounds=(0, 9)), pyo.Var(domain=pyo.Integers, bounds=(0, 9))
model.row = pyo.Constraint(expr=3 * model.x + 5 * model.y >= {least})
model.cost = pyo.Objective(expr=2 * model.x + 3 * model.y)
verdict = solve_model(model, "{solver}", Budget(time_limit={seconds}), 2**40)
print(json.dumps([*verdict, [pyo.value(v) for v in (model.x, model.y)] if verdict.found else None]))
"""


def solve(solver: str, least: int = 17, seconds: float = 20.0) -> list:
    """Solve min 2 x + 3 y with 3 x + 5 y >= least in a process of its own."""
    code = SOLVE.format(solver=solver, least=least, seconds=seconds)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _installed(solver: MilpSolver) -> bool:
    return all(importlib.util.find_spec(package) for package in packages(solver))


@pytest.mark.parametrize("solver", get_args(MilpSolver))
def test_every_installed_solver_gives_optimum_and_honest_bound(solver) -> None:
    """One call serves them all; the bound is lowered by the tolerance, and a commercial solver that is absent says which."""
    if not _installed(solver):
        with pytest.raises(ModuleNotFoundError) as error:
            solve_model(None, solver, Budget(), 0)
        assert error.value.name in packages(solver)
        return
    found, optimal, bound, values = solve(solver)
    assert (found, optimal) == (True, True)
    assert 2 * values[0] + 3 * values[1] == pytest.approx(11)
    assert 11 - 2 * 11 * TOLERANCE <= bound < 11


def test_an_infeasible_model_has_no_solution() -> None:
    """No solution is loaded where there is none, and nothing is called optimal."""
    found, optimal, _, values = solve("highs", least=100)
    assert (found, optimal, values) == (False, False, None)


def test_without_time_left_no_solver_is_started() -> None:
    """A budget that building the model has used up ends at once, without a claim."""
    assert solve("highs", seconds=0.0) == [False, False, None, None]
