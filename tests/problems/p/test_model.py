"""The programmes against evaluator, twin and brute force, and the files that others read."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p import evaluate
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.model import (
    CONES,
    add_tangents,
    conic,
    export,
    fix,
    initial_tangents,
    lifted,
    linear,
    read,
    roots,
    split_tangents,
    violated_slopes,
    violated_tangents,
)
from mecbench.problems.p.options import of_trace

# Each reader has a process of its own, knows nothing of the project, and proves what it finds.
READERS = {
    "highs": (
        "import highspy, sys; h = highspy.Highs(); h.silent(); h.setOptionValue('mip_rel_gap', 0.0)\n"
        "h.readModel(sys.argv[1]); h.run(); print(h.getObjectiveValue())"
    ),
    "scip": (
        "import pyscipopt, sys; m = pyscipopt.Model(); m.hideOutput(); m.readProblem(sys.argv[1]); m.optimize(); print(m.getObjVal())"
    ),
}

PAIR = {"users": 2, "slots": 1, "interval": 1, "delay_limit": 0.4}


def outcomes(instance):
    """All discrete choices, deployments that fit only: x, sigma, z."""
    sizes, cuts = instance.service_bytes, instance.cuts[instance.service[0]]
    held = [
        [row for row in itertools.product((False, True), repeat=sizes.size) if sizes[list(row)].sum() <= storage]
        for storage in instance.storage
    ]
    for columns in itertools.product(*held):
        deployment = np.array(columns).T[None]
        for server in itertools.product(range(instance.servers), repeat=instance.users):
            for cut in itertools.product(*(range(most + 1) for most in cuts)):
                yield deployment, np.array([server]), np.array([cut])


def optimum(instance) -> float:
    """Least cost by trying everything, each with its exact split; without the delay limit it would be less."""
    options, best, unlimited = of_trace(instance), math.inf, math.inf
    for deployment, server, cut in outcomes(instance):
        verdict = evaluate(instance, polish(instance, options, deployment, server, cut))
        unlimited = min(unlimited, verdict.objective)
        if verdict.feasible:
            best = min(best, verdict.objective)
    assert unlimited < 0.99 * best
    return best


@pytest.fixture(scope="module")
def pair(draw):
    """Two users and two models of which only one fits on a server, a delay limit that matters; its optimum by brute force."""
    instance = draw(7, **PAIR)
    return instance, optimum(instance)


@pytest.mark.parametrize(
    ("format", "reader"), [("mps", "highs"), ("mps", "scip"), ("lp", "highs"), ("lp", "scip"), ("nl", "scip"), ("cip", "scip")]
)
def test_an_exported_model_has_the_same_optimum_elsewhere(pair, tmp_path, format, reader) -> None:
    """A file that another solver reads is the same problem: HiGHS and SCIP find the optimum of brute force in it."""
    instance, best = pair
    path = tmp_path / f"model.{format}"
    export(instance, format, path)
    done = subprocess.run([sys.executable, "-c", READERS[reader], str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(best, rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if format in ("mps", "lp"):
        assert "relative error of a time below 1e-6" in path.read_text().splitlines()[0]


def test_a_path_that_cannot_be_written_is_named(draw, tmp_path) -> None:
    """An output path below a file is the user's slip, told in one sentence, and leaves nothing behind."""
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InputError, match=r"model\.mps: expected a file in a folder that can be written to, found Not a directory"):
        export(draw(1), "mps", file / "model.mps")
    assert file.read_text() == "kept"


def solutions(instance, count):
    """Polished solutions of random discrete choices, failures included; those that keep C8."""
    random, options, found = np.random.default_rng(0), of_trace(instance), []
    while len(found) < count:
        deployment = random.random((instance.intervals, instance.services, instance.servers)) < 0.7
        server = random.integers(0, instance.servers, instance.service.shape)
        solution = polish(instance, options, deployment, server, random.integers(0, instance.cuts[instance.service] + 1))
        verdict = evaluate(instance, solution)
        if verdict.feasible and verdict.metrics["mean_delay_s"] > 0:
            found.append(solution)
    return found


def occupy(programme, solution) -> None:
    """Give all variables the values that a solution has: choices, shares, roots, and times as the cones demand."""
    instance, model = programme.instance, programme.model
    fix(programme, solution.deployment, solution.server, solution.cut)
    values = roots(instance, programme.options)
    for variable in (*model.band.values(), *model.flops.values(), *model.root.values(), *model.time.values()):
        variable.set_value(0.0)
    for t, k in model.requests:
        j, z = int(solution.server[t, k]), int(solution.cut[t, k])
        if not solution.deployment[t // instance.interval, instance.service[t, k], j]:
            continue
        model.band[t, k, j].set_value(solution.bandwidth[t, k] / instance.bandwidth[j])
        model.flops[t, k, j].set_value(solution.compute[t, k] / instance.server_flops[j])
        for cone in CONES:
            root = values[cone][t, k, j, z]
            if root > 0:
                model.root[cone, t, k, j].set_value(root)
                model.time[cone, t, k, j].set_value(root**2 / programme.share(cone, t, k, j).value)


def slack(model) -> float:
    """Least slack of all active rows."""
    import pyomo.environ as pyo

    return min(
        min(row.body() - row.lb if row.lb is not None else math.inf, row.ub - row.body() if row.ub is not None else math.inf)
        for row in model.component_data_objects(pyo.Constraint, active=True)
    )


@pytest.mark.parametrize("fading", ["none", "rayleigh"])
def test_evaluator_twin_and_conic_model_agree(draw, twin, fading) -> None:
    """Three texts of one problem: same solution, same cost and delay to 1e-9, and it meets every row of the model."""
    import pyomo.environ as pyo

    instance = draw(5, fading=fading, storage=(1.0, 1.0), delay_limit=12.0, failure_factor=2)
    programme = conic(instance)
    failures = 0
    for solution in solutions(instance, 8):
        occupy(programme, solution)
        verdict, expected = evaluate(instance, solution), twin(instance, solution)
        assert pyo.value(programme.model.objective) == pytest.approx(verdict.objective, rel=1e-9)
        assert pyo.value(programme.model.objective) == pytest.approx(expected.cost, rel=1e-9)
        assert programme.model.delay.body() == pytest.approx(verdict.metrics["mean_delay_s"], rel=1e-9)
        assert slack(programme.model) > -1e-9
        failures += verdict.metrics["success_rate"] < 1.0
        again = evaluate(instance, read(programme))
        assert again.objective == pytest.approx(verdict.objective, rel=1e-9)
        assert again.metrics["success_rate"] == verdict.metrics["success_rate"]
    assert failures


def test_no_request_fails_where_every_server_serves_it(draw) -> None:
    """R8: failing needs a server without the service; where all hold it, the model refuses it."""
    instance = draw(5, storage=(1.0, 1.0))
    programme = conic(instance)
    everywhere = np.ones((instance.intervals, instance.services, instance.servers), dtype=bool)
    fix(programme, everywhere, np.zeros(instance.service.shape, dtype=int), np.zeros(instance.service.shape, dtype=int))
    for variable in programme.model.failed.values():
        variable.fix(1)
    assert all(row.body() > row.ub for row in programme.model.miss.values())


def test_tangents_never_cut_off_a_solution_and_meet_it_at_its_split(draw) -> None:
    """Any tangent holds for every true point; those at a point's own shares demand exactly its times."""
    instance = draw(6, storage=(1.0, 1.0), delay_limit=12.0)
    programme = linear(instance)
    found = solutions(instance, 4)
    add_tangents(programme, initial_tangents(programme))
    for solution in found:
        add_tangents(programme, split_tangents(programme, solution))
    for solution in found:
        occupy(programme, solution)
        assert slack(programme.model) > -1e-9
        assert not list(violated_tangents(programme, 1e-9))
        for index, time in programme.model.time.items():
            if time.value:
                time.set_value(time.value * (1 - 1e-6))
                assert index in {tangent[:4] for tangent in violated_tangents(programme, 1e-9)}
                assert slack(programme.model) < 0, "the split's own tangents are there already"
                time.set_value(time.value / (1 - 1e-6))


def test_no_tangent_is_too_steep_for_a_solver() -> None:
    """Solvers refuse coefficients from 1e15 on, and some then solve an empty model: a vanishing share has a bounded slope."""
    root, share = np.array([1e-6, 0.5, 2.0, 1e-9]), np.array([0.0, 1e-12, 0.5, 0.0])
    slope = violated_slopes(root, np.zeros(4), share, 1e-6)
    assert slope == pytest.approx([1e4, 1e4, 4.0, 0.0])


def test_initial_tangents_know_a_cone_to_the_ratio(draw) -> None:
    """Between neighbouring slopes a cone is underestimated by ((ratio - 1) / (ratio + 1))^2 at most."""
    programme = linear(draw(6))
    ratio = 1.5
    slopes: dict = {}
    for tangent in initial_tangents(programme, ratio):
        slopes.setdefault(tangent[:4], []).append(tangent.slope)
    for known in slopes.values():
        true = np.geomspace(known[0], known[-1], 200)
        best = np.max([2 * slope / true - (slope / true) ** 2 for slope in known], axis=0)
        assert best.max() <= 1 + 1e-12
        assert best.min() >= 1 - ((ratio - 1) / (ratio + 1)) ** 2 - 1e-12


def least_time(root: float, share: float, scale: float, stages: int) -> float:
    """Least time that the folds of a lifted cone allow, by bisection: each variable is as small as its rows let it be."""

    def fits(time: float) -> bool:
        along, across = 2.0 * root / math.sqrt(scale), abs(time / scale - share)
        for stage in range(1, stages + 1):
            cosine, sine = math.cos(math.pi / 2 ** (stage + 1)), math.sin(math.pi / 2 ** (stage + 1))
            along, across = cosine * along + sine * across, abs(cosine * across - sine * along)
        return along <= time / scale + share and across <= math.tan(math.pi / 2 ** (stages + 1)) * along * (1 + 1e-6) + 1e-15

    low, high = 0.0, 1.001 * root**2 / share
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01])
def test_the_lifted_cone_is_as_near_as_its_file_says(share) -> None:
    """Never above the cone, and within 1e-6 of its time for shares from 1 % to all."""
    for root in (0.1, 0.6, 1.0):
        scale = (1.0 / 0.25) ** 2
        time = least_time(root, share, scale, 16)
        assert time <= root**2 / share * (1 + 1e-12)
        assert time >= root**2 / share * (1 - 1e-6)


def test_the_lifted_model_contains_every_solution(draw) -> None:
    """Folding the true point gives values for all new variables that meet every row: nothing is cut off."""
    instance = draw(5, storage=(1.0, 1.0), delay_limit=12.0)
    programme = lifted(instance)
    model = programme.model
    stages = max(index[-1] for index in model.along)
    for solution in solutions(instance, 3):
        occupy(programme, solution)
        for index in model.cones:
            scale = (float(roots(instance, programme.options)[index[0]][index[1:]].max()) / 0.25) ** 2
            share, time, root = programme.share(*index).value, model.time[index].value, model.root[index].value
            along, across = 2.0 * root / math.sqrt(scale), abs(time / scale - share)
            model.along[(*index, 0)].set_value(along)
            model.across[(*index, 0)].set_value(across)
            for stage in range(1, stages + 1):
                cosine, sine = math.cos(math.pi / 2 ** (stage + 1)), math.sin(math.pi / 2 ** (stage + 1))
                along, across = cosine * along + sine * across, abs(cosine * across - sine * along)
                model.along[(*index, stage)].set_value(along)
                model.across[(*index, stage)].set_value(across)
        assert slack(model) > -1e-9
