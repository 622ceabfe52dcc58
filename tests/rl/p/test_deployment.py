"""Deployment by sequences: never more than fits, the same probabilities whenever they are computed, in either module."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.p.deployment import HOME, priority, unroll
from mecbench.rl.p.networks import Variant, actors, critics


def drawn(seed):
    """A way to choose at random among what the mask admits."""
    random = np.random.default_rng(seed)
    return lambda step, logs: (logs + random.gumbel(size=logs.shape)).argmax(axis=-1)


@pytest.fixture
def seen(agent, worlds, observe, chosen):
    """What the deployment networks see of the worlds."""
    task, observations = observe(worlds, chosen.observation)
    return agent[0].deployment.encode(task.static(), observations[0])


def test_sequences_fill_the_storage_and_no_more(agent, seen):
    """Services are distinct and fit (C7), and when a sequence ends nothing that is left does."""
    made, weights = agent
    chosen = unroll(np, made.deployment, weights["deployment"], seen, drawn(0))
    for world, server in np.ndindex(chosen.order.shape[:2]):
        order = chosen.order[world, server]
        taken = order[order >= 0]
        size, left = seen["size"][world, server], seen["storage"][world, server]
        free = left - size[taken].sum()
        assert len(set(taken.tolist())) == len(taken) == chosen.length[world, server]
        assert free >= 0
        assert (np.delete(size, taken) > free).all()


@pytest.mark.parametrize("chosen", ["default"], indirect=True)
def test_nobody_is_forgotten_before_anything_is_learned(agent, seen, torch):
    """Each service's home prefers it from the start, so that a fresh actor seldom leaves one out; without that it does often."""
    actor = actors(agent[0], torch.Generator().manual_seed(0))["deployment"]
    observation = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in seen.items()}

    def forgotten():
        generator, left_out = torch.Generator().manual_seed(1), 0
        for _ in range(10):
            order = actor.sample(observation, generator)[0].numpy()
            left_out += sum(len(set(range(order.shape[2])) - set(world.ravel().tolist())) for world in order)
        return left_out

    often = forgotten()
    with torch.no_grad():
        actor.weights[HOME].zero_()
    assert often < 0.5 * forgotten()


def test_a_sequence_is_as_probable_as_when_it_was_drawn(agent, seen, torch):
    """The mask is the same in both passes: sampled, and evaluated again in PyTorch, log-probabilities agree to 1e-5 per choice."""
    made, weights = agent
    chosen = unroll(np, made.deployment, weights["deployment"], seen, drawn(1))
    again = unroll(np, made.deployment, weights["deployment"], seen, lambda step, logs: chosen.order[..., step])
    assert np.array_equal(again.order, chosen.order)
    assert np.array_equal(again.log_prob, chosen.log_prob)
    tensors = {name: torch.from_numpy(array) for name, array in weights["deployment"].items()}
    observation = {name: torch.from_numpy(array) for name, array in seen.items()}
    order = torch.from_numpy(chosen.order)
    trained = unroll(torch, made.deployment, tensors, observation, lambda step, logs: order[..., step])
    assert trained.log_prob.numpy() == pytest.approx(chosen.log_prob, abs=1e-4)
    assert trained.entropy.numpy() == pytest.approx(chosen.entropy, abs=1e-5)
    assert torch.equal(trained.order, order)


def test_probabilities_are_those_of_the_draws(agent, seen):
    """Over many draws a first choice comes as often as its probability says."""
    made, weights = agent
    firsts = []

    def watch(step, logs):
        if step == 0:
            firsts.append(logs[0, 0])
        return draw(step, logs)

    counts = np.zeros(9)
    for seed in range(400):
        draw = drawn(seed)
        counts[unroll(np, made.deployment, weights["deployment"], seen, watch).order[0, 0, 0]] += 1
    expected = np.exp(firsts[0])
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.abs(counts / 400 - expected).max() < 4.0 * 0.5 / np.sqrt(400)


def test_priorities_place_a_sequence_in_its_order():
    """What is chosen first comes first; what is not chosen has no priority."""
    order = np.array([[[2, 0, -1, -1], [-1, -1, -1, -1]]])
    assert priority(order).tolist() == [[[3.0, 0.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]


def test_servers_decide_by_what_they_know(agent, worlds, observe, chosen):
    """A server's probabilities do not depend on what was asked of another one, but for the counts of all."""
    made, weights = agent
    task, observations = observe(worlds, chosen.observation)
    changed = {name: array.copy() for name, array in observations[0].items()}
    changed["agents"][:, 1, :9] = changed["agents"][:, 1, :9][:, ::-1]
    logs = []
    for observation in (observations[0], changed):
        seen = made.deployment.encode(task.static(), observation)
        logs.append(unroll(np, made.deployment, weights["deployment"], seen, lambda step, logs: logs.argmax(axis=-1)).log_prob)
    assert np.array_equal(logs[0][:, [0, 2]], logs[1][:, [0, 2]])
    assert (logs[0][:, 1] != logs[1][:, 1]).any()


def test_the_critic_of_the_text_shares_the_encoder(agent, seen, torch, chosen):
    """Its value is one of the sequence (29), and its loss reaches none of the actor's weights; ours sees the state alone."""
    made, _ = agent
    variant = Variant(constrained=True, central=True)
    generator = torch.Generator().manual_seed(0)
    acting = actors(made, generator)
    critic = critics(made, acting, variant, generator)["deployment"]
    observation = {name: torch.from_numpy(array) for name, array in seen.items()}
    first, _, _ = acting["deployment"].sample(observation, generator)
    other, _, _ = acting["deployment"].sample(observation, generator)
    values = [critic.value(observation, order) for order in (first, other)]
    assert values[0].shape == (*first.shape[:2], 1)
    values[0].sum().backward()
    assert all(weight.grad is None for weight in acting["deployment"].parameters())
    assert all(weight.grad is not None for weight in critic.parameters())
    assert torch.equal(*values) == (chosen.network == "options")
