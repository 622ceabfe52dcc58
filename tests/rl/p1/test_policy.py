"""The agents at work from a checkpoint: a row as in a batch, any number of devices, errors in one sentence."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p1 import SIZES, Task, evaluate, generate
from mecbench.rl.checkpoints import Checkpoint, save_checkpoint
from mecbench.rl.p1.policy import algorithms
from mecbench.solvers.p1.heuristics import EdgeComputing


def episodes(policy, instances):
    """Solutions of a policy on instances side by side."""
    task = Task()
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), 0)
    while True:
        step = task.step(policy.act(observation))
        if step.terminated.all():
            return task.solutions()
        observation = step.observation


@pytest.fixture
def saved(layout, shape, filled, tmp_path):
    """The function that leaves a checkpoint of an agent with random weights, trained for five devices."""

    def save(agent, **changes):
        chosen = replace(agent.presets["default"], network=replace(shape, norm="layer"))
        header = {"agent": f"p1/{agent.name}", "devices": 5, "hyperparameters": asdict(chosen)} | changes
        weights = filled(chosen.network.network(layout, agent.dueling))
        save_checkpoint(Checkpoint(header, weights), tmp_path / "checkpoint.npz")
        return str(tmp_path / "checkpoint.npz")

    return save


@pytest.mark.parametrize("agent", algorithms, ids=lambda agent: agent.name)
def test_a_row_alone_answers_as_in_a_batch(agent, saved, worlds):
    """Episodes side by side are episodes: alone, one of them is answered the same, and every plan is feasible."""
    policy = agent(checkpoint=saved(agent))
    together = episodes(policy, worlds)
    (alone,) = episodes(policy, worlds[1:2])
    for name in ("node", "layers_done", "share", "fail"):
        assert np.array_equal(getattr(alone, name), getattr(together[1], name))
    assert all(evaluate(world, solution).feasible for world, solution in zip(worlds, together, strict=True))


def test_networks_serve_other_numbers_of_devices(saved):
    """Weights belong to no node: what was trained for five devices answers for thirty, and with the server's energy charged."""
    agent = algorithms[0]
    policy = agent(checkpoint=saved(agent))
    for size in ("n30", "literal-n10"):
        instance = generate(SIZES[size], 10_000)
        assert evaluate(instance, episodes(policy, [instance])[0]).feasible


def test_a_checkpoint_of_another_shape_is_refused(saved, worlds):
    """Weights that do not fit what the header says end in one sentence."""
    agent = algorithms[1]
    path = saved(agent, hyperparameters=asdict(agent.presets["default"]))
    with pytest.raises(InputError, match="expected a checkpoint for 5 devices"):
        episodes(agent(checkpoint=path), worlds[:1])


@pytest.mark.parametrize("agent", algorithms, ids=lambda agent: agent.name)
def test_every_agent_ships_and_plays(agent):
    """The checkpoint in the package runs without PyTorch, was chosen after some learning, and loses fewer tasks than the paper's EC."""
    policy, instances = agent(), [generate(SIZES["n10"], 10_100 + number) for number in range(4)]
    header = policy.header_for(instances[0])
    assert header["size"] == "n10"
    assert header["chosen_at_transitions"] > 0
    ours, theirs = (episodes(rule, instances) for rule in (policy, EdgeComputing()))
    assert sum(solution.fail.sum() for solution in ours) < sum(solution.fail.sum() for solution in theirs)
    costs = [sum(evaluate(*pair).objective for pair in zip(instances, found, strict=True)) for found in (ours, theirs)]
    assert costs[0] < costs[1]
