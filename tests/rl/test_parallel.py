"""PettingZoo's view of P-MARL and CMG: its own checker passes, and it plays as the task does."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems import cmg
from mecbench.problems.p_edge import SIZES as EDGES
from mecbench.problems.p_edge import generate as generate_edge
from mecbench.problems.p_marl import Parameters, Task, evaluate, generate
from mecbench.rl.parallel import parallel_view

pettingzoo_test = pytest.importorskip("pettingzoo.test", reason="comes with the extra rl")


@pytest.fixture(scope="module")
def worlds():
    """Two worlds of six devices."""
    return [generate(Parameters(population=6, edges=2, area=0.4, epochs=6), seed) for seed in range(2)]


@pytest.mark.parametrize("options", [{}, {"reward": "paper", "coa": False, "mean_field": True}])
def test_the_checker_accepts_the_view(worlds, options):
    """PettingZoo's parallel_api_test passes, over several episodes."""
    pettingzoo_test.parallel_api_test(parallel_view("p-marl", worlds, **options), num_cycles=40)


def test_the_view_is_the_task(worlds):
    """Agents see their rows and are paid their rewards, and an episode's solution is what the evaluator judges."""
    view, task, random = parallel_view("p-marl", worlds), Task(), np.random.default_rng(0)
    for index, instance in enumerate(worlds):
        observations, _ = view.reset(options={"instance": index})
        direct = task.reset([instance])
        assert view.agents == [f"device_{m}" for m in range(instance.devices)]
        total = 0.0
        while view.agents:
            for row, agent in enumerate(view.agents):
                np.testing.assert_array_equal(observations[agent]["observation"], direct["agents"][0, row])
                np.testing.assert_array_equal(observations[agent]["action_mask"], direct["mask"][0, row])
            agents, actions = view.agents, random.integers(0, 17, instance.devices)
            observations, rewards, terminated, truncated, _ = view.step(dict(zip(agents, actions.tolist(), strict=True)))
            step = task.step(actions[None])
            direct = step.observation
            assert list(rewards.values()) == step.reward[0].tolist()
            assert not any(terminated.values())
            assert all(truncated.values()) == bool(step.truncated[0])
            total += min(rewards.values())
        assert view.solution() == task.solutions()[0]
        assert total == pytest.approx(-evaluate(instance, view.solution()).objective, rel=1e-9)


@pytest.fixture(scope="module")
def cameras():
    """Two instances of CMG of three devices."""
    return [cmg.generate(cmg.SIZES["tiny"].model_copy(update={"devices": (3, 3), "slots": (4, 4)}), seed) for seed in range(2)]


@pytest.mark.parametrize("options", [{}, {"reward": "paper", "actions": "discrete", "see_eve": True}, {"paper_obs": True, "strict": True}])
def test_the_checker_accepts_the_view_of_vectors(cameras, options):
    """PettingZoo's parallel_api_test passes where an action is a vector of numbers or of choices."""
    pettingzoo_test.parallel_api_test(parallel_view("cmg", cameras, **options), num_cycles=40)


@pytest.mark.parametrize("actions", ["hybrid", "discrete"])
def test_the_view_of_vectors_is_the_task(cameras, actions):
    """Every device acts for itself and is paid for itself; what they are paid is the evaluator's objective."""
    view = parallel_view("cmg", cameras, actions=actions)
    observations, _ = view.reset(options={"instance": 1})
    for agent in view.agents:
        view.action_space(agent).seed(3)
    direct, total = cmg.Task(actions=actions).reset(cameras[1:]), 0.0
    for row, agent in enumerate(view.agents):
        np.testing.assert_array_equal(observations[agent]["observation"], direct["agents"][0, row])
        assert "action_mask" not in observations[agent]
    while view.agents:
        _, rewards, *_ = view.step({agent: view.action_space(agent).sample() for agent in view.agents})
        total += sum(rewards.values())
    assert total == pytest.approx(cmg.evaluate(cameras[1], view.solution()).objective, rel=1e-9)


def test_seeds_draw_instances(worlds):
    """The same seed draws the same instances, others sooner or later another one."""
    view = parallel_view("p-marl", worlds)
    drawn = [[view.reset(seed=seed)[1]["device_0"]["instance"] for seed in range(10)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {0, 1}


def test_problems_of_other_actions_are_refused(worlds):
    """A task whose agents do not have an action each has no such view, nor have no instance or instances of different size."""
    with pytest.raises(ValueError, match="whose agents have an action each"):
        parallel_view("p-edge", [generate_edge(EDGES["tiny"], 0)])
    with pytest.raises(ValueError, match="expected at least one instance"):
        parallel_view("p-marl", [])
    with pytest.raises(ValueError, match=r"equally many devices, found \[4, 6\]"):
        parallel_view("p-marl", [*worlds, generate(Parameters(population=4, edges=2, area=0.4, epochs=6), 0)])
