"""The family at work: one row as in a batch, other sizes, bounds, errors in one sentence, and what ships."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from mecbench.instances.best import best_known
from mecbench.instances.library import load
from mecbench.problems.errors import InputError
from mecbench.problems.p_marl import SIZES, Task, evaluate, generate
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.p_marl.networks import network_of
from mecbench.rl.p_marl.policy import AMFQ, FOCI, IQL, algorithms
from mecbench.rl.policies import DATA

NAMES = [agent.name for agent in algorithms]


def episodes(policy, instances, seed=0):
    """Solutions of a policy on instances side by side."""
    task = Task(**policy.task_options)
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), seed)
    while True:
        step = task.step(policy.act(observation))
        if step.truncated.all():
            return task.solutions()
        observation = step.observation


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_every_agent_ships_and_decides_a_row_alone_as_in_a_batch(agent, worlds):
    """The checkpoint in the package plays; an episode alone, or beside wider ones, is decided the same."""
    policy = agent()
    assert [header["agent"] for header in policy.headers] == [f"p-marl/{agent.name}"] * len(policy.headers)
    assert policy.headers
    together = episodes(policy, worlds)
    for row in (0, 1):
        (alone,) = episodes(policy, worlds[row : row + 1])
        assert np.mean(alone.edge == together[row].edge) > 0.999
        assert alone.edge.shape == (worlds[row].epochs, worlds[row].devices)


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_no_agent_is_below_a_certified_bound(agent):
    """On a stored instance the evaluator's objective is at least the bound, and below all-local's."""
    instance = load("p-marl-orig-60x5-0000").instance
    (solution,) = episodes(agent(), [instance])
    objective = evaluate(instance, solution).objective
    assert objective >= best_known(instance).bound - 1e-9
    assert objective < 1.3


def test_amfq_draws_by_its_seed_where_it_is_told_to(worlds):
    """From the softmax, as in training: repeatable, other for another seed, and mostly what is best."""
    best, drawn = episodes(AMFQ(), worlds), episodes(AMFQ(sampled=True), worlds)
    assert episodes(AMFQ(sampled=True), worlds) == drawn
    assert episodes(AMFQ(sampled=True), worlds, seed=1) != drawn
    assert best != drawn
    first = [[solution.edge[0] for solution in each] for each in (best, drawn)]
    assert np.mean([np.mean(ours == theirs) for ours, theirs in zip(*first, strict=True)]) > 0.3


def test_weights_are_saved_and_loaded_without_a_change(tmp_path, worlds):
    """A checkpoint written and read again decides the same, and counts as another algorithm by its content."""
    shipped = FOCI()
    save_checkpoint(shipped.fitting(60, 5, 8), tmp_path / "again.npz")
    again = FOCI(checkpoint=str(tmp_path / "again.npz"))
    assert episodes(again, worlds) == episodes(shipped, worlds)
    assert str(again.version).startswith("sha256:")


def test_the_texts_network_is_refused_at_another_size_in_one_sentence(tmp_path, worlds, quick, random_weights):
    """Its MLP has a column per edge; the message says what it is for."""
    chosen = quick(preset="paper")
    network = network_of(FOCI.method.layout(worlds[0]), worlds[0], chosen)
    header = {"agent": "p-marl/foci", "devices": 12, "edges": 2, "groups": 8, "hyperparameters": asdict(chosen)}
    save_checkpoint(Checkpoint(header, random_weights(network.shapes())), tmp_path / "text.npz")
    policy = FOCI(checkpoint=str(tmp_path / "text.npz"))
    assert len(episodes(policy, worlds[:1])) == 1
    with pytest.raises(
        InputError, match="expected a checkpoint for 60 devices and 5 edges and 8 groups, found one whose weights are for 12"
    ):
        episodes(policy, [generate(SIZES["orig-60x5"], 10_000)])
    with pytest.raises(InputError, match="agent p-marl/iql, found one of 'p-marl/foci'"):
        IQL(checkpoint=str(tmp_path / "text.npz"))


def test_shipped_checkpoints_are_small_and_hold_no_pickle():
    """They are read without executing anything, say what validation found, and stay under half a megabyte together."""
    files = sorted(DATA.glob("p-marl-*.npz"))
    assert sum(path.stat().st_size for path in files) < 500_000
    for path in files:
        name = path.name.removeprefix("p-marl-").partition("-")[0]
        header = load_checkpoint(path, f"p-marl/{name}")[0].header
        assert header["problem"] == "p-marl"
        assert header["validation_score"] == min(score for score in header["curve"]["validation_score"] if score is not None)
