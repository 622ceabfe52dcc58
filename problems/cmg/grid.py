"""CMG on a grid, as a mixed-integer linear programme: each chunk picks one of finitely many ways to be filmed and computed.

Frame rates are the integers. For each of them the ways of a chunk, local or offloaded alone on its channel, are those that are
best at some price of energy: compute or power and then the resolution follow in closed form. At most one device offloads on each channel
of a slot, and only where it is secure alone, so that rates are numbers. All that is left out makes this a restriction: what it
finds is a plan, its optimum no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.closed_forms import best_frequency, best_power, best_resolution
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution

__all__ = ["NOTE", "PRICES", "Grid", "Ways", "grid", "read_grid", "ways"]

PRICES = (0.0, 1.0, 4.0, 16.0, 1e9)  # of energy, on top of beta2 [1/J]; at the last one the best response is the fallback
NOTE = (
    "CMG as a mixed-integer linear programme over integer frame rates, best responses to some prices of energy, and at most one "
    "offload per channel and slot: a restriction, whose optimum is a plan and no bound. Variables: way[n,t,k,w] and "
    "pair[n,t,k,i,j], frame rates i then j."
)


class Ways(NamedTuple):
    """Ways of a chunk; N devices, T slots, K chunks, V ways.

    Attributes
    ----------
    offload
        Whether each way offloads, shape [V].
    frames
        f of each way, shape [V].
    resolution, frequency, power
        r [pixel], c [Hz] and p [W] of each way, shape [N, T, K, V].
    value
        What a way adds to the objective but for smoothness and penalty, shape [N, T, K, V].
    energy
        What it takes from the battery [J], shape [N, T, K, V].
    open
        Whether a chunk may go it: locally, or where it is secure alone; shape [N, T, K, V].
    """

    offload: np.ndarray
    frames: np.ndarray
    resolution: np.ndarray
    frequency: np.ndarray
    power: np.ndarray
    value: np.ndarray
    energy: np.ndarray
    open: np.ndarray


class Grid(NamedTuple):
    """A model and what its variables mean.

    Attributes
    ----------
    model
        Pyomo ConcreteModel with binaries ``way[n, t, k, w]``.
    ways
        The ways.
    """

    model: Any
    ways: Ways


def ways(instance: Instance) -> Ways:
    """Ways of each chunk: for each mode, frame rate and price the closed forms."""
    rates = np.arange(instance.least_frames, instance.most_frames + 1.0)
    offload, frames, price = (axis.ravel() for axis in np.meshgrid([False, True], rates, PRICES, indexing="ij"))
    priced = instance.energy_weight + price
    gain, weight = instance.gain[..., None], instance.running_weight[:, None, None]
    most_frequency, most_power = instance.most_frequency[:, None, None, None], instance.most_power[:, None, None, None]
    frequency = best_frequency(instance.delay_weight, priced, instance.energy_coefficient, instance.least_frequency, most_frequency)
    frequency = np.broadcast_to(frequency, (*instance.gain.shape, price.size))
    power = best_power(instance.delay_weight, priced, gain, instance.noise, instance.least_power, most_power)
    speed = physics.uplink_rate(instance.bandwidth, power * gain, instance.noise, np.zeros(()))

    def latency(bits: np.ndarray) -> np.ndarray:
        uploaded = physics.offload_latency(instance.cycles_per_bit, instance.edge_frequency, speed, bits)
        return np.where(offload, uploaded, physics.local_latency(instance.cycles_per_bit, frequency, bits))

    def energy(bits: np.ndarray) -> np.ndarray:
        own = physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, frequency, bits)
        return np.where(offload, physics.offload_energy(power, speed, bits), own)

    bit = np.ones(())
    per_frame = (instance.delay_weight * latency(bit) + priced * energy(bit)) * instance.bits_per_pixel * frames
    law = instance.accuracy_drop, instance.accuracy_scale
    gained = weight * instance.accuracy_weight
    resolution = best_resolution(gained, *law, per_frame, instance.least_resolution, instance.most_resolution)
    bits = physics.size(instance.bits_per_pixel, frames, resolution)
    value = gained * physics.accuracy(instance.accuracy_ceiling, *law, resolution)
    value = value - physics.cost(instance.delay_weight, latency(bits), instance.energy_weight, energy(bits))
    return Ways(offload, frames, resolution, frequency, power, value, energy(bits), ~offload | _secure_alone(instance, power))


def _secure_alone(instance: Instance, power: np.ndarray) -> np.ndarray:
    """Whether a chunk that is offloaded alone at a power is secure, shape [N, T, K, V]."""
    by_slot = np.moveaxis(power, 3, 0).swapaxes(1, 2)
    margin = physics.secrecy_margin(instance.channels, np.zeros(by_slot.shape, dtype=bool), by_slot)
    return np.moveaxis(margin.swapaxes(1, 2), 0, 3) >= physics.SECRECY_MARGIN


def grid(instance: Instance) -> Grid:
    """Build the MILP: a binary for each way of a chunk, and a share of [0, 1] for each pair of frame rates of neighbouring slots."""
    import pyomo.environ as pyo

    table = ways(instance)
    rates = sorted(set(table.frames.tolist()))
    of_rate = {rate: np.flatnonzero(table.frames == rate).tolist() for rate in rates}
    devices, slots, chunks = (range(count) for count in instance.gain.shape)
    weight = instance.smoothness_weight * instance.running_weight
    first = {rate: float(weight[0] * physics.frame_smoothness(instance.most_frames, np.array(rate))) for rate in rates}
    smooth = {(i, j): float(physics.smoothness(instance.most_frames, np.array(j), np.array(i))) for i in rates for j in rates}
    value, energy = table.value.tolist(), table.energy.tolist()

    model = pyo.ConcreteModel("cmg-grid")
    model.way = pyo.Var([tuple(place) for place in np.argwhere(table.open).tolist()], domain=pyo.Binary)
    later = [(n, t, k) for n in devices for t in slots[1:] for k in chunks]
    model.pair = pyo.Var([(*chunk, int(i), int(j)) for chunk in later for i, j in smooth], bounds=(0.0, 1.0))
    model.battery = pyo.Var(devices, range(instance.slots + 1), bounds=(0.0, instance.capacity))
    model.shortage = pyo.Var(devices, slots, bounds=(0.0, instance.reserve))

    def chosen(n: int, t: int, k: int, places: list[int]) -> Any:
        return pyo.quicksum(model.way[n, t, k, w] for w in places if table.open[n, t, k, w])

    worth = pyo.quicksum(value[n][t][k][w] * way for (n, t, k, w), way in model.way.items())
    worth += pyo.quicksum(first[table.frames[w]] * way for (_, t, _, w), way in model.way.items() if t == 0)
    worth += pyo.quicksum(float(weight[t]) * smooth[i, j] * pair for (_, t, _, i, j), pair in model.pair.items())
    shortage = instance.chunks * instance.reserve_price * pyo.quicksum(model.shortage.values())
    model.objective = pyo.Objective(expr=worth - shortage, sense=pyo.maximize)

    model.rows = rows = pyo.ConstraintList()
    every = list(range(table.frames.size))
    for n in devices:
        model.battery[n, 0].setlb(float(instance.battery[n]))
        model.battery[n, 0].setub(float(instance.battery[n]))
        spent = []
        for t in slots:
            for k in chunks:
                rows.add(chosen(n, t, k, every) == 1)
                for rate in rates if t else ():
                    whole = int(rate)
                    rows.add(pyo.quicksum(model.pair[n, t, k, whole, int(j)] for j in rates) == chosen(n, t - 1, k, of_rate[rate]))
                    rows.add(pyo.quicksum(model.pair[n, t, k, int(i), whole] for i in rates) == chosen(n, t, k, of_rate[rate]))
            spent.append(pyo.quicksum(energy[n][t][k][w] * model.way[n, t, k, w] for k in chunks for w in every if table.open[n, t, k, w]))
            rows.add(spent[t] <= model.battery[n, t])
            rows.add(model.battery[n, t + 1] <= model.battery[n, t] - spent[t] + float(instance.harvest[n, t]))
            rows.add(model.shortage[n, t] >= instance.reserve - model.battery[n, t + 1])
            if instance.limit == "slot":
                rows.add(spent[t] <= instance.energy_limit)
        if instance.limit == "average":
            rows.add(pyo.quicksum(spent) <= instance.slots * instance.energy_limit)
    offloads = np.flatnonzero(table.offload).tolist()
    for t in slots:
        for k in chunks:
            alone = [chosen(n, t, k, offloads) for n in devices if table.open[n, t, k, offloads].any()]
            if alone:
                rows.add(pyo.quicksum(alone) <= 1)
    return Grid(model, table)


def read_grid(instance: Instance, table: Ways, value: Callable[[str], float]) -> Solution:
    """Solution of the solved grid.

    Parameters
    ----------
    instance, table
        The instance and its ways.
    value
        Function from a variable's name, e.g. ``way[0,1,2,3]``, to its value.
    """
    chosen = np.zeros(instance.gain.shape, dtype=np.int64)
    for n, t, k in np.ndindex(instance.gain.shape):
        open_ways = np.flatnonzero(table.open[n, t, k])
        chosen[n, t, k] = open_ways[np.argmax([value(f"way[{n},{t},{k},{w}]") for w in open_ways])]

    def taken(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, chosen[..., None], axis=3)[..., 0]

    return Solution(
        offload=table.offload[chosen],
        frames=table.frames[chosen],
        resolution=taken(table.resolution),
        frequency=taken(table.frequency),
        power=taken(table.power),
    )
