"""The programmes in each library, and their files, have one optimum: what brute force finds."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from mecbench.problems.errors import InputError
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.model import export, pyomo_misocp
from mecbench.problems.p_marl.programme import OneHot

BEGIN = """
import json, sys
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.model import *
from mecbench.problems.p_marl.programme import OneHot
def judged(instance, solution):
    verdict = evaluate(instance, solution)
    assert verdict.feasible, verdict.violations
    return verdict.objective
values = []
for data in json.load(sys.stdin):
    instance = Instance.model_validate(data)
"""
END = "\nprint(json.dumps(values))"
SOLVERS = {
    "highs": """
    import highspy, numpy
    programme, highs = OneHot(instance), highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 1e-9)
    highs.passModel(highs_model(programme))
    highs.run()
    values.append(judged(instance, programme.solution(numpy.array(highs.getSolution().col_value))))
""",
    "cp-sat": """
    from ortools.sat.python import cp_model
    programme, solver = element_programme(instance), cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(programme.model) == cp_model.OPTIMAL
    values.append(judged(instance, programme.solution(instance, solver.value)))
    bound = solver.best_objective_bound / COST_SCALE
    assert values[-1] - 3 * instance.epochs / COST_SCALE - 1e-12 <= bound <= values[-1] * (1 + 1e-12)
""",
    "scip": """
    programme = scip_misocp(instance)
    programme.model.setParam("numerics/feastol", 1e-9)
    programme.model.optimize()
    assert programme.model.getStatus() == "optimal"
    values.append(judged(instance, read_misocp(instance, lambda name: programme.model.getVal(programme.variables[name]))))
""",
}
READERS = {
    "highs": "import highspy, sys; h = highspy.Highs(); h.silent(); h.readModel(sys.argv[1]); h.run(); print(h.getObjectiveValue())",
    "scip": "import pyscipopt, sys; m = pyscipopt.Model(); m.hideOutput(); m.readProblem(sys.argv[1]); m.optimize(); print(m.getObjVal())",
}
FILES = [("mps", "highs"), ("lp", "scip"), ("nl", "scip"), ("cip", "scip")]
PLAIN = {"drain": "exogenous", "divided_switch_cost": False}


@pytest.fixture(scope="module")
def known(draw, brute_force, brute_force_episode):
    """Instances of one and of two epochs with their optima, late devices and both objectives among them."""
    found = []
    for seed in range(18):
        if seed % 2:
            instance = draw(seed, devices=(2, 3), edges=(1, 2), epochs=(1, 1), groups=(1, 2), multiprocessors=(2, 4), **PLAIN)
            found.append((instance, brute_force(instance)))
        else:
            instance = draw(seed, devices=(2, 2), edges=(1, 2), epochs=(2, 2), groups=(1, 1), multiprocessors=(2, 2), **PLAIN)
            found.append((instance, brute_force_episode(instance)))
    feasible = [(instance, optimum) for instance, optimum in found if np.isfinite(optimum)]
    assert {instance.objective for instance, _ in feasible if instance.epochs > 1} == {"mean-worst", "worst-mean"}
    return feasible


def test_the_one_hot_programme_is_the_problem(known):
    """Its optimum, by the HiGHS within SciPy, is brute force's, and its solution is evaluated to the same value."""
    for instance, optimum in known:
        programme = OneHot(instance)
        binary = np.ones(programme.cost.size)
        binary[programme.thresholds] = 0
        rows = LinearConstraint(programme.rows, programme.lower, programme.upper)
        solved = milp(programme.cost, constraints=rows, integrality=binary, bounds=Bounds(0, programme.most), options={"mip_rel_gap": 1e-9})
        assert solved.fun == pytest.approx(optimum, rel=1e-6)
        verdict = evaluate(instance, programme.solution(solved.x))
        assert verdict.feasible
        assert verdict.objective == pytest.approx(optimum, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_library_finds_the_optimum(known, solver):
    """Three libraries, each in a process of its own, solve the same instances to the same value by the evaluator's word."""
    data = json.dumps([instance.model_dump(mode="json") for instance, _ in known])
    code = BEGIN + SOLVERS[solver] + END
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx([optimum for _, optimum in known], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("format", "reader"), FILES)
def test_an_exported_model_has_the_same_optimum_elsewhere(known, tmp_path, format, reader):
    """A file that another solver reads is the same problem, episodes included."""
    instance, optimum = next((instance, optimum) for instance, optimum in known if instance.epochs > 1)
    path = tmp_path / f"model.{format}"
    export(instance, format, path)
    done = subprocess.run([sys.executable, "-c", READERS[reader], str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(optimum, rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_the_programmes_do_not_say_is_refused(draw, tmp_path):
    """An instance beyond the programmes is told so in one sentence instead of being solved as another one."""
    endogenous = draw(0, epochs=(2, 2), drain="endogenous", divided_switch_cost=False)
    divided = draw(0, epochs=(2, 2), drain="exogenous", divided_switch_cost=True, switch_cost=0.1)
    for instance, field in ((endogenous, "drain"), (divided, "divided_switch_cost")):
        with pytest.raises(InputError, match=f"field {field}: expected"):
            export(instance, "mps", tmp_path / "model.mps")
    first = draw(0, devices=(1, 1), epochs=(1, 1), previous_edge=[0], divided_switch_cost=True, switch_cost=0.1)
    assert OneHot(first).rows.shape[0] > 0
    with pytest.raises(InputError, match="native programme"):
        pyomo_misocp(first)
    assert not list(tmp_path.iterdir())
