"""Options and demands against the evaluator's own verdicts: what solvers decide with is what they are judged by."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p_marl.evaluate import account
from mecbench.problems.p_marl.options import demand, least_shares, options, stays_local
from mecbench.problems.p_marl.options_compiled import demand as compiled_demand
from mecbench.problems.p_marl.solution import Solution


def assign(instance, edge, cut, share):
    """Solution of one epoch in which every device has the same edge, cut and multiprocessors."""
    shape = (1, instance.devices)
    return Solution(edge=np.full(shape, edge), cut=np.full(shape, cut), allocation=np.full(shape, share))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_options_are_what_the_evaluator_charges(draw, seed):
    """Cost, latency and energy of every option equal the evaluator's to the last bit, whatever the choices of the spec."""
    instance = draw(seed, epochs=(1, 1))
    choices = options(instance, 0, instance.previous_edge)
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    for n in range(instance.edges):
        for k in range(instance.groups):
            for share in (1, 3):
                paid = account(instance, assign(instance, n + 1, k, share))
                np.testing.assert_array_equal(paid.cost[0], choices.fixed[:, n, k] + shared[:, n, k] / share)
                np.testing.assert_array_equal(paid.latency[0], choices.own_latency[:, n, k] + choices.tail_work[k] / share)
                np.testing.assert_array_equal(paid.energy[0], choices.energy[:, n, k])
    paid = account(instance, assign(instance, 0, instance.groups, 0))
    np.testing.assert_array_equal(paid.cost[0], choices.local)
    np.testing.assert_array_equal(paid.latency[0], choices.local_latency)
    np.testing.assert_array_equal(paid.energy[0], choices.local_energy)


@settings(max_examples=35, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_demand_is_the_least_number_that_the_evaluator_accepts(draw, seed, data):
    """At a threshold that is exactly some option's cost, off-by-one is where solver and evaluator would part."""
    instance = draw(seed, epochs=(1, 1), multiprocessors=(1, 6))
    choices = options(instance, 0, instance.previous_edge)
    m, n, k, share = (data.draw(st.integers(0, most - 1)) for most in (*choices.fixed.shape, instance.multiprocessors))
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    threshold = float(choices.fixed[m, n, k] + shared[m, n, k] / (share + 1))
    for at in (threshold, float(np.nextafter(threshold, -np.inf))):
        need = demand(instance, choices, least_shares(instance, choices), at)
        for edge in range(instance.edges):
            enough = np.full(instance.devices, instance.multiprocessors + 1)
            for share in range(instance.multiprocessors, 0, -1):
                for cut in range(instance.groups):
                    paid = account(instance, assign(instance, edge + 1, cut, share))
                    enough[(paid.cost[0] <= at) & (paid.latency[0] <= instance.latest)] = share
            np.testing.assert_array_equal(need.multiprocessors[:, edge], enough)
            for device in np.flatnonzero(enough <= instance.multiprocessors):
                paid = account(instance, assign(instance, edge + 1, int(need.cut[device, edge]), int(enough[device])))
                assert paid.cost[0, device] <= at
                assert paid.latency[0, device] <= instance.latest
        paid = account(instance, assign(instance, 0, instance.groups, 0))
        np.testing.assert_array_equal(stays_local(instance, choices, at), (paid.cost[0] <= at) & (paid.latency[0] <= instance.latest))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_compiled_demand_is_the_same(draw, seed):
    """Solvers search with the one and proofs are checked with the other: both must part nowhere, least of all at an option's own cost."""
    instance = draw(seed, epochs=(1, 1))
    random, choices = np.random.default_rng(seed), options(instance, 0, instance.previous_edge)
    least, shared = least_shares(instance, choices), np.ascontiguousarray(np.broadcast_to(choices.shared, choices.fixed.shape))
    costs = choices.fixed + shared / random.integers(1, instance.multiprocessors + 1, shared.shape)
    for threshold in [*random.choice(costs.ravel(), 5).tolist(), 0.0, float(choices.fixed.min()), float(costs.max()) + 1.0]:
        for at in (threshold, float(np.nextafter(threshold, -np.inf))):
            found = compiled_demand(choices.fixed, shared, least, at, instance.multiprocessors + 1)
            for one, other in zip(found, demand(instance, choices, least, at), strict=True):
                np.testing.assert_array_equal(one, other)


def test_without_previous_edges_nobody_pays_for_switching(draw):
    """The options that bounds on later epochs rest on leave the switch cost out, and are otherwise the same."""
    instance = draw(1, devices=(3, 3), edges=(2, 2), previous_edge=[1, 0, -1], switch_cost=0.2, divided_switch_cost=False)
    free, charged = options(instance, 0, None), options(instance, 0, instance.previous_edge)
    extra = (charged.fixed - free.fixed)[..., 0]
    np.testing.assert_allclose(extra, [[0.0, 0.2], [0.2, 0.2], [0.0, 0.0]], atol=1e-12)
    np.testing.assert_array_equal(free.own_latency, charged.own_latency)


def test_charges_override_the_instance_s_clocks(draw):
    """Where batteries depend on decisions, the options of an epoch are those of the charges at hand."""
    instance = draw(2, devices=(3, 3), epochs=(2, 2), drain="endogenous")
    np.testing.assert_array_equal(options(instance, 1, None).local, options(instance, 1, None, instance.battery).local)
    empty = options(instance, 1, None, np.zeros(3))
    np.testing.assert_allclose(empty.local_latency, instance.full_latency * instance.clock_floor**instance.latency_exponent)
