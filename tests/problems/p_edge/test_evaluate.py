"""The evaluator against a scalar twin, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import SolutionError
from mecbench.problems.p_edge import Solution, evaluate


def twin(instance, allocation):
    """Cost of every device in plain Python, straight from the paper's sections 3 and A."""
    data = instance.model_dump(mode="json")
    total = sum(data["group_macs"])
    costs = []
    for m, share in enumerate(allocation):
        head = sum(data["group_macs"][: data["cut"][m]]) / total
        transmission = 8 * data["cut_bytes"][data["cut"][m]] / data["uplink_rate"][m] * 1000
        local = head * data["full_latency"] * data["clock_ratio"][m] ** data["latency_exponent"]
        energy = head * data["full_energy"] * data["clock_ratio"][m] ** data["energy_exponent"] + data["transmit_power"] * transmission
        remote = data["edge_work"] * (1 - head) / share
        costs.append(energy / data["energy_unit"] + (local + transmission + remote) / data["latency_unit"] + data["switch_cost"][m])
    return max(costs)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_objective_equals_the_scalar_twin(draw, seed):
    """Vectorised physics and the paper's equations written out agree to 1e-12."""
    instance = draw(seed)
    allocation = np.random.default_rng(seed).integers(1, 5, instance.devices)
    assert evaluate(instance, Solution(allocation=allocation)).objective == pytest.approx(twin(instance, allocation.tolist()), rel=1e-12)


def test_one_multiprocessor_too_many_is_infeasible(draw):
    """sum l = L is accepted, L + 1 is not, and the verdict names the family and the amount."""
    instance = draw(3)
    allocation = np.ones(instance.devices, dtype=int)
    allocation[0] = instance.multiprocessors - instance.devices + 1
    assert evaluate(instance, Solution(allocation=allocation)).feasible
    allocation[0] += 1
    verdict = evaluate(instance, Solution(allocation=allocation))
    assert not verdict.feasible
    assert verdict.violations["capacity"].absolute == 1
    assert verdict.violations["capacity"].relative == 1 / instance.multiprocessors
    assert verdict.violations["least_share"].absolute == 0


def test_a_device_without_a_multiprocessor_is_infeasible(draw):
    """l = 0 and l < 0 violate the least share and cost infinitely much instead of dividing by zero."""
    instance = draw(4)
    allocation = np.ones(instance.devices, dtype=int)
    for share, missing in ((0, 1), (-4, 5)):
        allocation[1] = share
        verdict = evaluate(instance, Solution(allocation=allocation))
        assert not verdict.feasible
        assert verdict.violations["least_share"].absolute == missing
        assert verdict.objective == np.inf


def test_huge_allocations_do_not_overflow_into_feasibility(draw):
    """Sums beyond 64 bits stay sums."""
    instance = draw(5)
    verdict = evaluate(instance, Solution(allocation=[2**62] * instance.devices))
    assert not verdict.feasible
    assert verdict.violations["capacity"].absolute >= 2**62


def test_wrong_number_of_devices_is_refused(draw):
    """A solution of another shape is an error, not an evaluation."""
    instance = draw(6)
    with pytest.raises(SolutionError, match=f"expected {instance.devices} integers, one per device, found {instance.devices + 1}"):
        evaluate(instance, Solution(allocation=[1] * (instance.devices + 1)))


def test_metrics_are_the_papers(draw):
    """Latency and energy are per frame in ms and mJ and do not depend on the objective's units."""
    instance = draw(8)
    allocation = np.full(instance.devices, 2)
    verdict = evaluate(instance, Solution(allocation=allocation))
    latency = instance.own_latency + instance.tail_work / 2
    assert verdict.metrics["max_latency_ms"] == latency.max()
    assert verdict.metrics["mean_energy_mj"] == instance.energy.mean()
    assert 0 < verdict.metrics["jain_index"] <= 1
    assert verdict.terms["fixed"] + verdict.terms["shared"] == pytest.approx(verdict.objective)
