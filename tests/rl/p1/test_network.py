"""The value networks: NumPy as PyTorch, masks, what values begin with, the dueling identity, one head per answer or a curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.p1 import evaluate
from mecbench.problems.p1.layout import Layout
from mecbench.rl.mlp import IMPOSSIBLE
from mecbench.rl.p1.players import Player, Players, rows_of
from mecbench.solvers.p1.answers import action_of, admissible


def test_numpy_is_torch(worlds, layout, shape, start, filled, torch):
    """What is trained is what is run, to 1e-5, for both kinds of network and both heads."""
    for dueling in (False, True):
        network, packing, episodes, _ = start(worlds, layout, shape, dueling)
        weights = filled(network)
        seen = packing.unpack(torch, torch.from_numpy(packing.pack(episodes.seen, np.ones(len(worlds), dtype=bool))))
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        theirs = (
            network.values(
                torch, tensors, network.embed(torch, tensors, network.graphs(torch, seen), seen["asked"]), seen, network.offers(torch, seen)
            )
            .flatten(1)
            .numpy()
        )
        ours = Player(network, weights).values(episodes.seen | {"fresh": np.ones(len(worlds), dtype=bool)})
        possible = ours > IMPOSSIBLE / 2
        assert np.array_equal(possible, theirs > IMPOSSIBLE / 2)
        assert ours[possible] == pytest.approx(theirs[possible], abs=1e-5, rel=1e-5)


def test_admissible_is_what_the_mask_says(worlds, layout, shape, start):
    """Every answer stands for one (node, block, share) of the paper's tensor, and is admissible exactly where the task's mask says so."""
    network, _, episodes, _ = start(worlds, layout, shape)
    seen = episodes.seen
    allowed = admissible(np, seen["mask"])
    offered = network.offers(np, seen) > IMPOSSIBLE / 2
    assert np.array_equal(allowed, offered)
    observation = episodes._task._observation()
    told = Layout.of(episodes._task.static())
    blocks, empty = told.block_mask(observation), told.empty_mask(observation)
    for row in range(len(worlds)):
        number = 0
        for place, node in enumerate(seen["offered"][row]):
            assert np.array_equal(allowed[row, place, 1:], blocks[row, node].ravel())
            assert allowed[row, place, 0] == empty[row, node]
            number += allowed[row, place].sum()
        assert number == blocks[row].sum() + empty[row].sum()


def test_answers_are_numbered_by_place_block_and_share():
    """The number of an answer names its node among the offered ones, the end of its block and its share; the subcarrier is left open."""
    offered = np.array([[3, 0, 5]] * 4)
    columns = 8 * 100 + 1
    found = action_of(np.array([0, columns + 1, 2 * columns + 800, columns + 100 * 6 + 42]), offered, 8)
    assert found.tolist() == [[3, 0, 0, 0], [0, 1, 1, 0], [5, 8, 100, 0], [0, 7, 42, 0]]


def test_values_begin_with_what_an_answer_costs(worlds, layout, shape, start, answers):
    """With the base `cost` and nothing learned, the value of an answer is its reward, the penalty of a lost task included."""
    network, _, episodes, _ = start(worlds, layout, replace(shape, base="cost"), steps=0)
    random, lost, over = np.random.default_rng(3), 0, False
    while not over:
        alive = (episodes.seen["mask"] > 0).any(axis=(1, 2))
        offers = network.offers(np, episodes.seen).reshape(len(worlds), -1)
        offers[~alive] = 0.0
        chosen = answers(offers, random)
        moved = episodes.step(chosen)
        known = offers[np.arange(len(chosen)), chosen]
        assert known[alive] == pytest.approx(moved.reward[alive], rel=1e-5, abs=1e-6)
        lost += (moved.reward < -4.9).sum()
        over = moved.over
    assert lost > 0


def test_the_value_of_one_answer_is_that_of_the_whole_table(worlds, layout, shape, start, filled):
    """Evaluating the head at the answer's node alone changes nothing, with dueling or without."""
    for dueling in (False, True):
        network, packing, _, kept = start(worlds, layout, shape, dueling)
        rows, chosen = kept[-1][:2]
        seen, weights = packing.unpack(np, rows), filled(network)
        embedded = network.embed(np, weights, network.graphs(np, seen), seen["asked"])
        table = network.values(np, weights, embedded, seen, network.offers(np, seen)).reshape(len(worlds), -1)
        alone = network.value_of(np, weights, embedded, seen, chosen)
        assert alone == pytest.approx(table[np.arange(len(chosen)), chosen], rel=1e-4, abs=1e-5)


def test_dueling_is_value_plus_centred_advantage(worlds, layout, shape, start, filled):
    """The mean of what is learned over the admissible answers is the value of the state, whatever is not admissible."""
    network, _, episodes, _ = start(worlds, layout, replace(shape, base="nothing"), True)
    weights, seen = filled(network), episodes.seen
    embedded = network.embed(np, weights, network.graphs(np, seen), seen["asked"])
    values = network.values(np, weights, embedded, seen, network.offers(np, seen))
    allowed = admissible(np, seen["mask"])
    mean = np.where(allowed, values, 0.0).sum(axis=(1, 2)) / allowed.sum(axis=(1, 2))
    expected = network._state_value(np, weights, embedded.nodes.mean(1), embedded.task, seen)[:, 0, 0]
    assert mean == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert "value_weight_0" not in replace(network, dueling=False, head="table").shapes()


def test_a_head_of_the_text_has_a_value_for_each_share(worlds, layout, start, filled, shape):
    """The table has L x 100 + 1 free values per node, as (12) asks for; the smooth head's are cubic in the share."""
    network, _, episodes, _ = start(worlds, layout, replace(shape, base="nothing"))
    weights, seen = filled(network), episodes.seen
    values = network.values(np, weights, network.embed(np, weights, network.graphs(np, seen), seen["asked"]), seen, 0.0)
    bend = np.diff(values[..., 1:].reshape(*values.shape[:2], 8, 100), n=4, axis=-1)
    last = weights[f"head_bias_{len(network.head_widths)}"]
    assert values.shape[2] == 801
    if network.head == "table":
        assert last.size == 801
        assert np.abs(bend).max() > 0.1
    else:
        assert last.size == 1 + 8 * 4
        assert np.abs(bend).max() < 1e-3


def test_a_row_alone_sees_and_values_as_in_a_batch(worlds, layout, shape, start, filled):
    """Neither the widest graph nor the longest list of nodes beside it changes what an episode is worth."""
    network, _, together, _ = start(worlds, layout, shape, steps=0)
    weights = filled(network)
    whole, steps = Player(network, weights), 0
    alone = start(worlds[2:3], layout, shape, steps=0)[2]
    single = Player(network, weights)
    while not together.metrics or steps < 12:
        ours, theirs = whole.values(together.seen)[2], single.values(alone.seen)[0]
        assert ours[: theirs.size] == pytest.approx(theirs, rel=1e-4, abs=1e-4)
        best = whole.answer(together.seen)
        together.step(best)
        alone.step(best[2:3])
        steps += 1


def test_returns_are_minus_the_objective(worlds, layout, shape, start, filled):
    """Undiscounted, what the transitions of an agent earn is the evaluator's objective of the plans that they make."""
    network, _, episodes, _ = start(worlds, layout, shape, steps=0)
    player, earned, over = Player(network, filled(network)), 0.0, False
    while not over:
        moved = episodes.step(player.answer(episodes.seen))
        earned, over = earned + moved.reward.astype(float), moved.over
    for world, solution, found in zip(worlds, episodes._task.solutions(), earned, strict=True):
        assert -found == pytest.approx(evaluate(world, solution).objective, rel=1e-6)


def test_networks_side_by_side_answer_as_each_alone(worlds, layout, shape, start, filled):
    """Elites that play together, one episode each, value every answer as each of them would, slot after slot."""
    for dueling in (False, True):
        network, _, episodes, _ = start(worlds, layout, shape, dueling, steps=0)
        individuals = [filled(network, seed) for seed in range(len(worlds))]
        together, apart = Players(network, individuals), [Player(network, weights) for weights in individuals]
        for _ in range(10):
            values = together.values(episodes.seen)
            for row, player in enumerate(apart):
                alone = player.values(rows_of(episodes.seen, slice(row, row + 1)))[0]
                assert values[row] == pytest.approx(alone, rel=1e-4, abs=1e-5)
            episodes.step(values.argmax(axis=1))
