"""The mathematical programmes of CMG as they stand, non-convex mixed-integer, and files of them.

In units that keep coefficients within a few decades (Mbit, GHz, hundreds of pixels) and with the power ``sent`` = x p of each chunk,
the size ``uploaded`` = x S by its extremes, and the rest ``kept``, all rows but integrality are products of two or three variables,
powers, one exponential (16) and the logarithms of (5). The *textbook* model writes these as they come, as differences of
logarithms. The *strengthened* one says the same with the shares of a channel's received power and adds what is known of every
plan: see `strengthened`. A solver library is imported only by the function that needs it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.closed_forms import best_frequency, best_power, local_cost
from mecbench.problems.cmg.grid import NOTE, grid
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.errors import InputError

__all__ = ["Format", "export", "read", "scip", "strengthened", "textbook"]

Format = Literal["mps", "lp", "nl", "cip"]
MEGA, GIGA, HUNDRED = 1e6, 1e9, 100.0


def _frame(instance: Instance) -> Any:
    """All but rates and secrecy; chunks are indexed [n, t, k]."""
    import pyomo.environ as pyo

    model = pyo.ConcreteModel("cmg")
    devices, slots, chunks = (range(count) for count in instance.gain.shape)
    model.chunk = pyo.Set(initialize=list(product(devices, slots, chunks)), dimen=3)
    model.slot = pyo.Set(initialize=list(product(devices, slots)), dimen=2)
    frames = instance.least_frames, instance.most_frames
    sides = instance.least_resolution / HUNDRED, instance.most_resolution / HUNDRED
    bit_rate = instance.bits_per_pixel * HUNDRED**2 / MEGA  # Mbit of a frame of side 1
    sizes = bit_rate * frames[0] * sides[0] ** 2, bit_rate * frames[1] * sides[1] ** 2
    work = instance.cycles_per_bit * MEGA / GIGA  # Gcycle/Mbit
    heat = instance.energy_coefficient * GIGA**3 * work  # J/Mbit at 1 GHz
    least_frequency, most_frequency = instance.least_frequency / GIGA, (instance.most_frequency / GIGA).tolist()
    most_power, weight = instance.most_power.tolist(), instance.running_weight.tolist()
    energy = min(instance.energy_limit * (1 if instance.limit == "slot" else instance.slots), instance.capacity)

    def accuracy(side: float) -> float:
        return instance.accuracy_ceiling - instance.accuracy_drop * math.exp(-side * HUNDRED / instance.accuracy_scale)

    model.offload = pyo.Var(model.chunk, domain=pyo.Binary)
    model.frames = pyo.Var(model.chunk, domain=pyo.Reals if instance.continuous_frames else pyo.Integers, bounds=frames)
    model.step = pyo.Var(model.chunk, bounds=(0.0, frames[1] - frames[0]))
    model.smoothness = pyo.Var(model.chunk, bounds=(min(0.0, 2.0 * frames[1] - frames[1] ** 2 / frames[0]), frames[1]))
    model.side = pyo.Var(model.chunk, bounds=sides)
    model.accuracy = pyo.Var(model.chunk, bounds=(accuracy(sides[0]), accuracy(sides[1])))
    model.size = pyo.Var(model.chunk, bounds=sizes)
    model.uploaded = pyo.Var(model.chunk, bounds=(0.0, sizes[1]))
    model.kept = pyo.Var(model.chunk, bounds=(0.0, sizes[1]))
    model.frequency = pyo.Var(model.chunk, bounds=lambda _, n, t, k: (least_frequency, most_frequency[n]))
    model.sent = pyo.Var(model.chunk, bounds=lambda _, n, t, k: (0.0, most_power[n]))
    model.rate = pyo.Var(model.chunk, bounds=lambda _, *index: (0.0, _most_rate(instance, *index)))
    model.computing = pyo.Var(model.chunk, bounds=(0.0, work * sizes[1] / least_frequency))
    model.uploading = pyo.Var(model.chunk, bounds=(0.0, energy / instance.least_power))
    model.local_energy = pyo.Var(model.chunk, bounds=(0.0, energy))
    model.upload_energy = pyo.Var(model.chunk, bounds=(0.0, energy))
    model.battery = pyo.Var(devices, range(instance.slots + 1), bounds=(0.0, instance.capacity))
    model.shortage = pyo.Var(model.slot, bounds=(0.0, instance.reserve))
    model.spent = pyo.Expression(
        model.slot, rule=lambda m, n, t: pyo.quicksum(m.local_energy[n, t, k] + m.upload_energy[n, t, k] for k in chunks)
    )

    edge = work * GIGA / instance.edge_frequency
    quality = pyo.quicksum(
        weight[t]
        * (
            instance.accuracy_weight * model.accuracy[n, t, k]
            + instance.smoothness_weight / instance.most_frames * model.smoothness[n, t, k]
        )
        for n, t, k in model.chunk
    )
    latency = pyo.quicksum(model.computing[index] + model.uploading[index] + edge * model.uploaded[index] for index in model.chunk)
    spent = pyo.quicksum(model.spent[index] for index in model.slot)
    shortage = instance.chunks * instance.reserve_price * pyo.quicksum(model.shortage.values())
    model.objective = pyo.Objective(
        expr=quality - instance.delay_weight * latency - instance.energy_weight * spent - shortage, sense=pyo.maximize
    )

    model.rows = rows = pyo.ConstraintList()
    for index in model.chunk:
        n, t, k = index
        now, smooth = model.frames[index], model.smoothness[index]
        if t == 0:
            rows.add(smooth <= now)
        else:
            before = model.frames[n, t - 1, k]
            rows.add(model.step[index] >= now - before)
            rows.add(model.step[index] >= before - now)
            rows.add(smooth * before <= now * before - now * model.step[index])
        exponent = -HUNDRED / instance.accuracy_scale * model.side[index]
        rows.add(model.accuracy[index] <= instance.accuracy_ceiling - instance.accuracy_drop * pyo.exp(exponent))
        rows.add(model.size[index] >= bit_rate * now * model.side[index] ** 2)
        rows.add(model.uploaded[index] <= sizes[1] * model.offload[index])
        rows.add(model.kept[index] <= sizes[1] * (1 - model.offload[index]))
        rows.add(model.uploaded[index] + model.kept[index] == model.size[index])
        rows.add(model.sent[index] <= most_power[n] * model.offload[index])
        rows.add(model.sent[index] >= instance.least_power * model.offload[index])
        rows.add(model.computing[index] * model.frequency[index] >= work * model.kept[index])
        rows.add(model.local_energy[index] >= heat * model.frequency[index] ** 2 * model.kept[index])
        rows.add(model.uploading[index] * model.rate[index] >= model.uploaded[index])
        rows.add(model.upload_energy[index] >= model.sent[index] * model.uploading[index])
    for n in devices:
        model.battery[n, 0].setlb(float(instance.battery[n]))  # not fixed: files would lose the variable
        model.battery[n, 0].setub(float(instance.battery[n]))
        for t in slots:
            level, spend = model.battery[n, t], model.spent[n, t]
            rows.add(spend <= level)
            rows.add(model.battery[n, t + 1] <= level - spend + float(instance.harvest[n, t]))
            rows.add(model.shortage[n, t] >= instance.reserve - model.battery[n, t + 1])
            if instance.limit == "slot":
                rows.add(spend <= instance.energy_limit)
        if instance.limit == "average":
            rows.add(pyo.quicksum(model.spent[n, t] for t in slots) <= instance.slots * instance.energy_limit)
    _add_secrecy(model, instance)
    return model


def _most_rate(instance: Instance, n: int, t: int, k: int) -> float:
    """Rate of a device alone on its channel with all its power [Mbit/s]."""
    received = instance.most_power[n] * instance.gain[n, t, k]
    return float(physics.uplink_rate(instance.bandwidth, received, instance.noise, np.zeros(()))) / MEGA


def _add_secrecy(model: Any, instance: Instance) -> None:
    """Rows of (31) in the form of `physics.secrecy_margin`, slack where a chunk stays local."""
    import pyomo.environ as pyo

    gain, most, least = instance.gain.tolist(), instance.eavesdropper_most.tolist(), instance.eavesdropper_least.tolist()
    power, literal = instance.most_power.tolist(), instance.eavesdropper_power == "const"
    for n, t, k in model.chunk:
        others = [j for j in range(instance.devices) if j != n]
        g, worst = gain[n][t][k], most[n][t][k]
        here = instance.noise + pyo.quicksum(gain[j][t][k] * model.sent[j, t, k] for j in others)
        there = instance.eavesdropper_noise + pyo.quicksum(least[j][t][k] * model.sent[j, t, k] for j in others)
        if literal:
            watts = instance.eavesdropper_watts
            margin = model.sent[n, t, k] * g * there - watts * worst * here
            lowest = -watts * worst * (instance.noise + sum(gain[j][t][k] * power[j] for j in others))
        else:
            margin = g * there - worst * here
            lowest = g * instance.eavesdropper_noise - worst * instance.noise
            lowest += sum(min(0.0, g * least[j][t][k] - worst * gain[j][t][k]) * power[j] for j in others)
        slack = max(0.0, physics.SECRECY_MARGIN - lowest)
        model.rows.add(margin >= physics.SECRECY_MARGIN - slack * (1 - model.offload[n, t, k]))


def textbook(instance: Instance) -> Any:
    """Pyomo model whose rates are differences of logarithms: D = W log2(sigma^2 + Q) - W log2(sigma^2 + Q - q)."""
    import pyomo.environ as pyo

    model = _frame(instance)
    gain, width = instance.gain.tolist(), instance.bandwidth / MEGA / math.log(2.0)
    for n, t, k in model.chunk:
        here = instance.noise + pyo.quicksum(gain[j][t][k] * model.sent[j, t, k] for j in range(instance.devices) if j != n)
        model.rows.add(model.rate[n, t, k] <= width * (pyo.log(here + gain[n][t][k] * model.sent[n, t, k]) - pyo.log(here)))
    return model


def strengthened(instance: Instance) -> Any:
    """Pyomo model with shares of the received power, D = -W log2(1 - theta), and rows that no plan violates.

    The shares theta = q / (sigma^2 + Q) of a channel sum to what all power gives at most. A chunk costs at least its size
    times the least cost of a bit, local or offloaded alone on its channel; phi(f, f') is at most f and at most f'; an upload is not
    faster than alone with all power. Who is not secure alone is in no secure set, whatever the others send, where the eavesdropper
    receives the devices' own signals.
    """
    import pyomo.environ as pyo

    model = _frame(instance)
    gain, width = instance.gain.tolist(), instance.bandwidth / MEGA / math.log(2.0)
    received = instance.most_power[:, None, None] * instance.gain
    most_share = received / (instance.noise + received)
    total = received.sum(axis=0) / (instance.noise + received.sum(axis=0))
    weights = instance.delay_weight, np.array(instance.energy_weight)
    frequency = best_frequency(*weights, instance.energy_coefficient, instance.least_frequency, instance.most_frequency)
    local = (MEGA * local_cost(*weights, instance.energy_coefficient, instance.cycles_per_bit, frequency)).tolist()
    power = best_power(*weights, instance.gain, instance.noise, instance.least_power, instance.most_power[:, None, None])
    rate = physics.uplink_rate(instance.bandwidth, power * instance.gain, instance.noise, np.zeros(()))
    upload = (MEGA * (instance.delay_weight + instance.energy_weight * power) / rate).tolist()
    margin = instance.gain * instance.eavesdropper_noise - instance.eavesdropper_most * instance.noise

    model.share = pyo.Var(model.chunk, bounds=lambda _, *index: (0.0, float(most_share[index])))
    rows = model.rows
    for index in model.chunk:
        n, t, k = index
        share, own = model.share[index], gain[n][t][k] * model.sent[index]
        here = instance.noise + pyo.quicksum(gain[j][t][k] * model.sent[j, t, k] for j in range(instance.devices))
        rows.add(share * here <= own)
        rows.add(share <= float(most_share[index]) * model.offload[index])
        rows.add(model.rate[index] <= -width * pyo.log(1.0 - share))
        rows.add(
            instance.delay_weight * model.uploading[index] + instance.energy_weight * model.upload_energy[index]
            >= upload[n][t][k] * model.uploaded[index]
        )
        rows.add(
            instance.delay_weight * model.computing[index] + instance.energy_weight * model.local_energy[index]
            >= local[n] * model.kept[index]
        )
        rows.add(_most_rate(instance, n, t, k) * model.uploading[index] >= model.uploaded[index])
        rows.add(model.smoothness[index] <= model.frames[index])
        if t:
            rows.add(model.smoothness[index] <= model.frames[n, t - 1, k])
        if instance.eavesdropper_power == "signal" and margin[index] < physics.SECRECY_MARGIN:
            model.offload[index].setub(0)
    for t, k in product(range(instance.slots), range(instance.chunks)):
        rows.add(pyo.quicksum(model.share[n, t, k] for n in range(instance.devices)) <= float(total[t, k]))
    return model


def read(instance: Instance, value: Callable[[str], float]) -> Solution:
    """Solution of a solved model, within its bounds.

    Parameters
    ----------
    instance
        The instance.
    value
        Function from a variable's name, e.g. ``offload[0,1,2]``, to its value.
    """

    def values(name: str) -> np.ndarray:
        found = [value(f"{name}[{n},{t},{k}]") for n, t, k in np.ndindex(instance.gain.shape)]
        return np.array(found, dtype=float).reshape(instance.gain.shape)

    frames = np.clip(values("frames"), instance.least_frames, instance.most_frames)
    return Solution(
        offload=values("offload") > 0.5,
        frames=frames if instance.continuous_frames else np.round(frames),
        resolution=np.clip(HUNDRED * values("side"), instance.least_resolution, instance.most_resolution),
        frequency=np.clip(GIGA * values("frequency"), instance.least_frequency, instance.most_frequency[:, None, None]),
        power=np.clip(values("sent"), instance.least_power, instance.most_power[:, None, None]),
    )


def scip(model: Any) -> Any:
    """PySCIPOpt model of a Pyomo model, its variables under the same names."""
    import pyscipopt

    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "cmg.nl"
        model.write(str(written), io_options={"symbolic_solver_labels": True, "linear_presolve": False})
        converted = pyscipopt.Model("cmg")
        converted.hideOutput()
        converted.readProblem(str(written))
    return converted


def export(instance: Instance, format: Format, path: Path) -> None:
    """Write a model for a solver outside: the strengthened one as ``nl`` or ``cip``, the grid's MILP as ``mps`` or ``lp``.

    The file appears complete or not at all. ``nl`` and ``cip`` hold the problem exactly; ``mps`` and ``lp`` say in their first line
    which plans they leave out.

    Raises
    ------
    InputError
        If the path cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            written = Path(folder) / f"model.{format}"
            if format == "cip":
                scip(strengthened(instance)).writeProblem(str(written), verbose=False)
            elif format == "nl":
                strengthened(instance).write(str(written))
            else:
                grid(instance).model.write(str(written), io_options={"symbolic_solver_labels": True})
                text = written.read_text(encoding="utf-8")
                written.write_text(f"{'*' if format == 'mps' else chr(92)} {NOTE}\n{text}", encoding="utf-8")
            written.replace(path)
    except OSError as error:
        raise InputError(f"{path}: expected a file in a folder that can be written to, found {error.strerror or error}") from None
