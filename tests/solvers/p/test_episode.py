"""What controllers know and estimate, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Task, generate
from mecbench.problems.p.worlds import known
from mecbench.solvers.p.episode import LARGEST, LEAST, Episode, demand, expected_deployment, least_multiplier


@pytest.fixture
def episode():
    """An episode of three servers, six users, two slots between deployments and four slots."""
    world = generate(SIZES["small"], 10_000)
    task = Task()
    task.reset([world])
    return Episode(known(task.static())[0], world.slots, (world.downlink_efficiency[0], world.uplink_efficiency[0]))


def test_demand_is_the_count_plus_one_over_the_total_plus_the_services():
    """A service that nobody has asked for yet is expected all the same, or its first request would fail."""
    assert demand(np.array([3, 0, 1])) == pytest.approx([4 / 7, 1 / 7, 2 / 7], rel=1e-15)


def test_the_least_multiplier_leaves_no_excess():
    """The answer is on the side where the limit holds, or the last slot would break C8; the ends answer for themselves."""
    found = least_multiplier(lambda value: 1.0 / value - 2.0)
    assert 0.5 <= found <= 0.5 * 1.001
    assert least_multiplier(lambda value: -1.0) == LEAST
    assert least_multiplier(lambda value: 1.0) == LARGEST


def test_an_episode_counts_what_it_has_seen_and_spends_what_it_has(episode):
    """The warm-up counts from the start; each slot adds its requests and takes its delay from what is left."""
    world = episode.world
    assert (episode.counts == np.bincount(world.warmup_service.ravel(), minlength=world.services)).all()
    before, counts = episode.left, episode.counts.copy()
    assert before == world.delay_limit * 4 * world.users
    service, batch = np.arange(world.users), np.full(world.users, 3)
    episode.ask(service, batch)
    settled = episode.asked.settle(episode.held, 1.0)
    server, cut, bandwidth, compute = episode.pay(settled)
    assert episode.left == before - settled.delay[0]
    assert episode.after == 2
    assert (episode.counts - counts == (np.arange(world.services) < world.users)).all()
    past = episode.past().options
    assert (past.service == [world.warmup_service[-1], service]).all()
    assert (past.batch == [world.warmup_batch[-1], batch]).all()
    for part in (bandwidth, compute):
        used = np.bincount(server, weights=part, minlength=world.servers)
        assert (np.isclose(used, 1.0, rtol=1e-12) | (used == 0.0)).all()
    assert (cut <= world.cuts[service]).all()


def test_links_that_change_are_expected_at_their_mean(episode):
    """Where gains fade a deployment knows none to come: the mean of those seen stands for them, at first the path loss."""
    world = episode.world
    fading = Episode(world, 4, None)
    apart = np.hypot(*(world.server_position[0] - world.user_position[0]))
    noise = world.noise_density + world.noise_figure + 10 * np.log10(world.bandwidth[0])
    snr = world.server_power[0] - 30 - 35 * np.log10(max(apart, 1.0)) - noise
    assert fading.expected().options.downlink[0, 0, 0] == pytest.approx(np.log2(1 + 10 ** (snr / 10)), rel=1e-9)
    shape = (world.servers, world.users)
    for seen, mean in ((2.0, 2.0), (4.0, 3.0)):
        fading.ask(world.service[0], world.batch[0], (np.full(shape, seen), np.full(shape, 2 * seen)))
        fading.pay(fading.asked.settle(fading.held, 1.0))
        assert (fading.asked.options.downlink == seen).all()
        assert (fading.asked.options.uplink == 2 * seen).all()
        assert fading.expected().options.downlink == pytest.approx(mean)
        assert fading.expected().options.uplink == pytest.approx(2 * mean)


def test_a_deployment_fits_and_covers_what_is_asked_for(episode):
    """Storage holds, and a service in demand is nowhere missing while there is room for it."""
    world = episode.world
    held = expected_deployment(episode, 1.0)
    assert (world.service_bytes @ held <= world.storage).all()
    assert held.any(axis=1)[episode.counts > 0].all()
