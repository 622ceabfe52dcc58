"""Branch and bound: optima with certificates that hold, whatever is cut off or disturbed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import Solution, bound, evaluate
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.cmg.branch_and_bound import BranchAndBound
from mecbench.solvers.cmg.enumeration import Enumeration
from mecbench.solvers.outcome import Budget


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels are compiled off the clock, as the harness does it."""
    Enumeration().prepare()
    BranchAndBound().prepare()


def judged(instance, outcome) -> float:
    """Certified gap, relative to the objective, of an outcome whose words all hold."""
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible, verdict.violations
    assert outcome.bound == bound(instance, outcome.certificate) >= verdict.objective
    return (outcome.bound - verdict.objective) / abs(verdict.objective)


@pytest.mark.parametrize("size", ["tiny", "tiny-scarce"])
@pytest.mark.parametrize("seed", range(6))
def test_tiny_optima_are_certified(draw, size, seed):
    """Bound and plan meet to 1e-6 by certificate alone, at the optimum that enumeration proves in its own way."""
    instance = draw(seed, size)
    outcome = BranchAndBound().solve(instance, Budget(30.0), 0)
    assert judged(instance, outcome) <= 1e-6
    assert outcome.status == "optimal"
    exact = evaluate(instance, Enumeration().solve(instance, Budget(60.0), 0).solution).objective
    assert evaluate(instance, outcome.solution).objective == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": "average"},
        {"limit": "average", "supply": "scarce"},
        {"attack": "strong"},
        pytest.param({"slots": 1}, marks=pytest.mark.slow),
    ],
)
def test_options_are_closed(draw, changes):
    """Average limits, stronger attacks and a single slot are no exception."""
    instance = draw(1, **changes)
    assert judged(instance, BranchAndBound().solve(instance, Budget(30.0), 0)) <= 1e-6


@pytest.mark.parametrize("changes", [{"continuous_frames": True}, {"eavesdropper_power": "const"}])
def test_what_trees_have_no_plans_of_is_left_to_column_generation(draw, changes):
    """Where gaps cannot close no tree is grown, and the outcome still holds."""
    instance = draw(1, **changes)
    outcome = BranchAndBound().solve(instance, Budget(10.0), 0)
    judged(instance, outcome)
    assert outcome.certificate.tree is None


def test_a_small_instance_is_closed(draw):
    """Five devices, five slots and three channels: some 1e-4 of relaxation that trees close to the evaluator's tolerances."""
    instance = draw(0, "small")
    outcome = BranchAndBound().solve(instance, Budget(60.0), 0)
    assert judged(instance, outcome) <= 1e-6
    assert outcome.certificate.tree.branches


def test_certificates_of_fewer_leaves_prove_less(draw):
    """The upper part of a tree still holds, and each part proves no more than a larger one."""
    instance = draw(1, "tiny-scarce")
    bounds = [BranchAndBound(leaves).solve(instance, Budget(30.0), 0).bound for leaves in (1, 4, 100)]
    assert bounds[0] > bounds[-1] * (1 + 1e-5)
    assert bounds == sorted(bounds, reverse=True)


@pytest.fixture(scope="module")
def closed(draw):
    """Instances with their outcomes, one of them with several cases."""
    instances = [draw(1, "tiny-scarce"), draw(8, "tiny-scarce"), draw(3, "tiny-scarce", devices=(4, 4), slots=(6, 6))]
    return [(instance, BranchAndBound().solve(instance, Budget(60.0), 0)) for instance in instances]


def test_cases_are_divided_where_devices_must_agree(closed):
    """Where even whole plans of devices can be mixed to more than a plan is worth, cases close the gap."""
    instance, outcome = closed[2]
    assert judged(instance, outcome) <= 1e-6
    assert outcome.metrics["cases"] > 1
    assert outcome.certificate.tree.cases
    value = evaluate(instance, outcome.solution).objective
    assert value <= outcome.metrics["tree_bound"] <= value * (1 + 1e-6)


def pair_plan(instance, power) -> Solution:
    """The best plan, of frame rates and resolutions on a grid, where both devices offload in the only slot; powers of shape [2, 1, 1]."""
    received = power * instance.gain
    rate = instance.bandwidth * np.log2(1.0 + received / (instance.noise + received[::-1]))
    delay, energy = 1.0 / rate + instance.cycles_per_bit / instance.edge_frequency, power / rate
    frames, resolution = np.arange(instance.least_frames, instance.most_frames + 1.0), np.linspace(320.0, 1080.0, 96)
    bits = instance.bits_per_pixel * frames[:, None] * resolution**2
    accuracy = instance.accuracy_ceiling - instance.accuracy_drop * np.exp(-resolution / instance.accuracy_scale)
    quality = instance.accuracy_weight * accuracy + instance.smoothness_weight * frames[:, None] / instance.most_frames
    worth = quality - bits * (instance.delay_weight * delay + instance.energy_weight * energy)
    worth = np.where(bits * energy > np.minimum(instance.energy_limit, instance.battery)[:, None, None], -np.inf, worth)
    f, r = np.unravel_index(worth.reshape(2, -1).argmax(axis=1), worth.shape[1:])
    shape = power.shape
    return Solution(
        offload=np.ones(shape, dtype=bool),
        frames=frames[f].reshape(shape),
        resolution=resolution[r].reshape(shape),
        frequency=np.full(shape, instance.least_frequency),
        power=power,
    )


@pytest.mark.parametrize("seed", range(3))
def test_certificates_cover_pairs_that_pay(draw, seed):
    """Where two devices on a channel beat each alone, the certificate of a tree over lone offloads still holds, and says so by its gap."""
    instance = draw(seed, devices=(2, 2), slots=(1, 1), cycles_per_bit=40.0, eavesdropper_noise=2.0, bandwidth=4e8)
    outcome = BranchAndBound().solve(instance, Budget(30.0), 0)
    judged(instance, outcome)
    powers = np.stack(np.meshgrid(*(np.geomspace(0.05, most, 10) for most in instance.most_power)), axis=-1).reshape(-1, 2, 1, 1)
    verdicts = [evaluate(instance, pair_plan(instance, power)) for power in powers]
    best = max(verdict.objective for verdict in verdicts if verdict.feasible and verdict.metrics["offloads_per_channel"] > 1)
    assert evaluate(instance, outcome.solution).objective < best <= outcome.bound


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_disturbed_certificates_never_prove_too_much(closed, seed):
    """Whatever is done to the prices, no bound falls below the optimum."""
    random = np.random.default_rng(seed)
    instance, outcome = closed[random.integers(len(closed))]
    tree = outcome.certificate.tree
    names = ("channel_price", "limit_price", "balance_price", "battery_price")
    scale = 10.0 ** random.uniform(-6, 1)
    disturbed = {name: getattr(tree, name) * np.exp(scale * random.normal(size=getattr(tree, name).shape)) for name in names}
    certificate = outcome.certificate.model_copy(update={"tree": tree.model_copy(update=disturbed)})
    assert bound(instance, certificate) >= evaluate(instance, outcome.solution).objective


def test_without_time_the_bound_stands(draw):
    """A budget that ends at once leaves a plan and a bound that hold."""
    instance = draw(1, "small-scarce")
    judged(instance, BranchAndBound().solve(instance, Budget(1e-3), 0))


def test_the_same_twice(draw):
    """Where the tree closes in time, seeds and calls make no difference to what is proven."""
    instance = draw(1, "tiny-scarce")
    first = BranchAndBound().solve(instance, Budget(30.0), 0)
    second = resolve("cmg/branch-and-bound").solve(instance, Budget(30.0), 0)
    assert first.solution == second.solution
    assert first.certificate == second.certificate
