"""The evaluator against its scalar twin, every constraint family by hand, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.evaluation import SolutionError

OPTIONS = st.fixed_dictionaries(
    {
        "supply": st.sampled_from(["plentiful", "scarce"]),
        "attack": st.sampled_from(["weak", "strong"]),
        "limit": st.sampled_from(["slot", "average"]),
        "continuous_frames": st.booleans(),
        "eavesdropper_power": st.sampled_from(["signal", "const"]),
        "devices": st.integers(1, 5),
        "chunks": st.integers(1, 3),
        "slots": st.integers(1, 5),
    }
)


@pytest.fixture(scope="module")
def good(draw, feasible) -> tuple[Instance, Solution]:
    """A feasible plan that offloads."""
    instance = draw(3, "small-scarce")
    plan = feasible(instance, 3)
    assert plan.offload.any()
    return instance, plan


def changed(model: Instance | Solution, **fields: object):
    """The instance or solution with some fields replaced."""
    return type(model).model_validate(model.model_dump() | fields)


def edited(solution: Solution, name: str, place: tuple[int, int, int], value: float) -> Solution:
    """The solution with one decision replaced."""
    array = getattr(solution, name).copy()
    array[place] = value
    return changed(solution, **{name: array})


@settings(max_examples=60, deadline=None)
@given(options=OPTIONS, seed=st.integers(0, 10**6), asked=st.floats(0, 1))
def test_evaluator_equals_its_scalar_twin(draw, decide, twin, options, seed, asked):
    """Batched physics and the paper's equations written out agree to 1e-11 on any decisions under any option."""
    instance = draw(seed % 1000, **options)
    solution = decide(instance, seed, asked)
    verdict, expected = evaluate(instance, solution), twin(instance, solution)
    assert verdict.objective == pytest.approx(expected.objective, rel=1e-11, abs=1e-9)
    assert verdict.terms["quality"] == pytest.approx(expected.quality, rel=1e-11)
    assert verdict.terms["cost"] == pytest.approx(-expected.cost, rel=1e-11)
    assert verdict.terms["penalty"] == pytest.approx(-expected.penalty, rel=1e-9, abs=1e-12)
    assert verdict.metrics["ecpr_percent"] == pytest.approx(expected.ecpr, rel=1e-9, abs=1e-9)
    assert verdict.metrics["offloads_per_channel"] == pytest.approx(expected.offloads / (instance.slots * instance.chunks))
    for family in ("battery", "energy_limit"):
        assert verdict.violations[family].absolute == pytest.approx(getattr(expected, family), rel=1e-9, abs=1e-12)
    assert (verdict.violations["secrecy"].absolute > 0.0) == expected.insecure


@settings(max_examples=40, deadline=None)
@given(options=OPTIONS, seed=st.integers(0, 10**6))
def test_the_double_sum_is_a_weighted_single_one(draw, decide, options, seed):
    """Running averages are linear in the past: the objective is the sum with w_t, to 1e-9, on which every method rests."""
    instance = draw(seed % 1000, **options)
    solution = changed(decide(instance, seed), offload=np.zeros(instance.gain.shape, dtype=bool))
    quality = 0.0
    f, before = solution.frames, np.concatenate((solution.frames[:, :1], solution.frames[:, :-1]), axis=1)
    rising = f <= before
    phi = np.where(rising, f**2 / before, 2 * f - f**2 / before)
    accuracy = 0.988 - 4.469 * np.exp(-solution.resolution / 200)
    gained = instance.accuracy_weight * accuracy + instance.smoothness_weight * phi / instance.most_frames
    quality = float((instance.running_weight[:, None] * gained).sum())
    assert evaluate(instance, solution).terms["quality"] == pytest.approx(quality, rel=1e-9)
    assert instance.running_weight.sum() == pytest.approx(instance.slots, rel=1e-12)
    assert instance.running_weight[-1] == pytest.approx(1 / instance.slots, rel=1e-12)


def test_a_good_plan_is_feasible_and_its_terms_add_up(good):
    """A plan that needs no repair meets every family; quality less cost and penalty is the objective."""
    instance, plan = good
    verdict = evaluate(instance, plan)
    assert verdict.feasible
    assert all(violation.relative == 0.0 for violation in verdict.violations.values())
    assert sum(verdict.terms.values()) == verdict.objective
    assert verdict.metrics["reward"] == verdict.objective / (instance.devices * instance.slots)
    assert verdict.metrics["penalised_objective"] == verdict.objective
    assert verdict.metrics["sor_percent"] == 100.0
    assert verdict.metrics["mean_secrecy_rate_bps"] > 0.0


@pytest.mark.parametrize("name", ["frames", "resolution", "frequency", "power"])
@pytest.mark.parametrize("end", ["least", "most"])
def test_bounds_are_held_to_a_millionth(good, name, end):
    """(27) to (30), of idle powers and frequencies too: half the tolerance beyond passes, three times does not."""
    instance, plan = good
    bound = getattr(instance, f"{end}_{name}")
    value = float(bound if np.ndim(bound) == 0 else bound[1])
    instance = changed(instance, continuous_frames=True)
    sign = -1.0 if end == "least" else 1.0
    for excess, feasible in ((0.5e-6, True), (3e-6, False)):
        verdict = evaluate(instance, edited(plan, name, (1, 0, 0), value * (1.0 + sign * excess)))
        assert verdict.feasible == feasible
        assert verdict.violations[name].relative == pytest.approx(excess, rel=1e-3)


def test_frame_rates_are_integers_unless_they_need_not_be(good):
    """Within 1e-6 a rate counts as the integer; beyond it is a violation, but where any real is allowed."""
    instance, plan = good
    near, far = (edited(plan, "frames", (0, 1, 0), plan.frames[0, 1, 0] + off) for off in (5e-7, 2e-6))
    assert evaluate(instance, near).objective == evaluate(instance, plan).objective
    assert evaluate(instance, near).feasible
    assert not evaluate(instance, far).feasible
    free = changed(instance, continuous_frames=True)
    assert evaluate(free, far).feasible
    assert evaluate(free, near).objective != evaluate(free, plan).objective


def test_the_energy_limit_is_of_a_slot_or_of_the_average(good):
    """(39): what exceeds the limit in one slot by more than 1e-7 J is refused, unless the average over the slots is what counts."""
    instance, plan = good
    dear = edited(edited(plan, "frequency", (2, 1, 0), 0.8e9), "resolution", (2, 1, 0), 900.0)
    dear = changed(dear, offload=np.zeros_like(plan.offload))
    spent = 5e-28 * dear.frequency**2 * 12 * dear.frames * dear.resolution**2 * 8
    most = float(spent.sum(axis=2).max())
    for excess, feasible in ((0.0, True), (0.5e-7, True), (3e-7, False)):
        verdict = evaluate(changed(instance, energy_limit=most - excess), dear)
        assert verdict.feasible == feasible
        assert verdict.violations["energy_limit"].absolute == pytest.approx(excess, abs=1e-12)
    sum_of_device = float(spent.sum(axis=(1, 2)).max())
    assert sum_of_device / instance.slots < most / 2
    for excess, feasible in ((0.0, True), (0.5e-7, True), (3e-7, False)):
        lenient = changed(instance, limit="average", energy_limit=(sum_of_device - excess) / instance.slots)
        assert evaluate(lenient, dear).feasible == feasible
    assert evaluate(changed(instance, energy_limit=most / 2), dear).metrics["ecpr_percent"] > 0.0


def test_energy_must_be_there_before_it_is_spent(good):
    """A slot cannot spend its own harvest, and the floor of (8) creates no energy that could hide it."""
    instance, plan = good
    dear = changed(
        plan,
        offload=np.zeros_like(plan.offload),
        resolution=np.full(plan.resolution.shape, 700.0),
        frequency=np.full(plan.resolution.shape, 0.8e9),
    )
    spent = (5e-28 * dear.frequency**2 * 12 * dear.frames * dear.resolution**2 * 8).sum(axis=2)
    battery, limit = float(spent[:, 0].max()), float(spent.max())
    rich = np.full(instance.harvest.shape, instance.harvest_law)
    for excess, feasible in ((0.0, True), (0.5e-7, True), (3e-7, False)):
        poor = changed(
            instance,
            battery=np.full(instance.devices, battery - excess),
            energy_limit=limit,
            harvest=np.maximum(rich, limit),
            harvest_law=10.0,
        )
        verdict = evaluate(poor, dear)
        assert verdict.feasible == feasible
        assert verdict.violations["battery"].absolute == pytest.approx(excess, abs=1e-12)


def test_insecure_offloads_are_repaired_and_counted(draw, decide):
    """(31): what is not secure runs locally with the frequency it was given, and the plan is infeasible however well it then does."""
    instance = draw(1, "small")
    solution = decide(instance, 1)
    verdict = evaluate(instance, solution)
    left = physics.secrecy_repair(instance.channels, *(np.swapaxes(array, 0, 1) for array in (solution.offload, solution.power)))
    repaired = changed(solution, offload=np.swapaxes(left, 0, 1))
    assert 0 < repaired.offload.sum() < solution.offload.sum()
    again = evaluate(instance, repaired)
    assert again.objective == verdict.objective
    assert verdict.violations["secrecy"].absolute > 0.0 == again.violations["secrecy"].absolute
    assert again.metrics["sor_percent"] == verdict.metrics["sor_percent"] == 100.0 * left.sum() / solution.offload.sum()
    assert (
        "sor_percent"
        not in evaluate(instance, changed(solution, offload=np.zeros_like(left.swapaxes(0, 1)), requested=repaired.offload & False)).metrics
    )


def test_what_is_far_out_of_bounds_has_no_objective(good):
    """Decisions that overflow are infeasible and worth minus infinity, without a warning."""
    instance, plan = good
    verdict = evaluate(instance, edited(plan, "resolution", (0, 0, 0), 1e200))
    assert verdict.objective == -np.inf
    assert not verdict.feasible


def test_a_solution_of_another_trace_is_refused(good):
    """Decisions for fewer slots are an error, not an evaluation of the slots that are there."""
    instance, plan = good
    shorter = Solution(**{name: getattr(plan, name)[:, :2] for name in Solution.model_fields})
    with pytest.raises(SolutionError, match=r"field offload: expected shape \[5, \d+, 3\], found \[5, 2, 3\]"):
        evaluate(instance, shorter)
