"""Random instances of P1 and random feasible solutions for property tests, and the instances whose values are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mecbench.problems.p1.instance import Instance
from mecbench.problems.p1.plans import account, assign_subcarriers
from mecbench.problems.p1.rows import Row
from mecbench.problems.p1.solution import Solution

DATA = Path(__file__).parent / "data"


def draw_instance(seed: int, devices=(1, 4), tasks=(1, 6), layers=(1, 8), window=(1, 3), most_share: int = 100, **changes) -> Instance:
    """A small world in which links are rare, deadlines bind and energy is charged to some nodes only."""
    random = np.random.default_rng(seed)
    count, number, depth, slots = (int(random.integers(low, high + 1)) for low, high in (devices, tasks, layers, window))
    horizon = slots + int(random.integers(0, 3))
    release, source = np.sort([divmod(int(key), count) for key in random.integers(0, (horizon - slots + 1) * count, number)], axis=0).T
    order = np.lexsort((source, release))
    share = int(random.integers(1, most_share + 1))
    data = {
        "window": slots,
        "deadline": float(random.uniform(0.2, 3.0)),
        "slot_fit": bool(random.random() < 0.3),
        "energy_weight": float(random.choice([0.01, 0.8])),
        "delay_weight": 0.2,
        "penalty": float(random.choice([0.5, 5.0])),
        "subcarriers": int(random.integers(1, 4)),
        "bandwidth": float(random.uniform(1e5, 4e6)),
        "transmission_power": 1.0,
        "noise": -113.0,
        "path_loss_exponent": 4.0,
        "least_distance": 5.0,
        "device_range": 80.0,
        "server_range": 100.0,
        "arrival_rate": 0.6,
        "least_availability": 0,
        "input_bits": 786432,
        "layer_bits": random.integers(0, 10**6, depth),
        "layer_cycles": random.integers(1, 2 * 10**8, depth),
        "position": np.concatenate(([[100.0, 100.0]], random.uniform(0, 200, (count, 2)))),
        "frequency": np.concatenate(([1e10], random.uniform(1e8, 1e9, count))) * (100.0 / share),
        "energy_coefficient": random.choice([0.0, 1e-26, 1e-27], count + 1),
        "availability": random.integers(0, share + 1, (count + 1, horizon)),
        "source": source[order] + 1,
        "release": release[order],
    }
    return Instance.model_validate(data | changes)


def draw_solution(instance: Instance, seed: int) -> Solution:
    """A feasible solution: tasks in random order get random plans from what is left, or fail, some after having begun."""
    random = np.random.default_rng(seed)
    left, hops = instance.availability.copy(), np.full(instance.slots, instance.subcarriers)
    shape = (instance.tasks, instance.window)
    fail = np.ones(instance.tasks, dtype=bool)
    node, layers, share = np.repeat(instance.source[:, None], instance.window, axis=1), np.zeros(shape, int), np.zeros(shape, int)
    for q in random.permutation(instance.tasks):
        for _ in range(20):
            plan = _draw_plan(instance, random, int(instance.source[q]), int(instance.release[q]), left, hops)
            one = account(instance, instance.source[q : q + 1], *(part[None] for part in plan))
            completes = plan[1][-1] == instance.layers
            fits = (one.slot_seconds <= instance.slot_seconds).all()
            if fits and ((completes and one.seconds[0] <= instance.deadline) or (not completes and random.random() < 0.02)):
                fail[q], node[q], layers[q], share[q] = not completes, *plan
                slots = instance.release[q] + np.arange(instance.window)
                left[plan[0], slots] -= plan[2]
                hops[slots] -= one.hop[0]
                break
    return Solution(fail=fail, node=node, layers_done=layers, share=share, subcarrier=assign_subcarriers(instance, node))


def _draw_plan(instance, random, source, release, left, hops) -> np.ndarray:
    plan, n, done = [], source, 0
    for k in range(instance.window):
        t, x = release + k, 0
        if done < instance.layers:
            targets = np.flatnonzero(instance.link[n])
            if targets.size and hops[t] > 0 and random.random() < 0.5:
                n = int(random.choice(targets))
            if left[n, t] > 0 and random.random() < 0.8:
                end = instance.layers if random.random() < 0.6 else int(random.integers(done + 1, instance.layers + 1))
                done, x = end, int(random.integers(1, left[n, t] + 1))
        plan.append((n, done, x))
    return np.array(plan).T


@pytest.fixture(scope="session")
def draw():
    """The function that draws a random instance."""
    return draw_instance


@pytest.fixture(scope="session")
def feasible():
    """The function that draws a feasible solution."""
    return draw_solution


def draw_row(instance: Instance, random: np.random.Generator) -> Row:
    """A row of any kind; what it names exists."""
    kind = str(random.choice(["blocks", "hops", "failures"]))
    group = int(random.integers(instance.groups.size.size)) if random.random() < 0.5 else None
    slot = int(random.integers(instance.slots)) if kind != "failures" and random.random() < 0.7 else None
    node = int(random.integers(instance.nodes)) if kind == "blocks" and random.random() < 0.7 else None
    layer = int(random.integers(1, instance.layers + 1)) if kind == "blocks" and random.random() < 0.5 else None
    return Row(counts=kind, group=group, slot=slot, node=node, layer=layer)


@pytest.fixture(scope="session")
def some_row():
    """The function that draws a row of branching."""
    return draw_row


@pytest.fixture(scope="session")
def known():
    """The function that reads an instance whose values are known."""
    return lambda name: Instance.model_validate(json.loads((DATA / f"{name}.json").read_text()))
