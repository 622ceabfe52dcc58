"""The ascent's bounds are never crossed, are proven by their certificates, and are as high as they can be."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, vstack

from mecbench.problems.p import SIZES, Parameters, bound, evaluate, generate
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.options import of_trace
from mecbench.solvers.p.dual import Ascent

SECONDS = 60.0  # more than any of these takes to converge


def enumerable(seed):
    """Two servers that hold one of two small models each, and one slot of two users."""
    drawn = {"servers": 2, "users": 2, "slots": 1, "interval": 1, "models": ("lenet-7", "lenet-9"), "services_per_model": 1}
    return generate(Parameters.model_validate(drawn | {"storage": (0.0085, 0.0095), "delay_limit": 0.05}), seed)


def deployments(instance):
    """All deployments of one interval that leave no room for another service, shape [I, J] each."""
    packings = np.array(list(itertools.product((False, True), repeat=instance.services)))
    size = packings @ instance.service_bytes
    choices = []
    for capacity in instance.storage:
        fits = packings[size <= capacity]
        choices.append([p for p in fits if not any((q >= p).all() and (q > p).any() for q in fits)])
    for columns in itertools.product(*choices):
        yield np.array(columns).T


def optimum(instance):
    """Least cost over all deployments, servers and cuts of an instance with one slot, by enumeration."""
    options, best = of_trace(instance), np.inf
    ranges = [range(instance.servers * (int(cuts) + 1)) for cuts in options.cuts[0]]
    for deployment in deployments(instance):
        for choice in itertools.product(*ranges):
            cut, server = np.divmod(np.array([choice]), instance.servers)
            evaluation = evaluate(instance, polish(instance, options, deployment[None], server, cut))
            if evaluation.feasible:
                best = min(best, evaluation.objective)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_no_bound_beats_enumeration(seed):
    """On worlds so small that every decision can be tried, the bound is below the optimum, and most of the way there."""
    instance = enumerable(seed)
    dual = Ascent(instance, of_trace(instance)).ascend(SECONDS)
    best = optimum(instance)
    assert dual.bound <= best
    if np.isfinite(best):
        assert dual.bound >= 0.5 * best


@pytest.mark.parametrize("size", ["small", "medium", "tight-delay"])
def test_certificates_prove_the_bound(size):
    """What the ascent claims is what anyone recomputes, and what it reported on the way was never more."""
    instance = generate(SIZES[size], 1)
    reported = []
    dual = Ascent(instance, of_trace(instance)).ascend(3.0, reported.append)
    assert dual.bound == bound(instance, dual.certificate)
    assert reported == sorted(reported)
    assert reported[-1] <= dual.bound


def relaxation(instance, dual):
    """Value of the linear programme of placement and association at the dual's multiplier and loads, one interval."""
    requests, servers, services = instance.requests, instance.servers, instance.services
    options = of_trace(instance)
    failure = (options.failure + dual.multiplier * instance.failure_delay).ravel()
    cost = np.concatenate((dual.serve.ravel(), failure, np.zeros(servers * services)))
    serve = np.arange(requests * servers)
    place = requests * servers + requests + np.tile(np.arange(servers), requests) * services + np.repeat(instance.service.ravel(), servers)
    one = coo_matrix(
        (
            np.ones(requests * (servers + 1)),
            (
                np.concatenate((np.repeat(np.arange(requests), servers), np.arange(requests))),
                np.concatenate((serve, requests * servers + np.arange(requests))),
            ),
        ),
        shape=(requests, cost.size),
    )
    held = coo_matrix(
        (np.repeat([1.0, -1.0], serve.size), (np.tile(serve, 2), np.concatenate((serve, place)))), shape=(serve.size, cost.size)
    )
    gibibytes = np.tile(instance.service_bytes / 2**30, servers)
    columns = requests * servers + requests + np.arange(servers * services)
    stored = coo_matrix((gibibytes, (np.repeat(np.arange(servers), services), columns)), shape=(servers, cost.size))
    limits = np.concatenate((np.zeros(serve.size), instance.storage / 2**30))
    solved = linprog(cost, vstack((held, stored)).tocsr(), limits, one.tocsr(), np.ones(requests), bounds=(0, 1))
    loads = (dual.bandwidth_load**2).sum() + (dual.compute_load**2).sum()
    return (solved.fun - loads) / requests - dual.multiplier * instance.delay_limit


@pytest.mark.parametrize(("size", "slots", "stronger"), [("medium", 10, 1e-3), ("tight-storage", 2, 0.0)])
def test_the_bound_is_not_below_linear_programming(size, slots, stronger):
    """At its own loads the ascent's bound equals or beats the linear programme, which cuts services in parts.

    On the class medium, whose servers hold three large services, it is better by a part in a thousand or more.
    """
    instance = generate(Parameters.model_validate(SIZES[size].model_dump() | {"slots": slots}), 0)
    dual = Ascent(instance, of_trace(instance)).ascend(SECONDS)
    linear = relaxation(instance, dual)
    assert dual.bound >= (1.0 + stronger) * linear - 2e-5 * abs(linear)


@pytest.mark.parametrize(("size", "slots"), [("small", 4), ("medium", 10)])
def test_the_multiplier_is_the_best(size, slots):
    """Bounds are concave in the multiplier; the one found is about at the top, and the relaxed delay about at its limit."""
    instance = generate(Parameters.model_validate(SIZES[size].model_dump() | {"slots": slots}), 0)
    options = of_trace(instance)
    dual = Ascent(instance, options).ascend(SECONDS)
    assert dual.multiplier > 0
    for factor in (0.4, 0.8, 1.25, 2.5):
        other = Ascent(instance, options, multiplier=factor * dual.multiplier).ascend(SECONDS)
        assert other.multiplier == factor * dual.multiplier
        assert other.bound <= dual.bound + 5e-5 * abs(dual.bound)
        assert (other.mean_delay - instance.delay_limit) * (1.0 - factor) > 0
    assert dual.mean_delay == pytest.approx(instance.delay_limit, rel=0.05)


def test_a_slack_delay_has_no_price():
    """Where the delay limit binds nobody the multiplier vanishes, and the bound is that of the problem without it."""
    instance = generate(Parameters.model_validate(SIZES["small"].model_dump() | {"delay_limit": 1e5}), 1)
    options = of_trace(instance)
    dual = Ascent(instance, options).ascend(SECONDS)
    free = Ascent(instance, options, multiplier=0.0).ascend(SECONDS)
    assert free.multiplier == 0.0
    assert dual.bound == pytest.approx(free.bound, rel=1e-4)


def test_an_ascent_can_be_left_and_taken_up():
    """The first step already proves a bound; going on raises it, and other data to begin with lead to the same."""
    instance = generate(SIZES["medium"], 2)
    options = of_trace(instance)
    ascent = Ascent(instance, options)
    bounds = [ascent.ascend(0.0).bound]
    assert not ascent.converged
    while not ascent.converged:
        bounds.append(ascent.ascend(0.2).bound)
    assert all(later >= sooner - 1e-7 * abs(sooner) for sooner, later in itertools.pairwise(bounds))
    assert bounds[0] > 0
    dual = ascent.dual
    again = Ascent(instance, options, multiplier=dual.multiplier, start=dual).ascend(0.5)
    assert again.bound == pytest.approx(dual.bound, rel=1e-4)
    assert dual.held.shape == (instance.intervals, instance.services, instance.servers)
    stored = np.einsum("nij,i->nj", dual.held, instance.service_bytes)
    assert (stored <= instance.storage * (1 + 1e-9)).all()


def test_an_ascent_that_was_left_holds_no_threads():
    """Threads that live on would be joined whenever the ascent is collected, and two solves in one process could wait for each other."""
    before = set(threading.enumerate())
    ascent = Ascent(instance := generate(SIZES["medium"], 2), of_trace(instance), threads=2)
    while not ascent.converged:
        ascent.ascend(0.05)
        assert set(threading.enumerate()) == before


def test_threads_change_nothing():
    """Intervals are independent at one multiplier, so two at a time give the same bound bit by bit while time does not press."""
    instance = generate(Parameters.model_validate(SIZES["small"].model_dump() | {"slots": 8}), 3)
    options = of_trace(instance)
    one, two = (Ascent(instance, options, threads=threads).ascend(SECONDS) for threads in (1, 2))
    assert one.bound == two.bound
    np.testing.assert_array_equal(one.price, two.price)
