"""What agents are paid: charges and relative losses by brute force, and rollouts on which every ratio is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import SeedSequence

from mecbench.problems.p.layout import Layout
from mecbench.rl.p.collection import Collector, Needs, charges, relative_loss
from mecbench.rl.p.learning import Learner
from mecbench.rl.p.local_options import FEATURES
from mecbench.rl.p.networks import LAYERS, Variant

FULL = Variant(constrained=True, central=True)


@pytest.fixture(scope="module")
def needs():
    """Two batches of seven users on three servers, one of whom misses."""
    random = np.random.default_rng(0)
    group = np.eye(4)[[[0, 0, 1, 2, 2, 2, 3], [1, 1, 1, 1, 0, 2, 3]]][..., :3]
    hit = group.sum(axis=2)
    weights = random.random((2, 2, 7)) * hit
    bandwidth, compute = (weight / np.maximum((group @ (weight[:, None] @ group).swapaxes(1, 2))[..., 0], 1e-9) for weight in weights)
    return Needs(*(random.random((2, 7)) * hit for _ in range(3)), bandwidth, compute, group)


def spent(needs, world, left_out=None):
    """(cost of sending, delay) of all users of a world, one left out and its fractions given to the others in proportion."""
    cost = delay = 0.0
    for server in range(needs.group.shape[2]):
        users = [user for user in np.flatnonzero(needs.group[world, :, server]) if user != left_out]
        for fraction, amounts in ((needs.bandwidth, (needs.sending, needs.transfer)), (needs.compute, (None, needs.work))):
            total = fraction[world, users].sum() if left_out is not None and needs.group[world, left_out, server] else 1.0
            part = fraction[world, users] / total
            cost += 0.0 if amounts[0] is None else (amounts[0][world, users] / part).sum()
            delay += (amounts[1][world, users] / part).sum()
    return np.array([cost, delay])


def own(needs, world, user):
    """(cost of sending, delay) of a user itself."""
    band, compute = needs.bandwidth[world, user], needs.compute[world, user]
    return np.array([needs.sending[world, user] / band, needs.transfer[world, user] / band + needs.work[world, user] / compute])


def test_a_charge_is_what_others_would_save(needs):
    """Cost and delay of all with a user, less those without it, are its own and its charge."""
    charge = np.stack(charges(needs), axis=-1)
    for world, user in np.argwhere(needs.group.any(axis=2)):
        saved = spent(needs, world) - spent(needs, world, user)
        assert own(needs, world, user) + charge[world, user] == pytest.approx(saved, rel=1e-9)
    assert not charge[~needs.group.any(axis=2)].any()


def test_the_loss_is_relative_to_equal_shares(needs):
    """Equal shares lose exactly 1; a server with one user has nothing to decide."""
    number = needs.group.sum(axis=1)
    equal = (needs.group / np.maximum(number, 1)[:, None]).sum(axis=2)
    loss, shared = relative_loss(replace(needs, bandwidth=equal, compute=equal), 0.7)
    assert loss == pytest.approx(1.0)
    assert (shared == (number >= 2)).all()
    loss, _ = relative_loss(needs, 0.7)
    users = np.flatnonzero(needs.group[0, :, 2])
    found = sum(own(needs, 0, user) @ [1.0, 0.7] for user in users)
    alone = (needs.sending + 0.7 * (needs.transfer + needs.work))[0, users].sum()
    assert loss[0, 2] == pytest.approx(found / (3 * alone))


@pytest.fixture
def learner(chosen, worlds):
    """(learner, collector, instances) of an agent before its first iteration."""
    pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    instances = [world for world in worlds for _ in range(chosen.repeats)]
    layout = Layout(3, 10, 9, worlds[0].layer_bytes.shape[1] + 1, chosen.observation)
    built = Learner.build(layout, chosen, FULL, 3.0, SeedSequence(0), "cpu")
    return built, Collector(built.networks, chosen, FULL, layout), instances


def test_the_ratio_is_one_on_the_first_minibatch_of_every_layer(learner):
    """What was sampled and what is evaluated are the same distribution: the GRU's sequence, the users' options, the shares."""
    built, collector, instances = learner
    rollouts = built.collect(collector, instances)
    for layer in LAYERS:
        assert built.layers[layer].update(rollouts[layer])["ratio_deviation"] == pytest.approx(0.0, abs=2e-4)


def test_the_multiplier_rises_with_the_delay_of_users_alone(learner):
    """It is held against the mean delay of all requests, failures included and charges not; those are in the cost that critics learn."""
    built, collector, instances = learner
    rollout = built.collect(collector, instances)["users"]
    before, step = built.multiplier, built.layers["users"].constraint.step
    statistics = built.layers["users"].update(rollout)
    assert statistics["cost"] == pytest.approx(rollout.mean_cost)
    expected = np.clip(before + step * (rollout.mean_cost - (1.0 - collector._chosen.margin) * 3.0), 0.0, 100.0)
    assert built.multiplier == pytest.approx(expected)
    charged = float(rollout.cost[rollout.present].mean())
    assert (charged > rollout.mean_cost + 0.01) == (collector._chosen.reward == "dense")


@pytest.mark.parametrize("chosen", ["default"], indirect=True)
def test_rollouts_hold_what_the_task_says(learner):
    """Uncharged rewards and delays of an episode sum to the evaluator's objective and mean delay."""
    built, collector, instances = learner
    plain = Collector(built.networks, replace(collector._chosen, charge=False), FULL, built.networks.allocation.layout)
    rollout = built.collect(plain, instances)["users"]
    metrics = plain._task._metrics()
    number = np.array([world.users * world.slots for world in instances])
    reward, cost = ((values * rollout.present).sum((0, 2)).numpy() for values in (rollout.reward, rollout.cost))
    assert -reward / number == pytest.approx(metrics["objective"], rel=1e-5)
    assert cost / number == pytest.approx(metrics["mean_delay_s"], rel=1e-5)


@pytest.mark.parametrize("chosen", ["default"], indirect=True)
def test_a_second_counts_by_its_urgency(learner):
    """The cost that critics learn is the delay times the urgency that users were told; what is held against the limit is the delay."""
    _, collector, instances = learner
    urgent, layout = replace(collector._chosen, charge=False, urgency=1.0), collector._layout
    built = Learner.build(layout, urgent, FULL, 3.0, SeedSequence(0), "cpu")
    charged = Collector(built.networks, urgent, FULL, layout)
    rollout = built.collect(charged, instances)["users"]
    column = rollout.observation["features"][..., FEATURES]
    told = column.amax((2, 3)) + column.amin((2, 3))  # the places of other options are 0
    assert not told[0].any()
    assert told[1:].all()
    number = np.array([world.users * world.slots for world in instances])
    delay = (rollout.cost * rollout.present / told.exp()[..., None]).sum((0, 2)).numpy()
    assert delay / number == pytest.approx(charged._task._metrics()["mean_delay_s"], rel=1e-4)
    assert rollout.mean_cost == pytest.approx(delay.sum() / number.sum(), rel=1e-4)


@pytest.mark.parametrize("chosen", ["default"], indirect=True)
def test_deployments_are_judged_against_the_repeats_of_their_episode(learner):
    """In a group with equal requests the rewards sum to zero, so that no world's scale drowns the others."""
    built, collector, instances = learner
    reward = built.collect(collector, instances)["deployment"].reward
    groups = reward.reshape(len(reward), -1, collector._chosen.repeats, 3)
    assert groups.mean(2).abs().max() < 1e-5
    assert groups.std(2).max() > 0.05
