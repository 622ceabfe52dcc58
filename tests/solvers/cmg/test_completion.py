"""Completion against a linear programme over sampled slot values: it finds the optimum of the convex problem that is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from mecbench.problems.cmg import evaluate
from mecbench.solvers.cmg.completion_compiled import batteries, complete, slot_choice
from mecbench.solvers.cmg.plans import Plans, planning_tables

WORLDS = [
    {"supply": "plentiful"},
    {"supply": "scarce"},
    {"supply": "scarce", "limit": "average"},
    {"supply": "scarce", "initial_battery": (0.05, 0.35), "harvest_spread": 0.01},  # batteries run empty
    {"supply": "scarce", "initial_battery": (0.9, 1.0), "harvest_spread": 0.6, "harvest_chance": 0.9, "reserve": 0.5},  # and over
    {"limit": "average", "energy_limit": 0.02},
]
PRICES = np.concatenate(([0.0], np.geomspace(1e-3, 1e5, 250)))


def by_programme(instance, known, n, offload, frames) -> float:
    """Value of the best energies among mixtures of what each slot makes of its energy at many prices."""
    slots, chunks = offload.shape
    samples = [np.array([slot_choice(known, n, t, offload[t], frames[t], price) for price in PRICES]) for t in range(slots)]
    count, width = PRICES.size, slots * PRICES.size
    # Variables: weights of samples, levels, shortfalls below the reserve.
    cost = np.concatenate([-s[:, 1] for s in samples] + [np.zeros(slots), np.full(slots, instance.chunks * instance.reserve_price)])
    equal = sparse.lil_array((slots, width + 2 * slots))
    over = sparse.lil_array((4 * slots, width + 2 * slots))
    right = np.zeros(4 * slots)
    for t in range(slots):
        own = slice(t * count, (t + 1) * count)
        equal[t, own] = 1.0
        over[t, own] = samples[t][:, 0]  # balance
        over[t, width + t] = 1.0
        over[slots + t, own] = samples[t][:, 0]  # availability
        right[t] = instance.harvest[n, t]
        if t:
            over[t, width + t - 1] = over[slots + t, width + t - 1] = -1.0
        else:
            right[0] += instance.battery[n]
            right[slots] = instance.battery[n]
        over[2 * slots + t, width + t] = over[2 * slots + t, width + slots + t] = -1.0
        right[2 * slots + t] = -instance.reserve
        over[3 * slots + (t if instance.limit == "slot" else 0), own] = samples[t][:, 0]
    right[3 * slots :] = instance.energy_limit * (1 if instance.limit == "slot" else slots)
    bounds = [(0, None)] * width + [(0, instance.capacity)] * slots + [(0, None)] * slots
    found = linprog(cost, over.tocsr(), right, equal.tocsr(), np.ones(slots), bounds, method="highs")
    assert found.status == 0
    smooth = sum(
        known.weight[t] * (known.smoothness[frames[t - 1, k], frames[t, k]] if t else known.first_smoothness[frames[0, k]])
        for t in range(slots)
        for k in range(chunks)
    )
    return smooth - found.fun


@pytest.mark.parametrize("changes", WORLDS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_completion_is_the_optimum(draw, changes, seed):
    """No mixture of slot choices at other prices is worth more, and none is missed by more than the sampling."""
    random = np.random.default_rng(seed)
    instance = draw(seed, **({"devices": (1, 2), "chunks": (1, 3), "slots": (2, 8)} | changes))
    known = planning_tables(instance)
    offload = (random.random(instance.gain.shape) < 0.3) & (known.tightness > 0)
    frames = random.integers(0, random.choice([1, 8, 26]), instance.gain.shape)
    later, eta = np.empty((2, instance.slots))
    value = complete(known, batteries(instance), 0, offload[0], frames[0], later, eta)
    reference = by_programme(instance, known, 0, offload[0], frames[0])
    assert value >= reference - 1e-9 * max(1.0, abs(reference))
    assert value <= reference + 2e-3 * max(1.0, abs(reference))
    assert (eta >= later - 1e-12).all()
    assert (later >= 0.0).all()


@pytest.mark.parametrize("changes", WORLDS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_plans_are_what_the_evaluator_says(draw, changes, seed):
    """The plans of random secure offloads are feasible, and their value is the evaluator's."""
    random = np.random.default_rng(seed)
    instance = draw(seed, **({"devices": (1, 4), "chunks": (1, 3), "slots": (1, 6)} | changes))
    plans = Plans(instance, planning_tables(instance))
    owner = random.integers(-1, instance.devices, instance.gain.shape[1:])
    plans.assign((np.arange(instance.devices)[:, None, None] == owner) & (plans.tables.tightness > 0))
    verdict = evaluate(instance, plans.solution())
    assert verdict.feasible, verdict.violations
    assert verdict.objective == pytest.approx(plans.value, rel=1e-9, abs=1e-9)
