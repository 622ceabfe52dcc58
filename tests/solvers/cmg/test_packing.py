"""Packing plans of devices: better plans than before, all feasible, and prices of channels at which devices choose them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mecbench.problems.cmg import evaluate
from mecbench.solvers.cmg.alternation import Alternation
from mecbench.solvers.cmg.column_generation import Generation
from mecbench.solvers.cmg.packing import Packing
from mecbench.solvers.cmg.plans import Plans, planning_tables


def pack(instance, turns, seconds=1.0):
    """Plans before, the run after it ended, and the values it told."""
    generation = Generation(instance)
    alternation = Alternation(instance, Plans(instance, planning_tables(instance)))
    alternation.run(turns, lambda: 1.0, generation.price)
    packing, values = Packing(alternation.plans, generation.duals.energy, generation.duals.channel), []
    packing.run(lambda: seconds, lambda: values.append(packing.plans.value))
    return alternation.plans, packing, values


@pytest.mark.parametrize("size", ["small", "small-scarce"])
def test_plans_get_better_and_stay_feasible(draw, size):
    """Whatever was told is better than before, is the evaluator's value at the end, and shares no channel."""
    instance = draw(4, size)
    before, packing, values = pack(instance, 2)
    assert packing.closed
    assert values == sorted(values)
    assert packing.plans.value > before.value
    verdict = evaluate(instance, packing.plans.solution())
    assert verdict.feasible
    assert verdict.objective == pytest.approx(packing.plans.value, rel=1e-9)


def test_prices_support_the_plans(draw):
    """Once closed, devices that choose for themselves at the prices of channels choose no more than the plans are worth."""
    instance = draw(3, "small")
    _, packing, _ = pack(instance, 5)
    paid = float(packing.channel.sum())
    chosen = sum(max(column.reduced(packing.channel) for column in known.values()) for known in packing._known)
    assert packing.closed
    assert paid + chosen == pytest.approx(packing.plans.value, rel=1e-7)


def test_no_other_owners_are_better(draw):
    """On an instance small enough to try all owners of all channels, packing finds the best."""
    instance = draw(2, devices=(3, 3), chunks=(1, 1), slots=(4, 4))
    plans, packing, _ = pack(instance, 1)
    devices, slots, _ = instance.gain.shape
    for owner in itertools.product(range(-1, devices), repeat=slots):
        offload = (np.arange(devices)[:, None] == np.array(owner))[..., None]
        if (plans.tables.tightness[offload] > 0.0).all():
            plans.assign(offload, np.zeros((devices, slots)))
            assert plans.value <= packing.plans.value + 1e-9


def test_no_time_keeps_the_plans(draw):
    """Without time the plans stay as they are."""
    before, packing, values = pack(draw(1, "small"), 1, 0.0)
    assert packing.plans.value == before.value
    assert values == []
    assert not packing.closed
