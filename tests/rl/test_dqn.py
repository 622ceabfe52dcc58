"""The dueling double DQN: its targets and head by hand, masks, exploration, replay, and a state to go on from bit by bit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.random import SeedSequence

from mecbench.rl import mlp
from mecbench.rl.choices import greedy
from mecbench.rl.dqn import Encoded, Settings, build, dueling
from mecbench.rl.rows import Moved
from mecbench.rl.states import load_state, save_state
from mecbench.rl.training import private_randomness

LENGTH, ACTIONS = 4, 4
QUICK = Settings(discount=0.5, learning_rate=1e-2, batch=32, replay=500, warmup=32, period=20, updates=2, start=1.0, decay=0.9, least=0.1)


@pytest.fixture(autouse=True)
def torch():
    """PyTorch and Stable-Baselines3, or a skip that says what is missing."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    return pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")


@dataclass(frozen=True)
class Corridor:
    """Network of the corridor: a dueling MLP of the place, and a mask that stands in the observation."""

    def shapes(self):
        """Trunk and two heads."""
        return mlp.shapes("trunk", (LENGTH, 16)) | mlp.shapes("value", (16, 1)) | mlp.shapes("advantage", (16, ACTIONS))

    def gains(self):
        """As they are drawn."""
        return {}

    def encode(self, array, seen):
        """The mask stands behind the place."""
        return Encoded(seen[..., LENGTH:] > 0, seen[..., :LENGTH])

    def values(self, array, weights, encoded):
        """Dueling."""
        hidden = array.tanh(mlp.mlp(array, weights, "trunk", encoded.inputs))
        value, advantage = (mlp.mlp(array, weights, head, hidden) for head in ("value", "advantage"))
        return dueling(array, value, advantage, encoded.mask)


class Walk:
    """Rows in a corridor of four places, three of them somebody: action 1 goes on and pays 1 at the end, 2 stays and pays 0.05.

    Action 0 is admitted and pays nothing; 3 never is, and would pay most. Whoever arrives waits; after eight steps all is over.
    """

    rows, features, actions = 5, LENGTH + ACTIONS, ACTIONS

    def reset(self):
        """Three walkers at the first three places."""
        self.place, self.time = np.array([0, 1, 2, -1, -1]), 0
        return self.seen()

    def seen(self):
        """Place and mask; zeros for who has arrived."""
        here = (self.place[:, None] == np.arange(LENGTH)) & (self.place < LENGTH - 1)[:, None]
        mask = here.any(axis=1)[:, None] & np.array([True, True, True, False])
        return np.concatenate((here, mask), axis=1).astype(np.float32)

    def step(self, action):
        """Walk."""
        there = self.seen().any(axis=1)
        reward = np.array([0.0, 0.0, 0.05, 9.0])[action]
        self.place = np.where(there & (action == 1), self.place + 1, self.place)
        arrived = there & (self.place == LENGTH - 1)
        self.time += 1
        waits = (self.place < 0) | (self.place == LENGTH - 1)
        return Moved(self.seen(), np.where(arrived, 1.0, reward), waits, self.time == 8 or bool(waits.all()))


def learner(settings=QUICK, seed=0):
    """A learner of the corridor."""
    return build(Corridor(), Walk(), settings, SeedSequence(seed))


@pytest.mark.parametrize("module", ["numpy", "torch"])
def test_the_mean_of_the_admitted_values_is_the_state_value(module, torch):
    """The dueling identity, which makes V and A the only ones of their kind, whatever stands where the mask forbids."""
    array = np if module == "numpy" else torch
    random = np.random.default_rng(0)
    value, advantage, mask = random.normal(size=(6, 1)), random.normal(size=(6, 4)) * 100, random.random((6, 4)) < 0.7
    mask[1:, 1], mask[0] = True, False
    if module == "torch":
        value, advantage, mask = map(torch.from_numpy, (value, advantage, mask))
    found = dueling(array, value, advantage, mask)
    means = [float(found[row][mask[row]].mean()) for row in range(1, 6)]
    assert means == pytest.approx([float(each) for each in value[1:, 0]])
    best = greedy(array, found, mask)
    assert all(mask[row, best[row]] for row in range(1, 6))
    assert best[0] == 0


def test_a_goal_bootstraps_from_who_was_cut_off_and_not_from_who_arrived(torch):
    """A truncated episode is worth what was to come; a terminated one only what it was paid."""
    agent = learner()
    with private_randomness():
        for _ in range(4):
            agent.play()
    held = agent.replay_buffer
    size = held.size()
    batch = held.sample(400)
    end = batch.dones == 1
    assert end.any()
    assert agent.goal(batch)[end].tolist() == batch.rewards[end].tolist()
    open_ended = agent.goal(batch)[~end] - batch.rewards[~end]
    with torch.no_grad():
        after = Corridor().encode(torch, batch.next_observations[~end])
        best = agent.q_net(after).masked_fill(~after.mask, -np.inf).argmax(1)
        wanted = 0.5 * agent.q_net_target(after).gather(1, best[:, None])[:, 0]
    assert open_ended.tolist() == pytest.approx(wanted.tolist(), abs=1e-6)
    assert size == agent.num_timesteps  # every decision of somebody, and nobody's
    assert np.any(held.observations[:size, 0], axis=1).all()


@pytest.mark.parametrize("exploration", ["epsilon", "boltzmann", "noise"])
def test_it_learns_the_best_admitted_actions(exploration, torch):
    """Going on is worth 1 discounted by every step, staying 0.1 for ever: it goes on, and knows what that is worth."""
    agent = learner(replace(QUICK, exploration=exploration, start={"boltzmann": 0.5}.get(exploration, 1.0), noise=0.5))
    with private_randomness():
        for _ in range(40):
            agent.play()
    places = np.eye(LENGTH, LENGTH + ACTIONS, dtype=np.float32)[:3]
    places[:, LENGTH : LENGTH + 3] = 1
    assert agent.predict(places, deterministic=True)[0].tolist() == [1, 1, 1]
    if exploration != "boltzmann":  # which values a state by what it draws next
        values = agent.q_net(Corridor().encode(torch, torch.from_numpy(places)))[:, :3].amax(1)
        assert values.tolist() == pytest.approx([0.25, 0.5, 1.0], abs=0.05)


def test_exploration_is_each_rows_own_and_admitted_only(torch):
    """At epsilon 1 every admitted action comes as often, row by row; the softmax draws by its temperature."""
    rows = np.zeros((3000, LENGTH + ACTIONS), dtype=np.float32)
    rows[:, 0] = rows[:, LENGTH : LENGTH + 3] = 1
    agent = learner()
    agent.exploration_rate = 1.0
    counts = np.bincount(agent.predict(rows)[0], minlength=ACTIONS)
    assert counts[3] == 0
    assert counts[:3] == pytest.approx([1000] * 3, abs=110)
    agent.exploration_rate = 0.3
    own = int(agent.predict(rows[:1], deterministic=True)[0][0])
    assert np.mean(agent.predict(rows)[0] == own) == pytest.approx(0.8, abs=0.04)
    soft = learner(replace(QUICK, exploration="boltzmann"))
    soft.exploration_rate = 0.2
    values = soft.q_net(Corridor().encode(torch, torch.from_numpy(rows[:1])))[0, :3].detach().numpy() / 0.2
    wanted = np.exp(values) / np.exp(values).sum()
    assert np.bincount(soft.predict(rows)[0], minlength=4)[:3] / 3000 == pytest.approx(wanted, abs=0.04)


def test_noise_on_parameters_grows_until_it_changes_decisions_enough():
    """Adapted by the divergence of the softmax: from next to nothing upwards, from far too much downwards, and other in each episode."""
    agent = learner(replace(QUICK, exploration="noise", start=0.5, decay=1.0, noise=1e-6))
    with private_randomness():
        agent.play()
        first = dict(agent._perturbed)
        agent.play()
        assert agent.noise > 1e-6
        assert all(not np.array_equal(first[name], agent._perturbed[name]) for name in first)
        agent.noise = 100.0
        agent.play()
        assert agent.noise < 100.0


def test_the_target_network_is_copied_when_due_and_stands_still_between(torch):
    """A hard copy every so many updates."""
    agent = learner(replace(QUICK, period=7, warmup=1))
    with private_randomness():
        agent.play()
        before = {name: tensor.clone() for name, tensor in agent.q_net_target.state_dict().items()}
        rest = 7 - agent.updates % 7
        agent.train(rest - 1, 32)
        assert all(torch.equal(tensor, before[name]) for name, tensor in agent.q_net_target.state_dict().items())
        agent.train(1, 32)
        assert all(torch.equal(tensor, agent.q_net.state_dict()[name]) for name, tensor in agent.q_net_target.state_dict().items())


@pytest.mark.parametrize("exploration", ["epsilon", "noise"])
def test_a_run_repeats_and_goes_on_bit_by_bit(exploration, tmp_path):
    """Same seed, same weights; saved after an episode and loaded into another learner, the rest is as if nothing had happened."""
    settings = replace(QUICK, exploration=exploration)

    def after(number, agent):
        with private_randomness():
            told = [agent.play(1 - turn / 10) for turn in range(number)]
        return told, {name: array.tobytes() for name, array in agent.arrays().items()}

    first, second = learner(settings), learner(settings)
    assert after(3, first) == after(3, second)
    save_state(first.state_dict(), tmp_path / "state.pt")
    resumed = learner(settings, seed=9)
    resumed.load_state_dict(load_state(tmp_path / "state.pt"))
    assert after(3, resumed) == after(3, second)
    assert resumed.num_timesteps == second.num_timesteps
