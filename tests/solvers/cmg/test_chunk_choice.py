"""Choices of a chunk against a grid of all that it could do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import Task, physics
from mecbench.solvers.cmg.chunk_choice import choose, least_price
from mecbench.solvers.cmg.heuristics import GreedyStationary


def terms_of(instance, seed: int):
    """What a greedy rule chooses on in a slot of which only the frame rates before are made up."""
    task = Task(see_eve=True)
    observation = task.reset([instance])
    rule = GreedyStationary()
    rule.reset(task.static(), 1, 0)
    before = np.random.default_rng(seed).integers(5, 31, (1, instance.devices, instance.chunks))
    return rule._terms(rule._layout.see(observation, task.static())._replace(last_frames=before.astype(float)))


@pytest.mark.parametrize("offload", [False, True])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), allowance=st.floats(-3.0, 0.0))
def test_no_grid_point_is_worth_more(draw, offload, seed, allowance):
    """Whatever a chunk may spend, none of 26 x 60 x 60 ways within that is worth more, and the choice keeps to it."""
    instance = draw(seed, devices=1)
    terms, allowed = terms_of(instance, seed), np.full((1, 1, 1, 1), 10.0**allowance)
    best = choose(terms, offload, allowed)

    def worth(frames, side, own):
        bits = physics.size(instance.bits_per_pixel, frames, side)
        if offload:
            rate = physics.uplink_rate(instance.bandwidth, own * instance.gain[0, 0, 0], instance.noise, np.zeros(()))
            latency = physics.offload_latency(instance.cycles_per_bit, instance.edge_frequency, rate, bits)
            energy = physics.offload_energy(own, rate, bits)
        else:
            latency = physics.local_latency(instance.cycles_per_bit, own, bits)
            energy = physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, own, bits)
        quality = 0.5 * physics.accuracy(0.988, 4.469, 200.0, side) + 0.5 * physics.smoothness(30.0, frames, terms.before[0, 0, 0, 0])
        return np.where(energy <= allowed[0, 0, 0, 0] * (1 + 1e-12), quality - physics.cost(0.5, latency, 0.5, energy), -np.inf)

    name = "power" if offload else "frequency"
    own = np.linspace(getattr(instance, f"least_{name}"), getattr(instance, f"most_{name}")[0], 60)
    grid = worth(np.arange(5.0, 31.0)[:, None, None], np.linspace(320.0, 1080.0, 60)[:, None], own)
    assert best.value[0, 0, 0] >= grid.max() - 1e-12
    claimed = worth(best.frames[0, 0, 0], best.resolution[0, 0, 0], getattr(best, name)[0, 0, 0])
    assert claimed == pytest.approx(best.value[0, 0, 0], rel=1e-12)


def test_too_little_energy_makes_the_cheapest_choice(draw):
    """Where nothing is affordable it is the fallback, which the battery's guard would make of it anyway."""
    instance = draw(0)
    best = choose(terms_of(instance, 0), False, np.full((1, 1, 1, 1), 0.5 * instance.fallback_energy))
    assert (best.value == -np.inf).all()
    assert (best.frames == instance.least_frames).all()
    np.testing.assert_allclose(best.energy, instance.fallback_energy, rtol=1e-9)


def test_the_least_price_is_the_least():
    """Of an energy of known inverse, with a floor at which no price helps: 0 where nothing binds, exact where something does."""
    allowance = np.array([40.0, 20.0, 0.03, 0.001])
    price = least_price(lambda price: np.maximum(8.0 / (0.5 + price) ** 2, 0.02), np.array(0.5), allowance)
    np.testing.assert_allclose(price[1:3], np.sqrt(8.0 / allowance[1:3]) - 0.5, rtol=1e-10)
    assert price[0] == 0.0
    assert price[3] >= 1e6
