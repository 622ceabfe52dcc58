"""The compiled description of an answer against a twin in plain Python, from the instance and the task's observation alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mecbench.problems.p1.layout import NODE_FEATURES, TASK_FEATURES


def open_first(mask):
    """Nodes at which anything is admissible in their order, then the others."""
    closed = [bool((row[:-1] == 0).all()) for row in mask]
    return sorted(range(len(mask)), key=lambda m: (closed[m], m))


def told(names, row):
    """Entries by name."""
    return dict(zip(names, row.tolist(), strict=True))


def described(world, observation):
    """Edges, prices and work of an answer, as they are defined, of every node."""
    own = told(TASK_FEATURES, observation["agents"][0, observation["asked"][0]])
    node, done, free_hops = int(own["node"]), int(own["layers_done"]), observation["shared"][0, 1]
    bits = [world.input_bits, *world.layer_bits.tolist()][done]
    work = [max(float(world.layer_cycles[done : j + 1].sum()), 0.0) / 1e9 for j in range(world.layers)]
    edges, prices = np.zeros((world.nodes, 13)), np.zeros((world.nodes, 3))
    for m in range(world.nodes):
        linked, onward = m == node or world.link[node, m], m == 0 or world.link[m, 0]
        hop = 0.0 if m == node else bits / world.rate[node, m] if linked else math.inf
        weight = world.energy_weight * world.transmission_power + world.delay_weight
        speed = world.frequency[m] / 100
        energy, time = world.energy_weight * world.energy_coefficient[m] * 1e9 * speed**2, world.delay_weight * 1e9 / speed
        prices[m] = weight * hop if linked else 0.0, energy, time
        least, most = observation["mask"][0, m, -2:].tolist()
        cost = world.penalty
        if least:
            best = (time / energy / 2) ** (1 / 3) if energy else math.inf
            x = min(max(best, least), most)
            cost = min(prices[m, 0] + work[-1] * (energy * x**2 + time / x), world.penalty)
        edges[m] = (
            m == node,
            linked,
            world.rate[node, m] / 4e7 if linked and m != node else 0.0,
            10 * hop if linked else 10.0,
            told(NODE_FEATURES, observation["nodes"][0, m])["free"],
            free_hops,
            observation["mask"][0, m, 0] > 0,
            least > 0,
            least / 100,
            math.log1p(10 * cost) / 4,
            onward,
            (0.0 if m == 0 else 10 * bits / world.rate[m, 0]) if onward else 10.0,
            m == 0,
        )
    return edges, prices, work


def situation(world, observation):
    """Context of an answer, as it is defined."""
    tasks = [told(TASK_FEATURES, row) for row in observation["agents"][0] if row[0]]
    own = told(TASK_FEATURES, observation["agents"][0, observation["asked"][0]])
    slot, free_hops = observation["shared"][0, :2]
    due = [task for task in tasks if task["due"]]
    waiting, late = len(tasks) - len(due), sum(task["slots_left"] == 1 for task in due)
    expected = world.arrival_rate * world.devices * max(world.arrival_slots - 1 - slot, 0)
    free, later = observation["nodes"][0, 0, 3], world.slots - 1 - slot
    everybody = len(due) + waiting + expected
    context = [
        own["slots_left"] / world.window,
        own["slots_left"] == 1,
        own["layers_done"] / world.layers,
        world.layer_cycles[int(own["layers_done"]) :].sum() / 1e9,
        own["seconds_left"] / world.deadline,
        later / world.slots,
        *(math.log1p(each) for each in (len(due), waiting, late, expected)),
        *(min(each, 1.0) for each in ((free + later) / everybody, free / len(due), free_hops / len(due), (free_hops + later) / everybody)),
    ]
    return np.array(context, dtype=float)


def test_it_is_the_definition(worlds, layout, shape, start, answers):
    """Throughout an episode; nodes that are offered first are those where something is admissible, and bring their mask along."""
    network, _, episodes, _ = start(worlds[:1], layout, shape, steps=0)
    random, over, count = np.random.default_rng(2), False, 0
    while not over:
        seen, observation = episodes.seen, episodes._task._observation()
        edges, prices, work = described(worlds[0], observation)
        order = open_first(observation["mask"][0])[: seen["offered"].shape[1]]
        assert seen["offered"][0].tolist() == order
        assert np.array_equal(seen["mask"][0], observation["mask"][0, order])
        assert seen["edges"][0] == pytest.approx(edges[order, : seen["edges"].shape[2]], rel=1e-5, abs=1e-6)
        assert seen["prices"][0, :, :3] == pytest.approx(prices[order], rel=1e-5, abs=1e-6)
        assert seen["work"][0] == pytest.approx(work, rel=1e-5, abs=1e-6)
        assert seen["context"][0] == pytest.approx(situation(worlds[0], observation)[: seen["context"].shape[1]], rel=1e-5, abs=1e-6)
        over, count = episodes.step(answers(network.offers(np, seen).reshape(1, -1), random)).over, count + 1
    assert count > 5
