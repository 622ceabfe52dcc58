"""Prices and knapsacks of the Lagrangian bound equal what they stand for, worked out the slow way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p import SIZES, Parameters, generate
from mecbench.problems.p.options import of_trace
from mecbench.problems.p.pricing import capped_tangent, knapsack, packing, prices

LOAD = st.floats(0.0, 10.0)


@settings(deadline=None)  # the first example compiles
@given(LOAD, st.lists(LOAD, max_size=6))
def test_capped_tangents_stay_below_the_square(reference, loads):
    """Sum h(S0, s) - S0^2 <= (sum s)^2 at any reference load: the inequality that the whole bound rests on."""
    below = sum(capped_tangent(reference, load**2) for load in loads) - reference**2
    assert below <= sum(loads) ** 2 + 1e-9 * (1.0 + sum(loads) ** 2 + reference**2)


@settings(deadline=None)
@given(LOAD, LOAD)
def test_a_capped_tangent_is_the_best_share(reference, load):
    """It is min s^2 / b + S0^2 b over shares b in (0, 1], from which its proof starts."""
    shares = np.concatenate((np.linspace(1e-3, 1.0, 1000), [min(1.0, load / reference)] if load > 0 and reference > 1e-6 else [1.0]))
    shares = shares[shares > 0]
    least = (load**2 / shares + reference**2 * shares).min()
    value = capped_tangent(reference, load**2)
    assert value <= least + 1e-9 * (1.0 + least)
    if load > 1e-3 * reference:
        assert value == pytest.approx(least, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("multiplier", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("fading", ["none", "rayleigh"])
def test_prices_equal_a_scalar_twin(multiplier, fading):
    """The compiled price of each request at each server is the least over all cuts of the option's relaxed cost."""
    instance = generate(Parameters.model_validate(SIZES["tiny"].model_dump() | {"fading": fading}), 4)
    random = np.random.default_rng(5)
    band, compute = random.uniform(0.0, 4.0, (2, instance.slots, instance.servers))
    band[0, 0] = 0.0
    price, best = prices(instance, of_trace(instance), multiplier, band, compute)
    for t, k, j in itertools.product(range(instance.slots), range(instance.users), range(instance.servers)):
        i, batch = instance.service[t, k], int(instance.batch[t, k])
        model = instance.service_model[i]
        gains = t if instance.gain.shape[0] > 1 else 0
        values = []
        for z in range(instance.cuts[i] + 1):
            device, edge = batch * instance.device_flop[model, z], batch * instance.edge_flop[model, z]
            sent = 8 * batch * instance.sent_bytes[model, z] / instance.uplink_efficiency[gains, j, k]
            received = 8 * instance.device_bytes[model, z] / instance.downlink_efficiency[gains, j, k]
            leak = instance.privacy_price[k, model] * batch * instance.leakage_at_cut[model, z]
            value = instance.privacy_weight * leak + instance.energy_weight * instance.energy_per_flop[k] * device
            value += multiplier * device / instance.user_flops[k]
            weight = instance.energy_weight * instance.user_watts[k] * sent + multiplier * (sent + received)
            for square, reference in (
                (weight / instance.bandwidth[j], band[t, j]),
                (multiplier * edge / instance.server_flops[j], compute[t, j]),
            ):
                root = math.sqrt(square)
                value += 2 * reference * root if root <= reference else square + reference**2
            values.append(value)
        assert price[t, k, j] == pytest.approx(min(values), rel=1e-12)
        assert values[best[t, k, j]] == pytest.approx(min(values), rel=1e-12)


@st.composite
def knapsacks(draw):
    """Values, sizes of few kinds and a capacity."""
    pool = draw(st.lists(st.integers(0, 40), min_size=1, max_size=5))
    sizes = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=9))
    values = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 3.0, 7.0]), min_size=len(sizes), max_size=len(sizes)))
    return np.array(values), np.array(sizes), draw(st.integers(0, sum(sizes) + 1))


@given(knapsacks())
@settings(max_examples=300, deadline=None)
def test_knapsacks_equal_enumeration(case):
    """The packing found fits and is worth as much as the best of all subsets; certificates count on no more and no less."""
    value, size, capacity = case
    taken = np.full(value.size, np.nan)
    total = knapsack(value, packing(size), capacity, taken)
    subsets = np.array(list(itertools.product((0, 1), repeat=value.size)))
    assert total == pytest.approx((subsets @ value)[subsets @ size <= capacity].max())
    assert set(np.unique(taken)) <= {0.0, 1.0}
    assert taken @ size <= capacity
    assert taken @ value == pytest.approx(total)


def test_knapsacks_of_many_sizes_are_bounded():
    """Where no size occurs twice, enumeration gives way to Dantzig's bound, which is no less than any packing."""
    random = np.random.default_rng(1)
    size = 1000 + 7 * np.arange(45)
    value, taken = random.uniform(0.0, 1.0, 45) * size, np.zeros(45)
    assert packing(size).number.size == 0
    total = knapsack(value, packing(size), 20_000, taken)
    assert total == pytest.approx(taken @ value)
    assert taken @ size == pytest.approx(20_000)
    for _ in range(200):
        order = random.permutation(45)
        fits = order[np.cumsum(size[order]) <= 20_000]
        assert value[fits].sum() <= total


def test_knapsacks_of_the_library_are_enumerated():
    """Forty-five services of nine models are few combinations: exact at every size that ships."""
    for size in SIZES.values():
        assert packing(generate(size, 0).service_bytes).number.size > 0
