"""Training of the family: repeatable and resumable bit for bit, honest about its splits, and better than chance in seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.draws import split_of
from mecbench.problems.errors import InputError
from mecbench.problems.p import SIZES, Task, generate
from mecbench.rl.checkpoints import load_checkpoint
from mecbench.rl.p.learning import USERS, draws, validation_instances
from mecbench.rl.p.policy import algorithms
from mecbench.rl.training import CHECKPOINT, Run
from mecbench.solvers.p.heuristics import Random

NAMES = [agent.name for agent in algorithms]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, micro):
    """Folder of a training run of each agent."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    folders = {}
    for agent in algorithms:
        folders[agent.name] = tmp_path_factory.mktemp(agent.name)
        agent.train(Run(size="small", seed=0, out=folders[agent.name], hyperparameters=micro))
    return folders


def play(policy, instances):
    """Metrics of each episode under a policy."""
    task = Task(**getattr(policy, "task_options", {}))
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), 0)
    while True:
        step = task.step(policy.act(observation))
        if step.terminated.all():
            return step.metrics
        observation = step.observation


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_seconds_of_training_beat_chance(agent, trained):
    """After six thousand decisions cost and delay are less than half of Random's, on worlds that training never saw."""
    instances = [generate(SIZES["small"], seed) for seed in range(10_500, 10_530)]
    policy = agent(checkpoint=str(trained[agent.name] / CHECKPOINT))
    learned, chance = play(policy, instances), play(Random(), instances)
    assert learned["objective"].mean() < 0.75 * chance["objective"].mean()
    assert learned["mean_delay_s"].mean() < 0.6 * chance["mean_delay_s"].mean()


def test_one_seed_gives_the_same_weights_bit_for_bit(trained, tmp_path, micro):
    """A stranger can train the agent again."""
    agent = algorithms[0]
    agent.train(Run(size="small", seed=0, out=tmp_path, hyperparameters=micro))
    first, again = (load_checkpoint(folder / CHECKPOINT, f"p/{agent.name}")[0] for folder in (trained[agent.name], tmp_path))
    assert {name: array.tobytes() for name, array in first.weights.items()} == {name: a.tobytes() for name, a in again.weights.items()}
    assert first.header["validation_score"] == again.header["validation_score"]


def test_a_killed_run_goes_on_to_the_same_weights(trained, tmp_path, micro):
    """Interrupted at a point of the curve and resumed, all layers, their multiplier and all randomness are as if nothing had happened."""
    agent = algorithms[0]

    def interrupt(done, point=None):
        if point is not None and point.transitions:
            raise KeyboardInterrupt

    order = Run(size="small", seed=0, out=tmp_path, hyperparameters=micro)
    with pytest.raises(KeyboardInterrupt):
        agent.train(replace(order, progress=interrupt))
    resumed = agent.train(replace(order, resume=True))
    expected = load_checkpoint(trained[agent.name] / CHECKPOINT, f"p/{agent.name}")[0]
    assert {name: array.tobytes() for name, array in resumed.weights.items()} == {name: a.tobytes() for name, a in expected.weights.items()}
    assert resumed.header["curve"]["multiplier"] == expected.header["curve"]["multiplier"]


def test_training_begins_from_a_shipped_checkpoint(tmp_path, micro, torch):
    """What was learned at one size is where another begins, told of urgency or not, sharper or not: the first point is what ships."""
    from_small = replace(micro, start="small", transitions=1, episodes=8, user_width=32, deployment_width=32)
    points = []
    order = Run(
        size="small",
        seed=0,
        out=tmp_path,
        hyperparameters=from_small,
        progress=lambda done, point=None: points.append(point) if point else None,
    )
    algorithms[0].train(order)
    expected = play(algorithms[0](), validation_instances("small", from_small))
    assert points[0].validation_score == pytest.approx(expected["objective"].mean(), rel=1e-9)
    urgent = replace(from_small, urgency=2.0, sharpness=3.0)
    algorithms[0].train(replace(order, out=tmp_path / "urgent", hyperparameters=urgent))
    assert points[2].validation_score == pytest.approx(points[0].validation_score, rel=1e-6)
    assert points[3].validation_score != points[1].validation_score
    with pytest.raises(InputError, match="expected a size with a shipped checkpoint, found 'medium'"):
        algorithms[0].train(replace(order, out=tmp_path / "other", hyperparameters=replace(from_small, start="medium")))


@pytest.mark.parametrize("protocol", ["cross-world", "fixed-world"])
def test_traces_are_fresh_and_worlds_of_the_train_split(protocol, micro):
    """No two draws are alike, repeats are, and no world or trace is one of validation or test."""
    chosen = replace(micro, protocol=protocol, episodes=8, repeats=2)
    draw, random = draws("small", 0, chosen), RandomState(MT19937(SeedSequence(0)))
    first, second = draw(random), draw(random)
    assert all(first[number] is first[number + 1] for number in range(0, 8, 2))
    traces = {instance.service.tobytes() + instance.batch.tobytes() for instance in first + second}
    assert len(traces) == 8
    flops = {instance.server_flops.tobytes() for instance in first + second}
    assert len(flops) == 1 if protocol == "fixed-world" else len(flops) > 2
    assert split_of(chosen.world) == "train"
    assert {instance.users for instance in first + second} <= set(USERS["small"])
    held_out = validation_instances("small", chosen)
    assert not traces & {instance.service.tobytes() + instance.batch.tobytes() for instance in held_out}
    assert (flops >= {instance.server_flops.tobytes() for instance in held_out}) == (protocol == "fixed-world")


def test_fresh_traces_follow_the_law_of_the_generator():
    """Services come as often as in generated instances of the same world, and what is fixed is the world's own."""
    parameters = SIZES["small"].model_copy(update={"slots": 400})
    expected = generate(parameters.model_copy(update={"world": 20_001}), 20_001)
    (found,) = draws_of(parameters, 20_001)
    counts = [np.bincount(instance.service.ravel(), minlength=9) / instance.service.size for instance in (expected, found)]
    assert np.abs(counts[0] - counts[1]).max() < 0.05
    assert not np.array_equal(expected.service, found.service)
    assert np.array_equal(expected.gain, found.gain)
    assert found.sha256 != expected.sha256


def draws_of(parameters, world):
    """One instance of a world with a fresh trace."""
    from mecbench.problems.p.generate import fresh_traces

    return fresh_traces(parameters, [world], RandomState(MT19937(SeedSequence(1))))
