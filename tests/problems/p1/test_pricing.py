"""Pricing against brute force: best shares, cheapest plans within the deadline, and all plans below a cost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p1.plans import account
from mecbench.problems.p1.pricing import MULTIPLIERS, plans_below, price
from mecbench.problems.p1.programme import best_share, least_share
from mecbench.problems.p1.rows import count, with_rows
from mecbench.problems.p1.tables import Prices, plain_prices, tables

SMALL = {"devices": (1, 3), "tasks": (1, 4), "layers": (1, 3), "window": (1, 2), "most_share": 7}


def every_plan(instance, source, release):
    """All plans of a task that complete and keep links, capacities, deadline and slot fit; int64, shape [C, 3, K]."""
    steps = list(product(range(instance.nodes), range(instance.layers + 1), range(instance.availability.max() + 1)))
    plans = np.array(list(product(steps, repeat=instance.window))).transpose(0, 2, 1)
    node, layers, share = plans[:, 0], plans[:, 1], plans[:, 2]
    before = np.concatenate((np.full((len(plans), 1), source), node[:, :-1]), axis=1)
    done = np.concatenate((np.zeros((len(plans), 1), int), layers[:, :-1]), axis=1)
    slots = release + np.arange(instance.window)
    kept = (layers >= done).all(axis=1) & (layers[:, -1] == instance.layers)
    kept &= ((layers > done) == (share > 0)).all(axis=1) & (share <= instance.availability[node, slots]).all(axis=1)
    kept &= ((node == before) | ((done < instance.layers) & instance.link[before, node])).all(axis=1)
    plans = plans[kept]
    taken = account(instance, np.full(len(plans), source), plans[:, 0], plans[:, 1], plans[:, 2])
    in_time = (taken.seconds <= instance.deadline + 1e-9) & (taken.slot_seconds <= instance.slot_seconds + 1e-9).all(axis=1)
    return plans[in_time]


def priced(instance, prices, group, plans):
    """Cost of plans of one group with prices and fees, from the definitions."""
    source, release = int(instance.groups.source[group]), int(instance.groups.release[group])
    taken = account(instance, np.full(len(plans), source), plans[:, 0], plans[:, 1], plans[:, 2])
    slots, row = release + np.arange(instance.window), prices.row[group]
    fees = np.where(taken.hop, prices.hop[row, slots], 0.0) + np.where(taken.block, prices.block[row, plans[:, 0], slots], 0.0)
    done = np.concatenate((np.zeros((len(plans), 1), int), plans[:, 1, :-1]), axis=1)
    fees += prices.layers[row, plans[:, 0], slots, plans[:, 1]] - prices.layers[row, plans[:, 0], slots, done]
    return taken.cost + (fees + prices.share[plans[:, 0], slots] * plans[:, 2]).sum(axis=1)


def random_prices(instance, seed, fees=True):
    """Prices of capacities of which half are 0, and fees of either sign for every group."""
    random = np.random.default_rng(seed)
    groups, shape = instance.groups.size.size, instance.availability.shape
    scale = 10.0 ** random.uniform(-4, 0)

    def some(*shape):
        return random.exponential(scale, shape) * (random.random(shape) < 0.5)

    sign = random.choice([-1.0, 1.0]) if fees else 0.0
    return Prices(
        share=some(*shape),
        hop=some(groups, shape[1]) + sign * some(groups, shape[1]),
        block=sign * some(groups, *shape),
        layers=sign * some(groups, *shape, instance.layers + 1),
        fail=sign * some(groups),
        row=np.arange(groups),
    )


@settings(max_examples=400, deadline=None)
@given(
    energy=st.one_of(st.just(0.0), st.floats(1e-12, 1e3)),
    delay=st.floats(1e-12, 1e3),
    cost=st.one_of(st.just(0.0), st.floats(1e-12, 1e3)),
    most=st.integers(1, 100),
)
def test_best_share_is_the_best_of_all(energy, delay, cost, most):
    """Newton, clip and rounding give the minimum over all integers; a share off by one would void every bound."""
    x = np.arange(1, most + 1)
    values = energy * x * x + delay / x + cost * x
    assert values[best_share(energy, delay, cost, most) - 1] <= values.min() * (1 + 1e-14)


@settings(max_examples=300, deadline=None)
@given(cycles=st.integers(1, 10**9), speed=st.floats(1e5, 1e9), seconds=st.floats(-1.0, 3.0))
def test_least_share_is_the_least_of_all(cycles, speed, seconds):
    """The first integer share whose time fits, or none."""
    fitting = [x for x in range(1, 101) if cycles / (speed * x) <= seconds]
    found = least_share(float(cycles), speed, seconds)
    assert found == fitting[0] if fitting else found > 100


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_price_equals_brute_force(draw, seed):
    """The cheapest plan of every group, deadline, slot fit and fees included, is that of full enumeration."""
    instance = draw(seed, **SMALL)
    known, prices = tables(instance), random_prices(instance, seed)
    found = price(known, prices)
    assert found.exact.all()
    for g in range(known.source.size):
        plans = every_plan(instance, known.source[g], known.release[g])
        fail = instance.penalty + prices.fail[g]
        costs = np.append(priced(instance, prices, g, plans), fail)
        assert found.value[g] == pytest.approx(costs.min(), rel=1e-9, abs=1e-12)
        if found.fail[g]:
            assert found.value[g] == pytest.approx(fail, rel=1e-12)
        else:
            assert (plans == found.plan[g]).all(axis=(1, 2)).any()
            assert priced(instance, prices, g, found.plan[g : g + 1])[0] == pytest.approx(found.value[g], rel=1e-9, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_price_equals_brute_force_over_three_slots(draw, seed):
    """Windows of three slots, as in the paper, with relays through nodes that compute nothing."""
    instance = draw(seed, devices=(2, 2), tasks=(1, 2), layers=(2, 2), window=(3, 3), most_share=3)
    known, prices = tables(instance), random_prices(instance, seed, fees=False)
    found = price(known, prices)
    for g in range(known.source.size):
        costs = priced(instance, prices, g, every_plan(instance, known.source[g], known.release[g]))
        assert found.value[g] == pytest.approx(min(instance.penalty, costs.min(initial=np.inf)), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.3, 3.0))
def test_plans_below_are_all_plans_below(draw, seed, share):
    """Enumeration lists each plan under the limit once, with its cost, and no other: a proof by enumeration may miss none."""
    instance = draw(seed, **SMALL)
    known, prices = tables(instance), random_prices(instance, seed)
    for g in range(known.source.size):
        plans = every_plan(instance, known.source[g], known.release[g])
        costs = priced(instance, prices, g, plans)
        limit = share * float(np.median(costs)) if costs.size else 1.0
        found = plans_below(known, prices, g, limit, most_plans=10**6)
        assert found.complete
        sure = costs < limit - 1e-9
        assert np.unique(found.plan, axis=0).shape == found.plan.shape
        listed = {plan.tobytes() for plan in found.plan}
        assert {plan.tobytes() for plan in plans[sure]} <= listed <= {plan.tobytes() for plan in plans[costs < limit + 1e-9]}
        np.testing.assert_allclose(found.cost, priced(instance, prices, g, found.plan), rtol=1e-9, atol=1e-12)


def test_plans_below_says_when_it_gave_up(known):
    """A list cut short is not taken for a complete one."""
    instance = known("n10-0")
    data = tables(instance)
    prices = plain_prices(data, np.zeros((11, 5)), np.zeros(5))
    found = plans_below(data, prices, 0, 1.0, most_plans=10)
    assert (found.cost.size, found.complete) == (10, False)
    assert not plans_below(data, prices, 0, 1.0, most_plans=10**6, most_labels=3).complete


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_search_that_gives_up_leaves_a_lower_bound(draw, seed):
    """Without a single label the multipliers' bound stands: weaker, never above the truth, and marked."""
    instance = draw(seed, **SMALL)
    known, prices = tables(instance), random_prices(instance, seed)
    exact, relaxed = price(known, prices), price(known, prices, most_labels=0)
    assert (relaxed.value <= exact.value + 1e-12).all()
    np.testing.assert_allclose(relaxed.value[relaxed.exact], exact.value[relaxed.exact], rtol=1e-9, atol=1e-12)


def test_the_deadline_needs_the_search(draw):
    """There are tasks whose price no multiplier finds; else the label search would never have been tested."""
    gave_up = 0
    for seed in range(100):
        instance = draw(seed, **SMALL)
        gave_up += int((~price(tables(instance), random_prices(instance, seed), most_labels=0).exact).sum())
    assert gave_up > 5
    assert MULTIPLIERS[0] == 0.0  # best shares and the first pass rely on it


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_fees_of_rows_are_what_rows_count(draw, some_row, seed):
    """A multiplier on a row costs every choice its count times the multiplier, so a Lagrangian over rows is what it claims."""
    instance = draw(seed, **SMALL)
    known, random = tables(instance), np.random.default_rng(seed)
    rows = [(some_row(instance, random), float(random.normal())) for _ in range(4)]
    share, hop = random.random(instance.availability.shape), random.random(instance.slots)
    plain, charged = plain_prices(known, share, hop), with_rows(known, share, hop, rows)
    for g in range(known.source.size):
        plans = every_plan(instance, known.source[g], known.release[g])
        choices = np.concatenate((plans, np.zeros((1, 3, instance.window), dtype=int)))
        fail = np.arange(len(choices)) == len(plans)
        expected = sum(fee * count(row, known, np.full(len(choices), g), choices, fail) for row, fee in rows)
        found = priced(instance, charged, g, plans) - priced(instance, plain, g, plans)
        np.testing.assert_allclose(np.append(found, charged.fail[charged.row[g]]), expected, rtol=1e-9, atol=1e-9)
