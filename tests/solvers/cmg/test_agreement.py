"""All exact methods of CMG give the same answer, and no bound of any is below a plan of any."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.instances import library
from mecbench.problems.cmg import Solution, Task, bound, evaluate
from mecbench.problems.evaluation import Sense, beats
from mecbench.solvers import Budget, resolve

TREE, BOUND = "cmg/branch-and-bound", "cmg/column-generation"
EXACT = ["cmg/enumeration", TREE]
TINY = [f"cmg-tiny-{number:04d}" for number in range(12)] + [f"cmg-tiny-scarce-{number:04d}" for number in range(12)]
ONE_SLOT = [(size, devices, seed) for size in ("tiny", "tiny-scarce") for devices in (2, 3) for seed in range(3)]


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels are compiled off the clock, as the harness does it."""
    resolve(TREE).prepare()


def prove(told, instance):
    """Optimum that all exact methods prove to 1e-6; the least bound that any method told, and the best plan."""
    answers = [told(name, instance, 30.0) for name in EXACT]
    optimum = max(value for answer in answers for value in answer.values)
    for answer in answers:
        assert evaluate(instance, answer.outcome.solution).objective == pytest.approx(optimum, rel=1e-6)
        assert answer.outcome.bound == pytest.approx(optimum, rel=1e-6)
    answers.append(told(BOUND, instance, 10.0))
    best = max(value for answer in answers for value in answer.values)
    assert best == pytest.approx(optimum, rel=1e-6)
    least = min(claim for answer in answers for claim in answer.bounds)
    assert not beats(best, least, Sense.MAXIMISE)
    return best, least


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_exact_methods_prove_one_optimum(told, name):
    """Who offloads tried out, and prices with branching: 24 tiny instances of both classes, one optimum each to 1e-6."""
    prove(told, library.load(name).instance)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY[::4])
@pytest.mark.parametrize("model", ["cmg/scip-cuts:gap=0.001", "cmg/scip-textbook:gap=0.001"])
def test_whole_models_contradict_nothing(told, name, model):
    """Whatever SCIP has told in two seconds: no plan beats the certified bound, no bound is below the optimum, and proofs agree."""
    instance = library.load(name).instance
    best, least = prove(told, instance)
    outcome, values, bounds = told(model, instance, 2.0)
    assert not values or not beats(max(values), least, Sense.MAXIMISE)
    assert not bounds or not beats(best, min(bounds), Sense.MAXIMISE)
    if outcome.status == "optimal":
        assert max(values) == pytest.approx(best, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "devices", "seed"), ONE_SLOT)
def test_whole_models_prove_the_same(draw, told, size, devices, seed):
    """What SCIP ends, a slot of two or three devices, it ends at the same optimum, to 1e-3, with an interval that holds it."""
    instance = draw(seed, size, devices=devices, slots=1)
    best, least = prove(told, instance)
    outcome, values, bounds = told("cmg/scip-cuts:gap=0.001", instance, 300.0)  # needs a few
    assert outcome.status == "optimal"
    assert max(values) == pytest.approx(best, rel=1e-3)
    assert min(bounds) == pytest.approx(best, rel=1e-3)
    assert max(values) <= least
    assert best <= min(bounds)


def neighbours(instance, plan, seed, count):
    """Plans that differ from one in a few decisions of a few chunks, feasible or not."""
    random = np.random.default_rng(seed)
    shape = instance.gain.shape
    spans = {
        "resolution": (instance.least_resolution, np.full(shape, instance.most_resolution)),
        "frequency": (instance.least_frequency, np.broadcast_to(instance.most_frequency[:, None, None], shape)),
        "power": (instance.least_power, np.broadcast_to(instance.most_power[:, None, None], shape)),
    }
    for _ in range(count):
        here = random.random(shape) < random.choice([1, 2, 4]) / plan.offload.size
        offload = plan.offload ^ (here & (random.random(shape) < random.choice([0.0, 0.3])))
        moved = {"offload": offload, "requested": offload}
        steps = here * random.integers(-2, 3, shape) * random.choice([0, 1])
        moved["frames"] = np.clip(plan.frames + steps, instance.least_frames, instance.most_frames)
        size = here * 10.0 ** random.uniform(-6, -1)
        for name, (least, most) in spans.items():
            moved[name] = np.clip(getattr(plan, name) + size * (most - least) * random.standard_normal(shape), least, most)
        yield Solution(**moved)


def search_beside(size, draw, seeds, count):
    """How many feasible plans beside the best were compared with the bounds of prices and of trees, none of which is better."""
    feasible = 0
    for seed in seeds:
        instance = draw(seed, size)
        outcomes = [resolve(name).solve(instance, Budget(0.4), 0) for name in (BOUND, TREE)]
        proven = min(bound(instance, outcome.certificate) for outcome in outcomes)
        for plan in neighbours(instance, outcomes[-1].solution, seed, count):
            verdict = evaluate(instance, plan)
            feasible += verdict.feasible
            assert not (verdict.feasible and beats(verdict.objective, proven, Sense.MAXIMISE))
    return feasible


@pytest.mark.parametrize("size", ["tiny", "tiny-scarce", "small"])
def test_no_plan_beside_the_best_beats_its_bound(draw, size):
    """Bounds are tight, a millionth above the best plan of tiny instances: what is near that plan would find a bound too low."""
    assert search_beside(size, draw, range(2), 50) > 10


@pytest.mark.slow
def test_five_thousand_plans_beside_the_best_beat_no_bound(draw):
    """The same for as many feasible plans as the problem's description asks for."""
    assert sum(search_beside(size, draw, range(4), 700) for size in ("tiny", "tiny-scarce", "small", "small-scarce")) >= 5_000


@pytest.mark.parametrize("size", ["tiny", "tiny-scarce", "small-scarce"])
def test_a_solvers_plan_is_worth_the_same_as_a_policy(draw, size):
    """Played in the task, the plan earns the evaluator's objective to 1e-9: no guard steps in, though limits and batteries bind."""
    instances = [draw(seed, size, slots=3) for seed in range(3)]
    plans = [resolve(BOUND).solve(instance, Budget(0.4), 0).solution for instance in instances]
    objectives = [evaluate(instance, plan).objective for instance, plan in zip(instances, plans, strict=True)]
    for strict in (False, True):
        task = Task(strict=strict)
        task.reset(instances)
        earned, terminated = np.zeros(len(plans)), False
        while not terminated:
            step = task.step(task.action(plans))
            earned += step.reward.sum(axis=1)
            terminated = step.terminated.all()
        assert earned == pytest.approx(objectives, rel=1e-9)
        assert step.metrics["objective"] == pytest.approx(objectives, rel=1e-9)
        assert not step.metrics["guarded"].any()
