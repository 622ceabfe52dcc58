"""Urgency: what is left of the limit for each slot to come, told to users and charged to them."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import Task
from mecbench.problems.p.layout import Layout
from mecbench.rl.p.local_options import FEATURES, URGENT, LocalOptions
from mecbench.rl.p.urgency import MOST, urgency


def observed(over, late):
    """An observation's shared block, one row for each pair."""
    return {"shared": np.stack(np.broadcast_arrays(0.0, over, late), axis=1).astype(float)}


def test_it_is_the_inverse_of_what_is_left_of_the_limit():
    """After half the slots at 1.5 limits, 0.5 limits are left for each of the others: twice as urgent, four times at exponent 2."""
    limit = np.full(4, 3.0)
    seen = observed(np.array([0.0, 0.5, 0.5, 0.75]), np.array([0.0, 4.5, 3.0, 2.0]))
    left = np.array([1.0, 0.5, 1.0, 2.0])
    for exponent in (0.0, 1.0, 2.0):
        assert urgency(seen, limit, exponent) == pytest.approx(left**-exponent)


def test_it_is_bounded():
    """A limit that is past saving, or an episode that is over, asks for a great deal but not for everything."""
    seen = observed(np.array([0.25, 1.0, 0.9]), np.array([40.0, 9.0, 0.0]))
    assert urgency(seen, np.full(3, 3.0), 2.0) == pytest.approx([MOST, MOST, 1.0 / MOST])


def test_users_are_told(worlds, observe):
    """Two columns more: the logarithm of urgency, and the priced cost of an option over the least of its user's."""
    task, (_, observation, _) = observe(worlds, "extended")
    layout = Layout.of(task.static())
    observation["shared"][:, -2:] = [[0.5, 4.5], [0.5, 3.0], [0.5, 1.5], [0.0, 0.0]]
    plain, told = LocalOptions(task.static(), layout), LocalOptions(task.static(), layout, 1.0)
    mask = told.admissible(observation)
    features, _ = told.describe(observation, mask)
    assert np.array_equal(features[:, :FEATURES], plain.describe(observation, mask)[0])
    assert features.shape[1] == FEATURES + URGENT
    world, user, _ = np.nonzero(mask)
    assert np.exp(features[:, FEATURES]) == pytest.approx(np.array([2.0, 1.0, 2 / 3, 1.0])[world])
    cost, delay = np.expm1(features[:, 6:8].T.astype(float))
    priced = np.log1p(cost + 3.0 * np.exp(features[:, FEATURES]) * delay)
    for one in np.unique(np.stack((world, user)), axis=1).T:
        own = (world == one[0]) & (user == one[1])
        assert features[own, FEATURES + 1] == pytest.approx(priced[own] - priced[own].min(), abs=1e-4)


def test_the_task_tells_what_urgency_needs(worlds):
    """The last two numbers of the shared block are the part of the slots that is over and the average delay so far, of the slot before."""
    task = Task()
    observation = task.reset(worlds[:1])
    layout = Layout.of(task.static())
    delays = []
    for slot in range(worlds[0].slots):
        while True:
            assert observation["shared"][0, -2] == pytest.approx(slot / worlds[0].slots)
            assert observation["shared"][0, -1] == pytest.approx(np.mean(delays) if delays else 0.0)
            phase = observation["phase"][0]
            equal = np.full((1, layout.users), 1 / layout.users)
            nowhere = np.zeros((1, layout.users), dtype=int)
            some = layout.deploy(np.ones((1, layout.servers, layout.services)))
            step = task.step([some, layout.associate(nowhere, nowhere), layout.allocate(equal, equal)][phase])
            observation = step.observation
            if phase == 2:
                break
        delays.append(step.cost[0, layout.askers].sum() / worlds[0].users)
