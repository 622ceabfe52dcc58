"""The task: same physics as the evaluator, invariant to batching, free of random numbers."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mecbench.problems.p_edge import Solution, Task, evaluate
from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.task import rollout
from mecbench.problems.views import GymnasiumView
from mecbench.solvers.p_edge.trivial import EqualShare, Proportional, Random


@pytest.fixture(scope="module")
def instances(draw):
    """Forty edges of different sizes."""
    return [draw(seed, devices=(1, 12)) for seed in range(40)]


@pytest.mark.parametrize("policy", [EqualShare(), Proportional(), Random()])
def test_rewards_sum_to_the_evaluators_objective(instances, policy):
    """The return of every device is minus the objective that the evaluator finds for the rolled-out solution."""
    task = Task()
    played = rollout(task, policy, instances, seed=5)
    for row, (instance, solution) in enumerate(zip(instances, played.solutions, strict=True)):
        verdict = evaluate(instance, solution)
        assert verdict.feasible
        assert verdict.metrics["unspent"] == 0
        assert played.returns[row, : instance.devices] == pytest.approx(-verdict.objective, abs=1e-9)
        assert (played.returns[row, instance.devices :] == 0).all()


def test_paper_reward_is_every_devices_own_cost(instances):
    """R^m of the paper is the device's own; the worst of them is the objective."""
    task = Task(reward="paper")
    step_reward = rollout(task, EqualShare(), instances, seed=0).returns
    worst = task.joint(step_reward)
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        assert worst[row] == pytest.approx(-evaluate(instance, solution).objective, abs=1e-12)
        assert len(np.unique(step_reward[row, : instance.devices])) == instance.devices


def test_batch_of_one_equals_batch_of_forty(instances):
    """Padding and neighbours change nothing, bit for bit: observation, reward and solution."""
    batch, single = Task(), Task()
    observed = batch.reset(instances)
    action = np.random.default_rng(0).random(observed["mask"].shape)
    together = batch.step(action)
    for row, instance in enumerate(instances):
        alone = single.reset([instance])
        assert (alone["agents"][0] == observed["agents"][row, : instance.devices]).all()
        assert (alone["shared"][0] == observed["shared"][row]).all()
        step = single.step(action[row : row + 1, : instance.devices])
        assert (step.reward[0] == together.reward[row, : instance.devices]).all()
        assert single.solutions()[0] == batch.solutions()[row]


def test_a_solvers_allocation_is_replayed_exactly(instances):
    """The exact optimum passes through the task unchanged, so agents and solvers are scored on one scale."""
    task = Task()
    task.reset(instances)
    best = [Solution(allocation=allocate(i.fixed_cost, i.shared_cost, i.multiprocessors)) for i in instances]
    step = task.step(task.action(best))
    assert task.solutions() == best
    assert step.metrics["objective"] == pytest.approx([evaluate(i, s).objective for i, s in zip(instances, best, strict=True)], abs=1e-12)


def test_an_action_that_is_no_share_is_refused(instances):
    """Negative, infinite and misshapen actions are errors that say what was expected."""
    task = Task()
    mask = task.reset(instances)["mask"]
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite shares of at least 0"):
            task.step(np.full(mask.shape, bad))
    with pytest.raises(ValueError, match="expected an action of shape"):
        task.step(np.ones((1, 1)))


def test_random_policy_is_repeatable_and_seeded(instances):
    """Same seed, same allocations; another seed, others."""
    first, again, other = (rollout(Task(), Random(), instances, seed).solutions for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
def test_gymnasium_view_passes_the_checker(instances):
    """The view is a Gymnasium environment by Gymnasium's own judgement."""
    check_env(GymnasiumView("p-edge", instances), skip_render_check=True)


def test_gymnasium_view_pays_what_the_evaluator_says(instances):
    """One joint action on a chosen instance earns minus its objective under both rewards."""
    for reward in ("objective", "paper"):
        view = GymnasiumView("p-edge", instances, reward)
        _, info = view.reset(seed=3, options={"instance": 7})
        assert info["instance"] == 7
        _, paid, terminated, truncated, info = view.step(view.action_space.sample())
        assert terminated
        assert not truncated
        assert paid == pytest.approx(-evaluate(instances[7], view.solution()).objective, abs=1e-12)
        assert info["objective"] == -paid
