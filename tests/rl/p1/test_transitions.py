"""Fitness and targets against numbers worked out by hand, and the replay memory."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.rl.p1.cerl import fitness
from mecbench.rl.p1.transitions import Memory, Transitions, over_steps
from mecbench.solvers.p1.answers import IMPOSSIBLE, admissible

DISCOUNT = 0.9


def test_rewards_count_over_several_steps_by_hand():
    """Two steps at gamma = 1/2: each answer's reward and half the next one's, then the state two on at a quarter; nothing beyond an end."""
    rewards = np.array([[1.0, 8.0], [2.0, 4.0], [4.0, 0.0]])
    returns, end, factor = over_steps(rewards, np.array([3, 2]), 2, 0.5)
    assert returns.tolist() == [[2.0, 10.0], [4.0, 4.0], [4.0, 0.0]]
    assert end.tolist() == [[2, 2], [3, 2], [3, 2]]
    assert factor[:, 0].tolist() == [0.25, 0.0, 0.0]
    assert factor[:2, 1].tolist() == [0.0, 0.0]
    assert over_steps(rewards, np.array([3, 2]), 1, 0.5)[2].tolist()[0] == [0.5, 0.5]


@pytest.fixture
def begun(worlds, layout, shape, start, filled, torch):
    """Network, packing, weights, and the transitions of forty steps side by side in one batch, the ends of episodes among them."""
    network, packing, _, kept = start(worlds, layout, shape, steps=40)
    parts = [np.concatenate([step[number] for step in kept]) for number in range(5)]
    alive = parts[0].any(axis=1)
    seen, answer, reward, after, terminated = (part[alive] for part in parts)
    batch = Transitions.of(
        network,
        packing,
        torch.from_numpy(np.stack((seen, after))),
        torch.from_numpy(answer),
        torch.from_numpy(reward.astype(np.float32)),
        torch.from_numpy(np.where(terminated, 0.0, DISCOUNT).astype(np.float32)),
    )
    weights = {name: torch.from_numpy(array) for name, array in filled(network).items()}
    return batch, weights, (seen, answer, reward, after, terminated), packing


def table(network, packing, weights, rows):
    """Values of all answers in NumPy, of every row alone."""
    found = []
    for row in rows:
        seen = packing.unpack(np, row[None])
        found.append(
            network.values(
                np, weights, network.embed(np, weights, network.graphs(np, seen), seen["asked"]), seen, network.offers(np, seen)
            ).ravel()
        )
    return found


def test_fitness_is_14_by_hand(begun):
    """- mean (r + gamma max over admissible a' of Q'(s', a') - Q(s, a))^2, without what follows an end; row by row, with a loop."""
    batch, weights, (seen, answer, reward, after, terminated), packing = begun
    own = {name: tensor.numpy() for name, tensor in weights.items()}
    other = {name: array * (0.5 if "running" not in name else 1.0) for name, array in own.items()}
    if batch.network.norm == "batch":  # by the running statistics here, so that a row alone is a row
        pytest.skip("its statistics are those of the batch")
    values = table(batch.network, packing, own, seen)
    for target in (own, other):
        following = table(batch.network, packing, target, after)
        squares = []
        for row in range(len(seen)):
            best = 0.0 if terminated[row] else following[row][following[row] > IMPOSSIBLE / 2].max()
            squares.append((reward[row] + DISCOUNT * best - values[row][answer[row]]) ** 2)
        opposed = None if target is own else {name: batch.reward.new_tensor(array) for name, array in target.items()}
        assert terminated.any()
        assert fitness(batch, weights, opposed)[0] == pytest.approx(-np.mean(squares), rel=1e-4)


def test_being_ones_own_target_is_one_case(begun):
    """Errors computed with one convolution of each slot's graph are goals minus values computed apart; slots are convolved once."""
    batch, weights, (seen, *_), _ = begun
    apart = batch.goals(weights) - batch.values(weights)
    assert batch.errors(weights).numpy() == pytest.approx(apart.numpy(), rel=1e-4, abs=1e-4)
    assert len(seen) < len(batch._distinct.place) < 1.5 * len(seen)


def test_goals_ignore_what_is_not_admissible(begun, torch):
    """However much a network values answers that the mask forbids, the target is the best of the others."""
    batch, weights, _, _ = begun
    last = f"head_bias_{len(batch.network.head_widths)}"
    before = batch.goals(weights)
    column = 1 if batch.network.head == "smooth" else slice(1, 101)  # blocks that end after layer 1
    inflated = weights[last].clone()
    inflated[column] += 1e6
    after = batch.goals(weights | {last: inflated})
    allowed = admissible(torch, batch.after["mask"])[..., 1:101].any(2).any(1) & (batch.factor > 0)
    assert (~allowed).any()
    assert (after[~allowed] == before[~allowed]).all()
    assert (after[allowed] > before[allowed] + 500).all()


def test_the_memory_is_a_ring_of_the_living(worlds, layout, shape, start, torch):
    """Rows that are over are left out, the oldest give way, and a memory that is restored draws the same."""
    network, packing, _, kept = start(worlds, layout, shape, steps=3)
    memory = Memory(10, packing.features)
    for seen, answer, reward, after, terminated in kept:
        seen = seen.copy()
        seen[0] = 0.0
        assert memory.add(seen, answer, reward, after, terminated) == len(worlds) - 1
    assert len(memory) == 10
    rewards = np.concatenate([reward[1:] for _, _, reward, _, _ in kept])[-10:]
    assert np.sort(memory.state_dict()["gain"][0]) == pytest.approx(np.sort(rewards))
    again = Memory(10, packing.features)
    again.load_state_dict(memory.state_dict())
    drawn = [each.sample(RandomState(MT19937(SeedSequence(1))), 5, network, packing) for each in (memory, again)]
    assert torch.equal(drawn[0].answer, drawn[1].answer)
    assert torch.equal(drawn[0].seen["edges"], drawn[1].seen["edges"])
    with pytest.raises(ValueError, match="at most 2 tasks at hand"):
        type(packing)(packing.nodes, packing.layers, 2, packing.shows).pack({"tasks": np.zeros((1, 3, 4))}, np.ones(1, bool))
