from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_edge.model import continuous_shares, export, onehot_milp, pyomo_minlp, secant_milp
from mecbench.problems.p_edge.physics import cost

# Each reader has a process of its own, and knows nothing of the project.
READERS = {
    "highs": ("import highspy, sys; h = highspy.Highs(); h.silent(); h.readModel(sys.argv[1]); h.run();print(h.getObjectiveValue())"),
    "scip": ("import pyscipopt, sys; m = pyscipopt.Model(); m.hideOutput(); m.readProblem(sys.argv[1]); m.optimize();print(m.getObjVal())"),
}


def optimum(instance) -> float:
    """Optimal cost by the exact allocator."""
    best = allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors)
    return float(cost(instance.fixed_cost, instance.shared_cost, best).max())


@pytest.mark.parametrize(
    ("format", "reader"), [("mps", "highs"), ("mps", "scip"), ("lp", "highs"), ("lp", "scip"), ("nl", "scip"), ("cip", "scip")]
)
def test_an_exported_model_has_the_same_optimum_elsewhere(draw, tmp_path, format, reader) -> None:
    """A file that another solver reads is the same problem: HiGHS and SCIP find our optimum in it."""
    instance = draw(5, devices=(5, 5), multiprocessors=24)
    path = tmp_path / f"model.{format}"
    export(instance, format, path)
    done = subprocess.run([sys.executable, "-c", READERS[reader], str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(optimum(instance), rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_path_that_cannot_be_written_is_named(draw, tmp_path) -> None:
    """An output path below a file is the user's slip, told in one sentence, and leaves nothing behind."""
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InputError, match=r"model\.mps: expected a file in a folder that can be written to, found Not a directory"):
        export(draw(1), "mps", file / "model.mps")
    assert file.read_text() == "kept"


def _least_threshold(programme, instance, allocation: np.ndarray) -> float:
    """Least theta that a Pyomo programme allows once its decisions are fixed to an allocation, checked by its own rows."""
    import pyomo.environ as pyo

    model = programme.model
    for m, share in enumerate(allocation.tolist()):
        if hasattr(model, "choice"):
            for j in range(1, instance.multiprocessors - instance.devices + 2):
                model.choice[m, j].set_value(int(j == share))
        else:
            model.share[m].set_value(share)
    assert [pyo.value(share) for share in programme.shares] == allocation.tolist()
    assert model.capacity.slack() >= 0
    low, high = programme.threshold.bounds
    for _ in range(60):
        middle = (low + high) / 2
        programme.threshold.set_value(middle)
        low, high = (low, middle) if all(row.slack() >= 0 for row in model.fair.values()) else (middle, high)
    return high


@pytest.mark.parametrize("build", [onehot_milp, secant_milp, pyomo_minlp])
def test_a_programme_and_the_evaluator_agree_on_every_allocation(draw, build) -> None:
    """Same decisions, same objective: model and physics are two texts of one problem."""
    random = np.random.default_rng(0)
    for seed in range(4):
        instance = draw(seed, devices=(2, 5), multiprocessors=12)
        programme = build(instance)
        for _ in range(4):
            share = random.multinomial(instance.multiprocessors - instance.devices, np.ones(instance.devices) / instance.devices) + 1
            expected = cost(instance.fixed_cost, instance.shared_cost, share).max()
            assert _least_threshold(programme, instance, share) == pytest.approx(expected, rel=1e-9)


def test_a_window_of_secants_is_a_relaxation(draw) -> None:
    """Fewer secants can only lower theta, so the optimum of the windowed model is a bound; with all of them it is exact."""
    instance = draw(3, devices=(4, 4), multiprocessors=32)
    allocation = np.full(4, 10)
    allocation[np.argmax(continuous_shares(instance))] = 1
    exact, windowed = (_least_threshold(secant_milp(instance, window), instance, allocation) for window in (None, 2))
    assert exact == pytest.approx(cost(instance.fixed_cost, instance.shared_cost, allocation).max(), rel=1e-9)
    assert windowed < exact


def test_a_large_edge_has_a_file_of_modest_size(draw, tmp_path) -> None:
    """A thousand devices have three million secants; those that the lower limit of theta implies are left out."""
    instance = draw(0, devices=(300, 300), multiprocessors=1200)
    assert len(secant_milp(instance).model.fair) < instance.devices * (instance.multiprocessors - instance.devices) / 5
    export(instance, "mps", tmp_path / "model.mps")
    assert (tmp_path / "model.mps").stat().st_size < 20e6


def test_continuous_shares_solve_the_relaxation(draw) -> None:
    """They spend all, cost the same wherever a device has more than one, and bound the integer optimum from below."""
    for seed in range(50):
        instance = draw(seed, devices=(2, 20), multiprocessors=40)
        shares = continuous_shares(instance)
        costs = cost(instance.fixed_cost, instance.shared_cost, shares)
        assert shares.min() >= 1.0
        assert shares.sum() == pytest.approx(instance.multiprocessors, rel=1e-9)
        assert costs[shares > 1.0] == pytest.approx(costs.max(), rel=1e-9)
        assert costs.max() <= optimum(instance) * (1 + 1e-12)


def test_continuous_shares_are_the_conic_optimum(draw) -> None:
    """The closed form equals what Clarabel finds, so windows and bounds stand on the same relaxation."""
    instances = [draw(seed, devices=(2, 20), multiprocessors=40) for seed in range(5)]
    code = """
import json, sys
from mecbench.problems.p_edge import Instance
from mecbench.problems.p_edge.model import conic_relaxation
print([float(conic_relaxation(Instance.model_validate(data)).model.solve(solver="CLARABEL")) for data in json.load(sys.stdin)])
"""
    data = json.dumps([instance.model_dump(mode="json") for instance in instances])
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, text=True, check=True)
    for instance, value in zip(instances, json.loads(done.stdout), strict=True):
        assert cost(instance.fixed_cost, instance.shared_cost, continuous_shares(instance)).max() == pytest.approx(value, rel=1e-6)


def test_levels_of_the_element_model_order_as_costs_do(draw) -> None:
    """Distinct costs have distinct levels in the same order, equal costs one level: the integer optimum is the optimum."""
    instance = draw(2, devices=(6, 6), multiprocessors=40)
    code = """
import json, sys
from mecbench.problems.p_edge import Instance
from mecbench.problems.p_edge.model import element_programme
programme = element_programme(Instance.model_validate(json.load(sys.stdin)))
print(json.dumps([programme.levels.tolist(), programme.values.tolist()]))
"""
    data = json.dumps(instance.model_dump(mode="json"))
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, text=True, check=True)
    levels, values = json.loads(done.stdout)
    table = cost(instance.fixed_cost[:, None], instance.shared_cost[:, None], np.arange(1, 36))
    assert values == sorted(set(table.ravel().tolist()))
    assert all(low < high for low, high in pairwise(levels))
    assert levels[-1] <= 2**41
