"""What the networks see: the slot's graph, what the answers since have left, nothing of what is to come, and the outlook by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mecbench.problems.p1 import Task
from mecbench.problems.p1.layout import Layout
from mecbench.rl.p1.encoding import GRAPH, Encoder
from mecbench.rl.p1.outlook import WAITING, Outlook


def test_a_slot_s_graph_stays_and_edges_tell_what_is_left(worlds, layout, shape, start, answers):
    """Answers of one slot are valued on one graph, that of s(t); shares that were taken since are missing from the edges alone."""
    network, _, episodes, _ = start(worlds, layout, shape, steps=0)
    random, changes = np.random.default_rng(5), 0
    for _ in range(12):
        before = {name: array.copy() for name, array in episodes.seen.items()}
        episodes.step(answers(network.offers(np, before).reshape(len(worlds), -1), random))
        after = episodes.seen
        same = np.flatnonzero(~after["fresh"])
        width = before["tasks"].shape[1]
        for name in GRAPH:
            held = after[name][same, :width] if name in ("tasks", "places") else after[name][same]
            assert np.array_equal(held, before[name][same])
        left = [np.zeros((len(worlds), layout.nodes)) for _ in range(2)]
        for table, seen in zip(left, (before, after), strict=True):
            np.put_along_axis(table, seen["offered"], seen["edges"][..., 4], axis=1)
        changes += (left[0][same] != left[1][same]).any()
    assert changes > 0


def test_nothing_of_what_is_to_come_is_seen(worlds, layout, shape):
    """Two instances that differ only in later arrivals and loads look the same in their first slot."""
    (world,) = worlds[:1]
    later = world.availability.copy()
    later[1:, 1:] = 10 + (later[1:, 1:] + 37) % 91
    first = world.release == 0
    source = world.source.copy()
    source[~first] = np.sort(1 + source[~first] % (layout.nodes - 1))
    fields = {name: getattr(world, name) for name in type(world).model_fields} | {"availability": later, "source": source}
    seen = []
    for instance in (world, type(world)(**fields)):
        task = Task()
        observation = task.reset([instance])
        seen.append(Encoder(task.static(), Layout.of(task.static()), shape.shows, True).see(observation))
    assert not np.array_equal(world.availability, later)
    for name in seen[0]:
        assert np.array_equal(seen[0][name], seen[1][name]), name


def by_hand(world, observation):
    """The outlook of one episode in plain Python: worth of a share of the server, and the cost of all tasks by node and layers done."""
    done = np.concatenate(([0], np.cumsum(world.layer_cycles)))
    rest = [(done[-1] - each) / 1e9 for each in done]
    bits = [world.input_bits, *world.layer_bits.tolist()]
    slot, rows = int(observation["shared"][0, 0]), observation["agents"][0]
    active = [row for row in rows if row[0] > 0]
    own = rows[observation["asked"][0]]
    expected = world.arrival_rate * world.devices * max(world.arrival_slots - 1 - slot, 0)
    crowd = len(active) + expected
    share = min(max(100 * (observation["nodes"][0, 0, 3] + world.slots - 1 - slot) / crowd, 1), 100)
    second = world.delay_weight * 1e9 / (world.frequency[0] / 100)  # of a gigacycle on the server at one per cent
    worth = second * rest[0] / share**2
    weight = world.energy_weight * world.transmission_power + world.delay_weight

    def hop(n, slots, held):
        if n == 0:
            return 0.0
        direct = 1 / world.rate[n, 0] if world.link[n, 0] else math.inf
        relayed = min(
            1 / world.rate[n, m] + (0.0 if m == 0 else 1 / world.rate[m, 0])
            for m in range(world.nodes)
            if world.link[n, m] and (m == 0 or world.link[m, 0])
        )
        return weight * held * (min(direct, relayed) if slots > 1 else direct)

    def staying(n, left, seconds):
        if n == 0:
            return math.inf
        speed = world.frequency[n] / 100 / 1e9
        least = left / speed / seconds
        if least > 55:
            return math.inf
        best = (world.delay_weight / speed / 2 / (world.energy_weight * world.energy_coefficient[n] * 1e9 * (speed * 1e9) ** 2)) ** (1 / 3)
        x = min(max(best, least, 1), 55)
        return left * (world.energy_weight * world.energy_coefficient[n] * 1e9 * (speed * 1e9 * x) ** 2 + world.delay_weight / speed / x)

    def among_others(n, j):
        return min(math.sqrt(second * worth * rest[j]) * (crowd - 1) / crowd + hop(n, 2, bits[j]), world.penalty)

    others = sum(among_others(int(row[3]), int(row[4])) for row in active) - among_others(int(own[3]), int(own[4]))
    others += expected * sum(among_others(n, 0) for n in range(1, world.nodes)) / world.devices
    slots = own[5] - 1
    future = np.zeros((world.nodes, 9))
    for n in range(world.nodes):
        for j in range(8):
            going = WAITING * (2 * math.sqrt(second * worth * rest[j]) + hop(n, slots, bits[j]))
            future[n, j] = world.penalty if slots < 1 else min(going, staying(n, rest[j], own[6]), world.penalty)
    return worth, future + others


def test_the_outlook_is_as_said(worlds, layout, shape, start):
    """Against a twin in plain Python, in the middle of an episode and at its last slots; and only the server's share has a price."""
    for steps in (0, 9, 25):
        *_, episodes, _ = start(worlds[:1], layout, shape, steps=steps)
        observation, static = episodes._task._observation(), episodes._task.static()
        encoder = Encoder(static, layout, "extended", True)
        assert isinstance(encoder._outlook, Outlook)
        toll, future = encoder._outlook.look(observation, layout.asked(observation))
        worth, expected = by_hand(worlds[0], observation)
        assert toll[0, 0] == pytest.approx(worth)
        assert (toll[0, 1:] == 0).all()
        assert future[0] == pytest.approx(expected)
