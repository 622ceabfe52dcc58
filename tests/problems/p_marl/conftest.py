"""Random instances of P-MARL, random solutions and all solutions, for property tests."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mecbench.problems.p_marl.evaluate import account
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.physics import mean_worst, worst_mean
from mecbench.problems.p_marl.solution import Solution


def draw_instance(seed: int, devices=(1, 4), edges=(1, 2), epochs=(1, 3), groups=(1, 3), multiprocessors=(1, 8), **changes) -> Instance:
    """A small world in which every choice of the spec occurs, limits bind and edges are far, near or full."""
    random = np.random.default_rng(seed)
    spans = (devices, edges, epochs, groups, multiprocessors)
    m, n, t, k, capacity = (int(random.integers(low, high + 1)) for low, high in spans)
    low, high = np.sort(random.uniform(1, 12, 2))
    data = {
        "objective": str(random.choice(["mean-worst", "worst-mean"])),
        "discount": float(random.choice([1.0, 0.7])),
        "epoch_seconds": float(random.choice([15.0, 900.0])),
        "frame_rate": 24.0,
        "latency_limit": random.choice([None, 1000 / 24, 1000 / 30]),
        "multiprocessors": capacity,
        "switch_cost": float(random.choice([0.0, 0.005, 0.2])),
        "divided_switch_cost": bool(random.random() < 0.2),
        "previous_edge": random.integers(-1, n + 1, m),
        "battery": random.uniform(0.5, 12.0, m),
        "drain": str(random.choice(["exogenous", "endogenous"])),
        "clock_floor": 0.65,
        "floor_charge": float(low),
        "full_charge": float(high + 0.1),
        "edge_position": random.uniform(0, 600, (n, 2)),
        "position": random.uniform(0, 600, (t, m, 2)),
        "shadowing": random.normal(0, 6, (t, m, n)),
        "bandwidth": 8e6,
        "radio_power": 23.0,
        "noise_density": -174.0,
        "noise_figure": 7.0,
        "path_loss_intercept": 128.1,
        "path_loss_slope": 37.6,
        "nearest": 10.0,
        "transmit_power": float(random.choice([0.0, 1.0])),
        "group_macs": random.integers(1, 10**8, k),
        "cut_bytes": random.integers(0, 2 * 10**5, k),
        "edge_work": 180.0 * capacity / 256,
        "full_latency": 28.9,
        "latency_exponent": -0.725,
        "full_energy": 71.4,
        "energy_exponent": 0.85,
        "energy_unit": 1000.0,
        "latency_unit": 28.9,
    }
    return Instance.model_validate(data | changes)


def draw_solution(instance: Instance, seed: int, wild: bool = False) -> Solution:
    """Random attachments with shares that fit each edge if they can; wild ones contradict themselves and overuse."""
    random = np.random.default_rng(seed)
    shape = (instance.epochs, instance.devices)
    edge = random.integers(0, instance.edges + 1, shape)
    cut = np.where(edge > 0, random.integers(0, instance.groups, shape), instance.groups)
    allocation = (edge > 0).astype(int)
    for t in range(instance.epochs):
        for n in range(1, instance.edges + 1):
            members = np.flatnonzero(edge[t] == n)
            for _ in range(max(0, instance.multiprocessors - members.size) if members.size else 0):
                allocation[t, random.choice(members)] += 1
    if wild:
        edge, cut = random.integers(0, instance.edges + 1, shape), random.integers(0, instance.groups + 1, shape)
        allocation = random.integers(-1, instance.multiprocessors + 1, shape)
    return Solution(edge=edge, cut=cut, allocation=allocation)


def best_cells(instance: Instance) -> dict[tuple[int, int], np.ndarray]:
    """Cost of every device with each edge and share of a one-epoch instance, at its best cut that is in time, shape [M]."""
    shape, cells = (1, instance.devices), {}
    for edge, share in [(0, 0), *product(range(1, instance.edges + 1), range(1, instance.multiprocessors + 1))]:
        cells[edge, share] = np.full(instance.devices, np.inf)
        for cut in range(instance.groups) if edge else [instance.groups]:
            values = {"edge": edge, "cut": cut, "allocation": share}
            paid = account(instance, Solution(**{name: np.full(shape, value) for name, value in values.items()}))
            in_time = paid.latency[0] <= instance.latest
            cells[edge, share] = np.minimum(cells[edge, share], np.where(in_time, paid.cost[0], np.inf))
    return cells


@pytest.fixture(scope="session")
def draw():
    """The function that draws a random instance."""
    return draw_instance


@pytest.fixture(scope="session")
def some():
    """The function that draws a random solution."""
    return draw_solution


@pytest.fixture(scope="session")
def brute_force():
    """The function that finds the optimum of a one-epoch instance by trying everything; infinite if nothing is feasible."""

    def search(instance: Instance) -> float:
        cells, best = best_cells(instance), np.inf
        for chosen in product(cells, repeat=instance.devices):
            used = [0] * (instance.edges + 1)
            for edge, share in chosen:
                used[edge] += share
            if max(used[1:]) <= instance.multiprocessors:
                best = min(best, max(cells[cell][m] for m, cell in enumerate(chosen)))
        return float(best)

    return search


@pytest.fixture(scope="session")
def brute_force_episode():
    """The function that finds the optimum of a whole episode by trying every solution; infinite if none is feasible."""

    def search(instance: Instance) -> float:
        decisions = [(0, instance.groups, 0)]
        decisions += product(range(1, instance.edges + 1), range(instance.groups), range(1, instance.multiprocessors + 1))
        shape, best = (instance.epochs, instance.devices), np.inf
        for chosen in product(decisions, repeat=instance.epochs * instance.devices):
            edge, cut, allocation = (column.reshape(shape) for column in np.array(chosen).T)
            used = [np.bincount(row, weights=held, minlength=2)[1:].max() for row, held in zip(edge, allocation, strict=True)]
            if max(used) <= instance.multiprocessors:
                paid = account(instance, Solution(edge=edge, cut=cut, allocation=allocation))
                value = mean_worst if instance.objective == "mean-worst" else worst_mean
                if (paid.latency <= instance.latest).all():
                    best = min(best, value(paid.cost, instance.weights))
        return float(best)

    return search
