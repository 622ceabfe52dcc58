"""The causal reference: its delay limit, its forecast and the specification's rules by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mecbench.problems.p import SIZES, evaluate, generate
from mecbench.problems.p.pricing import prices
from mecbench.solvers import solve
from mecbench.solvers.p.causal_reference import GRID, Forecast, Subgradient, linear_deployment
from mecbench.solvers.p.episode import Episode, demand


def test_the_delay_limit_holds_to_the_last_slot():
    """On validation instances of twenty slots the mean delay ends just under its limit, and hardly anything fails."""
    for seed in (10_000, 10_001):
        instance = generate(SIZES["medium"], seed)
        verdict = evaluate(instance, solve(instance, "p/causal-reference").solution)
        assert verdict.feasible
        assert verdict.metrics["success_rate"] >= 0.98
        assert verdict.metrics["mean_delay_s"] >= 0.95 * instance.delay_limit


def slots_of_delay(mean: float, deviation: float):
    """Past requests whose two slots take mean +- deviation at the multiplier 1, and the inverse of its root elsewhere [s]."""

    def settle(held, multiplier):
        delay = np.array([mean - deviation, mean + deviation]) / np.sqrt(multiplier)
        return SimpleNamespace(delay=delay, load=np.zeros((2, 2, 1)))

    return SimpleNamespace(settle=settle)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_the_forecast_uses_up_what_is_left(margin):
    """18 s are left to a slot of 12 s at the multiplier 1, less by its root at others, and one that may take 2 s more or less."""
    forecast = Forecast(margin)
    past = slots_of_delay(12.0, 2.0)
    asked = SimpleNamespace(settle=lambda held, multiplier: SimpleNamespace(delay=np.array([12.0 / np.sqrt(multiplier)])))
    episode = SimpleNamespace(slot=1, after=1, left=18.0, held=None, past=lambda: past, asked=asked)
    forecast.deployed(episode)
    assert forecast.delay(float(GRID[3]), 1) == pytest.approx((12.0 + margin * 2.0) / np.sqrt(GRID[3]), rel=1e-9)
    both = forecast.of_slot(episode)
    assert both == pytest.approx(((24.0 + margin * 2.0) / 18.0) ** 2, rel=0.1)  # the grid is coarse
    assert 12.0 / np.sqrt(both) + forecast.delay(both, 1) == pytest.approx(18.0, rel=1e-3)


def test_the_subgradient_steps_as_the_specification_says():
    """lambda <- max(0.05, lambda + 0.3 / sqrt(t + 1) (tau(t) - 3) + 0.05 (mean tau so far - 3)), from 2, for two slots of 10 users."""
    world = SimpleNamespace(delay_limit=3.0, users=10)
    rule = Subgradient(2.0)
    rule.paid(SimpleNamespace(world=world, slots=5, slot=1, left=150.0 - 50.0), SimpleNamespace(delay=np.array([50.0])))  # tau = 5
    assert rule.of_slot(None) == pytest.approx(2.0 + 0.3 * 2.0 + 0.05 * 2.0, rel=1e-12)
    rule.paid(SimpleNamespace(world=world, slots=5, slot=2, left=150.0 - 60.0), SimpleNamespace(delay=np.array([10.0])))  # tau = 1
    assert rule.of_slot(None) == pytest.approx(2.7 + 0.3 / np.sqrt(2) * -2.0 + 0.0, rel=1e-12)
    rule.paid(SimpleNamespace(world=world, slots=5, slot=3, left=1000.0), SimpleNamespace(delay=np.array([-1e3])))
    assert rule.of_slot(None) == 0.05


def test_the_linear_deployment_is_that_of_the_facility_location():
    """No single service that storage admits, added or exchanged, betters the MILP's deployment by more than its gap."""
    world = generate(SIZES["small"], 10_001)
    episode = Episode(world, world.slots, (world.downlink_efficiency[0], world.uplink_efficiency[0]))
    episode.load = episode.past(batch=8).settle(episode.held, 2.0).load
    held = linear_deployment(episode, 2.0)
    size, options = world.service_bytes, episode.expected().options
    assert (size @ held <= world.storage).all()
    band, compute = (np.repeat(load[None], options.slots, axis=0) for load in episode.load.mean(axis=0))
    price, _ = prices(world, options, 2.0, band, compute)
    fail = options.failure + 2.0 * world.failure_delay

    def value(held):
        users = np.minimum(fail[world.service_model], np.where(held[:, None], price[world.service_model], np.inf).min(axis=2))
        return float((demand(episode.counts) * users.sum(axis=1)).sum())

    allowed = value(np.zeros_like(held)) * 1e-3
    for come, go, j in np.ndindex(world.services, world.services, world.servers):
        other = held.copy()
        other[go, j], other[come, j] = False, True
        if (size @ other <= world.storage).all():
            assert value(other) >= value(held) - allowed
