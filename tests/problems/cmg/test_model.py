"""The programmes against evaluator and each other, and the files that others read."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.grid import grid, read_grid
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.model import export, read, scip, strengthened, textbook
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.errors import InputError

MODELS = {"textbook": textbook, "strengthened": strengthened}
# Each reader has a process of its own, knows nothing of the project, and proves what it finds.
READERS = {
    "highs": (
        "import highspy, sys; h = highspy.Highs(); h.silent(); h.setOptionValue('mip_rel_gap', 0.0)\n"
        "h.readModel(sys.argv[1]); h.run(); print(h.getObjectiveValue())"
    ),
    "scip": (
        "import pyscipopt, sys; m = pyscipopt.Model(); m.hideOutput(); m.setParam('limits/gap', 1e-4)\n"
        "m.readProblem(sys.argv[1]); m.optimize(); print(m.getObjVal())"
    ),
}


def deaf(instance: Instance) -> Instance:
    """The instance with an eavesdropper that hears so little that many devices are secure side by side."""
    faint = {name: getattr(instance, name) / 10 for name in ("eavesdropper_gain", "eavesdropper_estimate", "estimate_error")}
    return Instance.model_validate(instance.model_dump() | faint)


def plans(instance: Instance, decide, count: int) -> list[Solution]:
    """Feasible plans, sets of several offloads on a channel included."""
    found: list[Solution] = []
    for seed in range(1000):
        drawn = decide(instance, seed)
        offload, power = (np.swapaxes(array, 0, 1) for array in (drawn.offload, drawn.power))
        left = np.swapaxes(physics.secrecy_repair(instance.channels, offload, power), 0, 1)
        cheap = {"resolution": 320 + (drawn.resolution - 320) / 8, "frequency": 2e8 + (drawn.frequency - 2e8) / 8}
        plan = Solution.model_validate(drawn.model_dump() | cheap | {"offload": left, "requested": left})
        if evaluate(instance, plan).feasible:
            found.append(plan)
        if len(found) == count:
            break
    return found


def occupy(model, instance: Instance, plan: Solution) -> None:
    """Give all variables the values that a plan has."""
    before = np.concatenate((plan.frames[:, :1], plan.frames[:, :-1]), axis=1)
    offload, received = plan.offload, np.where(plan.offload, plan.power, 0.0) * instance.gain
    theta = received / (instance.noise + received.sum(axis=0))
    rate = physics.rate_of_share(instance.bandwidth, theta)
    bits = physics.size(instance.bits_per_pixel, plan.frames, plan.resolution)
    uploading = np.divide(bits, rate, out=np.zeros_like(bits), where=offload)
    kept = np.where(offload, 0.0, bits)
    values = {
        "offload": offload.astype(float),
        "frames": plan.frames,
        "step": np.abs(plan.frames - before),
        "smoothness": instance.most_frames * physics.smoothness(instance.most_frames, plan.frames, before),
        "side": plan.resolution / 100,
        "accuracy": physics.accuracy(0.988, 4.469, 200.0, plan.resolution),
        "size": bits / 1e6,
        "uploaded": (bits - kept) / 1e6,
        "kept": kept / 1e6,
        "frequency": plan.frequency / 1e9,
        "sent": np.where(offload, plan.power, 0.0),
        "rate": rate / 1e6,
        "share": theta,
        "computing": physics.local_latency(instance.cycles_per_bit, plan.frequency, kept),
        "uploading": uploading,
        "local_energy": physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, plan.frequency, kept),
        "upload_energy": np.where(offload, plan.power * uploading, 0.0),
    }
    for name, array in values.items():
        if hasattr(model, name):
            for index in np.ndindex(array.shape):
                getattr(model, name)[index].set_value(float(array[index]), skip_validation=True)
    spent = (values["local_energy"] + values["upload_energy"]).sum(axis=2)
    level = instance.battery
    model.battery.set_values({(n, 0): float(level[n]) for n in range(instance.devices)})
    for t in range(instance.slots):
        level = physics.battery_after(instance.capacity, level, spent[:, t], instance.harvest[:, t])
        for n in range(instance.devices):
            model.battery[n, t + 1].set_value(float(level[n]))
            model.shortage[n, t].set_value(max(0.0, instance.reserve - float(level[n])))


def slack(model) -> float:
    """Least slack of all rows and bounds."""
    import pyomo.environ as pyo

    limits = [(row.body(), row.lb, row.ub) for row in model.component_data_objects(pyo.Constraint, active=True)]
    limits += [(variable.value, variable.lb, variable.ub) for variable in model.component_data_objects(pyo.Var)]
    return min(min(math.inf if low is None else value - low, math.inf if high is None else high - value) for value, low, high in limits)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"supply": "scarce", "limit": "average", "reserve": 0.5},
        {"continuous_frames": True, "attack": "strong"},
        {"eavesdropper_power": "const", "eavesdropper_watts": 0.01},
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_a_plan_has_the_evaluators_objective_and_meets_every_row(draw, decide, name, options):
    """Two texts of one problem: same plan, same objective to 1e-9, no row or bound cuts it off, and it reads back."""
    import pyomo.environ as pyo

    instance = deaf(draw(2, devices=4, slots=3, chunks=2, **options))
    model, most = MODELS[name](instance), 0
    found = plans(instance, decide, 6)
    assert len(found) == 6
    for plan in found:
        occupy(model, instance, plan)
        verdict = evaluate(instance, plan)
        assert pyo.value(model.objective) == pytest.approx(verdict.objective, rel=1e-9)
        assert slack(model) > -1e-9
        again = evaluate(instance, read(instance, lambda variable: model.find_component(variable).value))
        assert again.objective == pytest.approx(verdict.objective, rel=1e-12)
        most = max(most, int(plan.offload.sum(axis=0).max()))
    assert most >= 2


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("family", ["secrecy", "energy_limit", "battery"])
def test_what_the_evaluator_refuses_the_rows_refuse(draw, decide, name, family):
    """A plan that breaks secrecy, limit or battery breaks a row of each model, so that no solver gains by it."""
    instance, data = draw(1, devices=4, slots=2, chunks=2), decide(draw(1, devices=4, slots=2, chunks=2), 0, asked=1.0).model_dump()
    if family != "secrecy":
        local = np.zeros_like(data["offload"])
        data |= {"offload": local, "requested": local, "frequency": np.full(local.shape, 0.8e9)}
    if family == "battery":
        instance = Instance.model_validate(instance.model_dump() | {"battery": np.full(4, 0.02), "energy_limit": 100.0})
    plan = Solution.model_validate(data)
    broken = {found for found, violation in evaluate(instance, plan).violations.items() if violation.absolute > 1e-3}
    assert family in broken
    model = MODELS[name](instance)
    occupy(model, instance, plan)
    assert slack(model) < -1e-3


def solved(model) -> tuple[float, dict[str, float]]:
    """Optimum of a model by SCIP, and the values of its variables by name."""
    converted = scip(model)
    converted.setParam("limits/gap", 1e-4)
    converted.setParam("numerics/feastol", 1e-9)
    converted.optimize()
    assert converted.getStatus() in ("optimal", "gaplimit")
    best = converted.getBestSol()
    return converted.getObjVal(), {variable.name: converted.getSolVal(best, variable) for variable in converted.getVars()}


@pytest.mark.parametrize("options", [{"supply": "scarce", "reserve": 0.5}, {"limit": "average", "energy_limit": 0.01}])
def test_the_grid_finds_a_plan_of_the_value_that_it_says(draw, options):
    """The grid is a restriction: its optimum is a feasible plan, and the evaluator's objective of it is the grid's."""
    instance = draw(1, devices=1, chunks=1, slots=2, **options)
    restricted = grid(instance)
    objective, values = solved(restricted.model)
    verdict = evaluate(instance, read_grid(instance, restricted.ways, values.__getitem__))
    assert verdict.feasible
    assert verdict.objective == pytest.approx(objective, rel=1e-7)


@pytest.mark.parametrize(
    "options",
    [
        {"supply": "scarce"},
        pytest.param({"limit": "average", "energy_limit": 0.01}, marks=pytest.mark.slow),
    ],
)
def test_the_strengthened_model_and_the_grid_have_nearly_one_optimum(draw, options):
    """What SCIP proves is worth what it says, and not less than the grid, which comes near it."""
    instance = draw(1, devices=2, chunks=1, **{"slots": 1} | options)
    exact, values = solved(strengthened(instance))
    verdict = evaluate(instance, read(instance, values.__getitem__))
    assert verdict.feasible
    assert verdict.objective == pytest.approx(exact, rel=1e-4)
    assert exact * 0.98 <= solved(grid(instance).model)[0] <= exact * 1.0001


@pytest.mark.slow
def test_the_textbook_model_has_the_same_optimum(draw):
    """What strengthens the model changes no optimum."""
    instance = draw(1, devices=2, chunks=1, slots=1)
    assert solved(textbook(instance))[0] == pytest.approx(solved(strengthened(instance))[0], rel=2e-4)


@pytest.mark.parametrize(("format", "reader"), [("mps", "highs"), ("lp", "highs"), ("nl", "scip"), ("cip", "scip")])
def test_an_exported_model_has_the_same_optimum_elsewhere(draw, tmp_path, format, reader):
    """A file that another solver reads is the same problem, or says in its first line in how far it is not."""
    instance = draw(1, devices=2, chunks=1, slots=1)
    path = tmp_path / f"model.{format}"
    export(instance, format, path)
    done = subprocess.run([sys.executable, "-c", READERS[reader], str(path)], capture_output=True, text=True, check=True)
    assert abs(float(done.stdout.splitlines()[-1])) == pytest.approx(solved(grid(instance).model)[0], rel=1e-3)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if format in ("mps", "lp"):
        assert "whose optimum is a plan and no bound" in path.read_text().splitlines()[0]


def test_a_path_that_cannot_be_written_is_named(draw, tmp_path):
    """An output path below a file is the user's slip, told in one sentence, and leaves nothing behind."""
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InputError, match=r"model\.nl: expected a file in a folder that can be written to, found Not a directory"):
        export(draw(1), "nl", file / "model.nl")
    assert file.read_text() == "kept"
