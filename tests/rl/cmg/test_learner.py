"""The learner of the family: targets, gradients and multiplier by hand, and Stable-Baselines3's DDPG and TD3 where they coincide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import SeedSequence

from mecbench.problems.cmg import SIZES, generate
from mecbench.rl.cmg.hyperparameters import CONSTRAINT_AWARE, OffPolicy, Variant
from mecbench.rl.cmg.learner import ascend, learner, matched
from mecbench.rl.cmg.networks import network
from mecbench.rl.cmg.view import episodes_view

PLAIN, CHANNEL, WITHIN, TWINS = Variant(), Variant(penalty="channel"), Variant(penalty="reward"), Variant(twins=2)
LIMIT = 0.4
PRICED = OffPolicy(warmup=60, batch=16, width=16, capacity=120, episodes=4, replay="constraint-aware", head_start=0)
TEXT = replace(CONSTRAINT_AWARE, warmup=60, batch=16, capacity=120, episodes=4)


@pytest.fixture
def begin(torch):
    """The function that makes a learner with sixty transitions by chance, of four episodes of three slots."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")

    def make(chosen, variant, devices=2):
        kind = SIZES["tiny"].model_copy(update={"devices": (devices, devices), "slots": (3, 3)})
        made = network(chosen, devices, kind.chunks[0])
        instances = [generate(kind, 20_000 + seed) for seed in range(4)]
        view = episodes_view(lambda: instances, made.interface, devices, chosen.reward)
        learning = learner(view, made, chosen, variant, LIMIT, SeedSequence(0))
        return learning.learn(60)

    return make


def peek(learning, number=16):
    """The batch that the learner draws next."""
    state = learning.replay_buffer.random.get_state()
    batch = learning.replay_buffer.draw(number, learning.chosen.importance)
    learning.replay_buffer.random.set_state(state)
    return batch


def test_norms_are_matched_by_hand(torch):
    """g_r = (3, 4) in two parameters has norm 5, g_c = (0, 10) norm 10: -g_r + 0.5 g_c 5 / 10 is (-3, -1.5); no cost, no nan."""
    reward, cost = [torch.tensor([3.0]), torch.tensor([[4.0]])], [torch.tensor([0.0]), torch.tensor([[10.0]])]
    first, second = matched(reward, cost, 0.5, 0.0)
    assert first.tolist() == [-3.0]
    assert second.tolist() == [[-1.5]]
    still = matched(reward, [torch.zeros(1), torch.zeros(1, 1)], 1.0, 1e-8)
    assert [part.item() for part in still] == [-3.0, -4.0]


@pytest.mark.parametrize(
    ("before", "cost", "after"),
    [(0.2, 0.9, 0.2005), (0.2, 0.1, 0.1997), (0.0, 0.1, 0.0), (0.9999, 0.9, 1.0), (0.5, 0.4, 0.5)],
)
def test_the_multiplier_follows_the_cost(before, cost, after):
    """It rises by eta times the excess, falls by eta times what is left, and stays within [0, lambda_max] (41)."""
    assert ascend(before, cost, LIMIT, CONSTRAINT_AWARE) == pytest.approx(after, abs=1e-12)


@pytest.mark.parametrize("chosen", [TEXT, PRICED], ids=["text", "priced"])
def test_each_head_is_trained_on_its_own_target(begin, chosen, torch):
    """Errors and gradients are those of r + gamma_r Q_r' and c + gamma_c Q_c' (49) to (51), weighted by importance (56)."""
    learning = begin(chosen, CHANNEL)
    batch, captured = peek(learning), {}
    chance = learning._chance.get_state()
    before = {name: value.clone() for name, value in learning.critic.state_dict().items()}
    learning.replay_buffer.learned = lambda places, errors: captured.update(errors=errors)
    learning._judge(batch, torch.from_numpy(batch.observation))
    gradients = [parameter.grad.clone() for parameter in learning.critic.parameters()]
    learning.critic.load_state_dict(before)
    learning._chance.set_state(chance)
    with torch.no_grad():
        later = torch.from_numpy(batch.next_observation)
        ahead = learning.critic_target(later, learning._settled(learning.actor_target(later)))[0]
    team = chosen.interface == "text"
    reward, cost = (torch.from_numpy(values) for values in (batch.reward, batch.cost))
    if team:
        reward, cost = reward.mean(1, keepdim=True), cost.mean(1, keepdim=True)
    goes_on = torch.from_numpy(1.0 - batch.terminated)[:, None]
    target = [
        reward + chosen.discount * goes_on * ahead[..., 0],
        cost + chosen.cost_discount * goes_on * ahead[..., 1],
    ]
    found = learning.critic(torch.from_numpy(batch.observation), torch.from_numpy(batch.action))[0]
    errors = torch.stack([each - found[..., channel] for channel, each in enumerate(target)])
    np.testing.assert_allclose(captured["errors"], errors.sum(-1).detach(), atol=1e-5)
    loss = (torch.from_numpy(batch.weight)[:, None] * (errors**2).sum(0)).mean()
    expected = torch.autograd.grad(loss, list(learning.critic.parameters()))
    norm = torch.linalg.vector_norm(torch.stack([part.norm() for part in expected]))
    clipped = min(1.0, chosen.critic_gradient_norm / float(norm)) if chosen.critic_gradient_norm else 1.0
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, clipped * theirs, rtol=1e-3, atol=1e-5)


def test_the_actor_descends_along_both_channels(begin, torch):
    """At lambda 0 its step is that of reward alone; above, cost is added at lambda times the reward's norm, before clipping to 1."""
    learning = begin(replace(TEXT, gradient_norm=0.0), CHANNEL)
    seen = torch.from_numpy(peek(learning).observation)
    parameters = list(learning.actor.parameters())
    gradients = []
    for channel in range(2):
        value = learning.critic(seen, learning.actor(seen))[0][..., channel].mean()
        gradients.append(torch.cat([part.flatten() for part in torch.autograd.grad(value, parameters)]))
    start = {name: value.clone() for name, value in learning.actor.state_dict().items()}
    for multiplier in (0.0, 0.7):
        learning.actor.load_state_dict(start)
        learning.multiplier = multiplier
        learning._improve(seen)
        step = torch.cat([parameter.grad.flatten() for parameter in parameters])
        scaled = multiplier * gradients[1] * gradients[0].norm() / (gradients[1].norm() + TEXT.matching_floor)
        np.testing.assert_allclose(step, scaled - gradients[0], rtol=1e-3, atol=1e-6 * float(gradients[0].norm()))


def test_lagrange_relabels_rewards_when_they_are_drawn(begin, torch):
    """LMADDPG's one channel is r - lambda (c - C_limit) averaged over devices, at the multiplier of the moment."""
    learning = begin(TEXT, WITHIN)
    batch = peek(learning)
    for multiplier in (0.0, 0.5):
        learning.multiplier = multiplier
        expected = (batch.reward - multiplier * (batch.cost - LIMIT)).mean(axis=1)
        np.testing.assert_allclose(learning._signals(batch)[:, 0, 0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("variant", "moves"), [(PLAIN, False), (WITHIN, True), (CHANNEL, True)], ids=["plain", "reward", "channel"])
def test_who_has_a_multiplier(begin, variant, moves):
    """By chance devices spend more than the limit, so lambda rises by eta times the excess of each batch; MADDPG has none."""
    learning = begin(replace(TEXT, updates=2), variant)
    learning.limit = 0.01
    learning.train(2, 16)
    assert (learning.multiplier > 0.0) == moves
    fixed = begin(replace(TEXT, multiplier=0.5, multiplier_step=0.0), variant)
    fixed.train(2, 16)
    assert fixed.multiplier == (0.5 if moves else 0.0)


@pytest.mark.parametrize(("variant", "rival"), [(PLAIN, "DDPG"), (TWINS, "TD3")])
def test_updates_are_those_of_stable_baselines3(begin, variant, rival, torch):
    """One device, one network: with equal weights and batches two updates leave the weights that DDPG's or TD3's own code leaves."""
    import stable_baselines3
    from stable_baselines3.common.buffers import ReplayBufferSamples
    from stable_baselines3.common.logger import Logger

    plain = replace(TEXT, gradient_norm=0.0, target_noise=0.0, replay="uniform")
    learning = begin(plain, variant, devices=1)
    keywords = {"target_policy_noise": 0.0} if rival == "TD3" else {}
    other = getattr(stable_baselines3, rival)(
        "MlpPolicy",
        learning.env,
        learning_rate=1e-3,
        buffer_size=1,
        tau=plain.target_rate,
        gamma=plain.discount,
        policy_kwargs={"net_arch": [256, 128, 64]},
        device="cpu",
        **keywords,
    )
    other.set_logger(Logger(None, []))

    def copy_to(actor, critic, ours_actor, ours_critic):
        layers = [layer for layer in actor.mu if isinstance(layer, torch.nn.Linear)]
        for place, layer in enumerate(layers):
            layer.weight.data = ours_actor.weights[f"weight_{place}"][0].T.detach().clone()
            layer.bias.data = ours_actor.weights[f"bias_{place}"][0, 0].detach().clone()
        theirs = [layer for net in critic.q_networks for layer in net if isinstance(layer, torch.nn.Linear)]
        ours = [layer for layer in ours_critic.modules() if isinstance(layer, torch.nn.Linear)]
        for layer, own in zip(theirs, ours, strict=True):
            layer.load_state_dict(own.state_dict())

    copy_to(other.actor, other.critic, learning.actor, learning.critic)
    copy_to(other.actor_target, other.critic_target, learning.actor_target, learning.critic_target)

    def sample(number, env=None):
        batch = peek(learning, number)
        parts = batch.observation, batch.action[:, 0], batch.next_observation, batch.terminated[:, None], batch.reward
        return ReplayBufferSamples(*map(torch.from_numpy, parts))

    other.replay_buffer.sample = sample
    for _ in range(2):
        other.train(1, 16)
        learning.train(1, 16)
    for place, layer in enumerate(layer for layer in other.actor.mu if isinstance(layer, torch.nn.Linear)):
        own = learning.actor.weights[f"weight_{place}"][0].T.detach()
        assert (layer.weight - own).abs().mean() < 1e-6
    theirs = [layer for layer in other.critic.modules() if isinstance(layer, torch.nn.Linear)]
    ours = [layer for layer in learning.critic.modules() if isinstance(layer, torch.nn.Linear)]
    for layer, own in zip(theirs, ours, strict=True):
        assert (layer.weight - own.weight).abs().mean() < 1e-6
    moved = learning.actor_target.weights["weight_1"] - learning.actor.weights["weight_1"]
    assert moved.abs().mean() > 1e-6
