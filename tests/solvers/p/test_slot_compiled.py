"""The kernels of the controllers against arithmetic and enumeration that know nothing of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mecbench.problems.p import SIZES, evaluate, generate
from mecbench.problems.p.allocation import choices, split
from mecbench.problems.p.options import of_trace
from mecbench.problems.p.solution import Solution
from mecbench.solvers.p.slot_compiled import FAILS, marginal_prices, place, settle, slots_of


def settled(instance, held, multiplier):
    """Server, cut, loads, cost and delay of an instance's slots under a deployment [I, J]."""
    server, cut = np.empty_like(instance.service), np.empty_like(instance.service)
    load, cost, delay = settle(slots_of(instance, of_trace(instance)), held[instance.service], multiplier, server, cut)
    return server, cut, load, cost, delay


def judged(instance, held, server, cut, multiplier):
    """Mean cost and delay by the evaluator, of the split at a multiplier."""
    hit = server != FAILS
    at = np.where(hit, server, held[instance.service].argmin(axis=2))
    shares = split(instance, choices(instance, of_trace(instance), hit, at, cut), multiplier)
    deployment = np.repeat(held[None], instance.intervals, axis=0)
    verdict = evaluate(instance, Solution(deployment=deployment, server=at, cut=cut, bandwidth=shares.bandwidth, compute=shares.compute))
    return verdict.objective, verdict.metrics["mean_delay_s"]


@pytest.fixture(scope="module")
def instance():
    """Three servers and six users for four slots."""
    return generate(SIZES["small"], 10_000)


@pytest.fixture(scope="module")
def held(instance):
    """Two of three servers hold each service, but none holds the first."""
    held = (np.arange(instance.services)[:, None] + np.arange(instance.servers)) % 3 > 0
    held[0] = False
    return held


@pytest.mark.parametrize("multiplier", [0.05, 1.0, 30.0])
def test_a_slot_is_accounted_for_as_the_evaluator_does(instance, held, multiplier):
    """A controller steers by this delay to the last slot, so it must be the one that C8 will be checked with."""
    server, cut, _, cost, delay = settled(instance, held, multiplier)
    assert (cost.sum() / instance.requests, delay.sum() / instance.requests) == pytest.approx(
        judged(instance, held, server, cut, multiplier), rel=1e-12
    )


def test_no_single_request_gains_by_a_move(instance, held):
    """The descent ends where coordinate descent ends, judged by the evaluator and not by its own loads."""
    multiplier = 2.0
    server, cut, *_ = settled(instance, held, multiplier)

    def value(server, cut):
        cost, delay = judged(instance, held, server, cut, multiplier)
        return cost + multiplier * delay

    least = value(server, cut)
    for t, k in np.ndindex(2, instance.users):
        options = [(j, z) for j in np.flatnonzero(held[instance.service[t, k]]) for z in range(instance.cuts[instance.service[t, k]] + 1)]
        for j, z in [*options, (FAILS, 0)]:
            moved, at = server.copy(), cut.copy()
            moved[t, k], at[t, k] = j, z
            assert value(moved, at) >= least * (1 - 1e-9)


def test_what_nobody_holds_fails(instance, held):
    """A request whose service no server holds can only fail; one that every server holds cannot."""
    missed = instance.service == instance.service[0, 0]
    held = np.ones_like(held)
    held[instance.service[0, 0]] = False
    server, *_ = settled(instance, held, 1.0)
    assert ((server == FAILS) == missed).all()


def test_a_marginal_price_is_what_a_request_adds(instance):
    """With everything held, the price of one more request equals the difference that it makes to a settled slot of others."""
    multiplier = 1.5
    alone = instance.model_copy(update={"service": instance.service[:1], "batch": instance.batch[:1]})
    slots = slots_of(alone, of_trace(alone))
    first = np.zeros((2, instance.servers))
    price, fail = marginal_prices(slots, first, multiplier)
    everything = np.ones((instance.services, instance.servers), dtype=bool)
    for k in range(instance.users):
        one = slots._replace(**{name: getattr(slots, name)[:, k : k + 1] for name in slots._fields[:9]}, power=slots.power[k : k + 1])
        one = one._replace(**{name: np.ascontiguousarray(getattr(one, name)) for name in slots._fields[:10]})
        server, cut = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
        load, cost, delay = settle(one, everything[alone.service][:, k : k + 1].copy(), multiplier, server, cut)
        assert price[0, k].min() == pytest.approx(min(cost[0] + multiplier * delay[0], fail[0, k]), rel=1e-12)
        loaded, _ = marginal_prices(slots, load[0], multiplier)
        assert (loaded[0] >= price[0]).all()


def test_placing_finds_the_best_deployment_of_small_worlds():
    """Greedy, exchanges and forcing together find what enumeration finds; greedy and exchanges alone miss some."""
    missed = 0
    for seed in range(20):
        random = np.random.RandomState(seed)
        price, fail = random.uniform(1, 10, (2, 4, 2)), np.full((2, 4), 12.0)
        model, weight = np.array([0, 0, 1, 1]), random.uniform(0.1, 1, 4)
        size, storage = random.randint(2, 9, 4), random.randint(6, 16, 2)

        def value(held, price=price, fail=fail, model=model, weight=weight):
            users = np.minimum(fail[model], np.where(held[:, None], price[model], np.inf).min(axis=2))
            return float((weight * users.sum(axis=1)).sum())

        every = (np.array(bits, dtype=bool).reshape(4, 2) for bits in product((0, 1), repeat=8))
        best = min(value(held) for held in every if (size @ held <= storage).all())
        found = place(price, fail, model, weight, size, storage, 100)
        assert (size @ found <= storage).all()
        assert value(found) == pytest.approx(best, rel=1e-12)
        missed += value(place(price, fail, model, weight, size, storage, 0)) > best * (1 + 1e-9)
    assert missed
