"""The programmes in each library, and their files, have one optimum: that of the flow problem."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from mecbench.problems.errors import InputError
from mecbench.problems.p1.model import export
from mecbench.problems.p1.network import network

BEGIN = """
import json, sys
from mecbench.problems.p1.evaluate import evaluate
from mecbench.problems.p1.instance import Instance
from mecbench.problems.p1.model import *
from mecbench.problems.p1.network import network, read
def judged(instance, solution):
    verdict = evaluate(instance, solution)
    assert verdict.feasible, verdict.violations
    return verdict.objective
values = []
for data in json.load(sys.stdin):
    instance = Instance.model_validate(data)
    flow = network(instance)
"""
END = "\nprint(json.dumps(values))"
SOLVERS = {
    "highs": """
    import highspy
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 1e-9)
    highs.passModel(highs_model(flow))
    highs.run()
    values.append(judged(instance, read(instance, flow.arcs, highs.getSolution().col_value)))
""",
    "scip": """
    model, chosen = scip_milp(flow)
    model.hideOutput()
    model.setParam("numerics/feastol", 1e-9)
    model.optimize()
    values.append(judged(instance, read(instance, flow.arcs, [model.getVal(variable) for variable in chosen])))
""",
    "pyomo": """
    import pyomo.environ as pyo
    model = pyomo_milp(flow)
    pyo.SolverFactory("highs").solve(model, options={"mip_rel_gap": 1e-9})
    values.append(judged(instance, read(instance, flow.arcs, [pyo.value(variable) for variable in model.chosen.values()])))
""",
    "cp-sat": """
    from ortools.sat.python import cp_model
    model, chosen = cp_sat_model(flow)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    for name, value in CP_SAT_SETTINGS.items():
        setattr(solver.parameters, name, value)
    assert solver.solve(model) == cp_model.OPTIMAL
    values.append(judged(instance, read(instance, flow.arcs, [solver.value(variable) for variable in chosen])))
    assert solver.best_objective_bound / COST_SCALE <= values[-1] * (1 + 1e-12)
""",
    "native": """
    programme = scip_minlp(instance)
    programme.model.setParam("numerics/feastol", 1e-9)
    programme.model.optimize()
    assert programme.model.getStatus() == "optimal"
    values.append(judged(instance, read_minlp(instance, lambda name: programme.model.getVal(programme.variables[name]))))
""",
}
READERS = {
    "highs": "import highspy, sys; h = highspy.Highs(); h.silent(); h.readModel(sys.argv[1]); h.run(); print(h.getObjectiveValue())",
    "scip": "import pyscipopt, sys; m = pyscipopt.Model(); m.hideOutput(); m.readProblem(sys.argv[1]); m.optimize(); print(m.getObjVal())",
}
FILES = [("mps", "highs"), ("mps", "scip"), ("lp", "highs"), ("lp", "scip"), ("nl", "scip"), ("cip", "scip")]
SMALL = {"devices": (2, 3), "tasks": (2, 3), "layers": (2, 3), "most_share": 5}


def optimum(instance) -> float:
    """Optimal cost of the flow problem, by the HiGHS within SciPy."""
    flows = network(instance)
    rows, binary = LinearConstraint(flows.rows, flows.lower, flows.upper), np.ones(flows.arcs.cost.size)
    return milp(flows.arcs.cost, constraints=rows, integrality=binary, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-9}).fun


@pytest.fixture(scope="module")
def small(draw):
    """Small instances with and without slot fit, with and without charged nodes."""
    instances = [draw(seed, **SMALL, slot_fit=seed % 2 == 0) for seed in (1, 2, 4, 6, 9, 11)]
    assert sum(optimum(instance) < instance.tasks * instance.penalty for instance in instances) >= 4  # the rest only fails
    return instances


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_library_finds_the_optimum(small, solver):
    """Five texts of one problem: HiGHS, SCIP, Pyomo and CP-SAT on the flow, SCIP on the native programme."""
    data = json.dumps([instance.model_dump(mode="json") for instance in small])
    code = BEGIN + SOLVERS[solver] + END
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, [optimum(instance) for instance in small], rtol=1e-6)


@pytest.mark.parametrize(
    ("format", "reader"), [("mps", "highs"), ("mps", "scip"), ("lp", "highs"), ("lp", "scip"), ("nl", "scip"), ("cip", "scip")]
)
def test_an_exported_model_has_the_same_optimum_elsewhere(small, tmp_path, format, reader):
    """A file that another solver reads is the same problem."""
    instance = small[-1]
    path = tmp_path / f"model.{format}"
    code = "import sys, json; from mecbench.problems.p1.instance import Instance; from mecbench.problems.p1.model import export; "
    code += f"from pathlib import Path; export(Instance.model_validate(json.load(sys.stdin)), {format!r}, Path(sys.argv[1]))"
    data = json.dumps(instance.model_dump(mode="json"))
    subprocess.run([sys.executable, "-c", code, str(path)], input=data, capture_output=True, text=True, check=True)
    done = subprocess.run([sys.executable, "-c", READERS[reader], str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(optimum(instance), rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_path_that_cannot_be_written_is_named(small, tmp_path):
    """An output path below a file is the user's slip, told in one sentence, and leaves nothing behind."""
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InputError, match=r"model\.mps: expected a file in a folder that can be written to, found Not a directory"):
        export(small[0], "mps", file / "model.mps")
    assert file.read_text() == "kept"
