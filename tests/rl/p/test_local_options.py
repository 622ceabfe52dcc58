"""A user's prices of its options are the model's, and come from nobody else."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import Task, physics
from mecbench.problems.p.layout import Layout
from mecbench.problems.p.options import options
from mecbench.rl.p.local_options import FEATURES, SUMMARY, LocalOptions


@pytest.fixture(scope="module")
def described(worlds, observe):
    """(layout, observation, mask, features, summary) of the first slot."""
    task, (_, observation, _) = observe(worlds, "extended")
    layout = Layout.of(task.static())
    priced = LocalOptions(task.static(), layout)
    mask = priced.admissible(observation)
    return layout, observation, mask, *priced.describe(observation, mask)


def test_prices_are_those_of_the_model(described, worlds):
    """Privacy, energy, delays of every admitted option, at the expected number of users, equal the solvers' options."""
    layout, observation, mask, features, _ = described
    held = layout.deployment(observation)
    for place, (world, user, option) in enumerate(np.argwhere(mask)):
        instance, server, cut = worlds[world], option // layout.cuts, option % layout.cuts
        asked = options(instance, instance.service[:1], instance.batch[:1])
        share = (held[world] / np.maximum(held[world].sum(axis=0), 1)).sum(axis=1) / layout.services
        crowd = 1.0 + (instance.users - 1) * share[server]
        band = instance.bandwidth[server] / crowd
        up = physics.quotient(asked.upload[0, user, cut] / asked.uplink[0, server, user], band)
        down = asked.download[0, user, cut] / asked.downlink[0, server, user] / band
        work = asked.work[0, user, cut] * crowd / instance.server_flops[server]
        sending = instance.energy_weight * instance.user_watts[user] * up
        delay = asked.delay[0, user, cut] + up + down + work
        assert np.expm1(features[place, :2]).sum() == pytest.approx(asked.cost[0, user, cut], rel=1e-4, abs=1e-5)
        assert np.expm1(features[place, 2:8]) == pytest.approx(
            [sending, asked.delay[0, user, cut], up + down, work, asked.cost[0, user, cut] + sending, delay], rel=1e-4, abs=1e-5
        )


def test_the_summary_tells_the_cheapest_option(described):
    """At price 0 it is the least cost, at any price no more than that of any option; rows of padding stay 0."""
    layout, observation, mask, features, summary = described
    world, user, _ = np.nonzero(mask)
    least = np.full(mask.shape[:2], np.inf)
    np.minimum.at(least, (world, user), features[:, 6])
    present = layout.present(observation)
    assert summary[present][:, 0] == pytest.approx(least[present], rel=1e-6)
    assert not summary[~present].any()
    assert features.shape == (mask.sum(), FEATURES)
    assert summary.shape == (*mask.shape[:2], SUMMARY)
    assert np.isfinite(features).all()


def test_only_servers_with_the_service_are_admitted(described):
    """Where some server holds it, no option of another one is admitted, and no cut beyond the last."""
    layout, observation, mask, _, _ = described
    service, _ = layout.requests(observation)
    held = layout.deployment(observation)
    for world, user in np.argwhere(layout.present(observation)):
        servers = np.flatnonzero(mask[world, user].reshape(layout.servers, layout.cuts).any(axis=1))
        holders = np.flatnonzero(held[world, :, service[world, user]])
        assert servers.tolist() == (holders.tolist() or list(range(layout.servers)))


def test_nobody_else_is_looked_at(worlds, observe):
    """A user's features stay as they are when another one asks for something else, with another device at another place."""
    task, (_, observation, _) = observe(worlds, "extended")
    layout = Layout.of(task.static())
    priced = LocalOptions(task.static(), layout)
    mask = priced.admissible(observation)
    changed = {name: array.copy() for name, array in observation.items()}
    changed["agents"][:, 2 * layout.servers + 1, 1:] *= 1.7
    before, after = (priced.describe(seen, mask) for seen in (observation, changed))
    own = np.nonzero(mask)[1] != 1
    assert np.array_equal(before[0][own], after[0][own])
    assert np.array_equal(np.delete(before[1], 1, axis=1), np.delete(after[1], 1, axis=1))
    assert not np.array_equal(before[0][~own], after[0][~own])


def test_a_world_is_described_as_it_is_alone(worlds, described):
    """Padding to the users of a wider world in the batch changes no feature."""
    layout, observation, mask, features, summary = described
    world = np.nonzero(mask)[0]
    for number, instance in enumerate(worlds):
        task = Task()
        task.reset([instance])
        rows = 2 * layout.servers + instance.users
        own = {name: observation[name][number : number + 1, :rows] for name in ("agents", "mask")}
        own["shared"] = observation["shared"][number : number + 1]
        priced = LocalOptions(task.static(), Layout.of(task.static()))
        alone = priced.describe(own, priced.admissible(own))
        assert np.array_equal(alone[0], features[world == number])
        assert np.array_equal(alone[1][0], summary[number, : instance.users])
