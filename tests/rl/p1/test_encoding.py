"""What the networks see: the slot's graph, what the answers since have left, and nothing of what is to come."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p1 import Task
from mecbench.problems.p1.layout import Layout
from mecbench.rl.p1.encoding import GRAPH, Encoder


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
