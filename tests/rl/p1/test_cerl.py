"""CERL's generation: who is drawn, judged, selected, plays, learns and is injected; and a state from which it goes on bit by bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p1 import SIZES, generate
from mecbench.rl.mlp import IMPOSSIBLE
from mecbench.rl.p1 import cerl
from mecbench.rl.p1.cerl import CERL, INJECTED, another
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.hyperparameters import CERL_PRESETS
from mecbench.rl.p1.judging import objectives
from mecbench.rl.p1.packing import Packing
from mecbench.rl.p1.players import Player
from mecbench.rl.states import load_state, save_state
from mecbench.rl.training import private_randomness

MICRO = {
    "population": 6,
    "elites": 3,
    "interacting": 2,
    "sample": 16,
    "instances": 2,
    "episodes": 2,
    "updates": 2,
    "batch": 16,
    "warmup": 30,
    "replay": 400,
}


@pytest.fixture
def learner(layout, shape, torch):
    """The function that makes a learner with a narrow network."""

    def make(**changes):
        settings = replace(CERL_PRESETS["default"], network=shape, period=3, **(MICRO | changes))
        network = shape.network(layout, False)
        seeds = iter(range(20_000, 30_000))

        def draw(count):
            return [generate(SIZES["n5"], next(seeds)) for _ in range(count)]

        return CERL(network, Packing.of(layout, 32, shape.shows), settings, draw, SeedSequence(0))

    with private_randomness():
        yield make


def test_a_generation_is_that_of_algorithm_1(learner, monkeypatch, torch):
    """Draw, judge, select, move the distribution, let the elites play, learn, inject: each with what the one before left."""
    made, noted = learner(), []
    for name in ("_judge", "_play", "_optimise"):
        inner = getattr(made, name)
        monkeypatch.setattr(made, name, lambda *given, name=name, inner=inner: noted.append((name, *given)) or inner(*given))
    monkeypatch.setattr(made.gaussian.__class__, "update", lambda self, elites, noise: noted.append(("update", elites.copy(), noise)))
    while len(made.memory) < made._settings.warmup:
        made._play([])
    noted.clear()
    made.evolve()
    assert [entry[0] for entry in noted] == ["_judge", "update", "_play", "_optimise", "_optimise"]
    order = np.argsort(-made.fitness, kind="stable")
    assert np.array_equal(noted[1][1], made.population[order[:3]])
    assert noted[2][1] == order[:2].tolist()
    trained = made._flat(made.weights)
    made.evolve()
    assert np.array_equal(made.population[INJECTED], trained)
    assert not np.array_equal(made._flat(made.weights), trained)


def test_the_injected_individual_is_held_against_its_own_target(learner, monkeypatch):
    """With H = 1 individuals are their own targets, the gradient-trained one is not; with H = 2 all are held against the last copies."""
    found = []
    inner = cerl.fitness
    monkeypatch.setattr(cerl, "fitness", lambda batch, own, target: found.append(target) or inner(batch, own, target))
    made = learner()
    for _ in range(2):
        made.evolve()
    assert [target is None for target in found] == [True] * 6 + [False] + [True] * 5
    assert found[6] is not made.weights
    found.clear()
    made = learner(synchronise=2)
    made.evolve()
    first = made.population
    made.evolve()
    assert all(target is not None for target in found)
    assert np.array_equal(made._targets, first)
    assert not np.array_equal(made.population, first)


def test_targets_are_copied_when_due(learner, torch):
    """Every third gradient step here the target network becomes the network, statistics included, and stays until the next."""
    made = learner(updates=1)
    made.evolve()
    made.evolve()
    assert any(not torch.equal(weight, made.target[name]) for name, weight in made.weights.items())
    made.evolve()
    assert made.updates == 3
    for name, weight in (made.weights | made.running).items():
        assert torch.equal(weight, made.target[name])


def test_elites_fill_the_memory(learner):
    """What the best individuals do is learned from, beside what the gradient-trained one does."""
    made = learner()
    made.evolve()
    before = len(made.memory)
    alone, _ = made._play([])
    together, _ = made._play([0, 1])
    assert len(made.memory) == before + alone + together
    assert together > alone


def test_it_goes_on_bit_by_bit(learner, tmp_path):
    """Written to disk and read by another, a state gives the next generations of the run that was not interrupted."""
    made = learner()
    made.evolve()
    save_state(made.state_dict(), tmp_path / "state.pt")
    state = load_state(tmp_path / "state.pt")
    made._draw = another_draw()
    straight = [made.evolve() for _ in range(2)]
    again = learner()
    again.load_state_dict(state)
    again._draw = another_draw()
    assert str([again.evolve() for _ in range(2)]) == str(straight)
    assert np.array_equal(again.population, made.population)
    for name, array in made.arrays().items():
        assert np.array_equal(again.arrays()[name], array)


def another_draw():
    """Instances that come in the same order each time."""
    seeds = iter(range(40_000, 50_000))
    return lambda count: [generate(SIZES["n5"], next(seeds)) for _ in range(count)]


@pytest.mark.parametrize("exploration", ["uniform", "softmax"])
def test_random_answers_are_admissible(exploration):
    """Alike, all admissible answers are drawn as often; by their values, better ones more often, and never what the mask forbids."""
    values = np.tile(np.array([0.0, IMPOSSIBLE, -0.1, IMPOSSIBLE, 0.0], np.float32), (3000, 1))
    drawn = another(RandomState(MT19937(SeedSequence(0))), exploration, 0.1, values)
    parts = np.bincount(drawn, minlength=5) / 3000
    weight = np.exp(-1.0) if exploration == "softmax" else 1.0
    assert parts == pytest.approx(np.array([1, 0, weight, 0, 1]) / (2 + weight), abs=0.03)


@pytest.mark.parametrize("fitness", ["error", "return"])
def test_individuals_are_judged_as_is_said(fitness, learner, layout, shape):
    """By the return: minus the mean cost of each on instances that all play, which are counted; by the error: without playing at all."""
    made = learner(fitness=fitness)
    made.evolve()
    drawn, inner = [], made._draw
    made._draw = lambda count: drawn.append(inner(count)) or drawn[-1]
    answers = made._judge()
    if fitness == "error":
        assert (answers, drawn) == (0, [])
        return
    (instances,) = drawn
    assert len(instances) == 2
    network, packing = shape.network(layout, False), Packing.of(layout, 32, shape.shows)
    alone = [objectives(network, packing, [made.individual(place)], instances) for place in range(6)]
    assert made.fitness == pytest.approx([-costs.mean() for costs, _ in alone])
    assert answers == sum(number for _, number in alone)


def test_the_paper_s_preset_is_the_text():
    """k = 50, J = 64, H = 1, the top half, errors judge; convolutions of 64, 128, 256, batch normalisation, all of (12); nothing known."""
    text = CERL_PRESETS["paper"]
    assert (text.population, text.sample, text.synchronise, text.elites, text.fitness) == (50, 64, 1, 25, "error")
    network = text.network
    assert (network.widths, network.norm, network.detail) == ((64, 128, 256), "batch", "layers")
    assert (network.head, network.base, network.shows) == ("table", "nothing", "paper")


def test_who_might_be_deployed(learner, layout, worlds, shape):
    """Before a generation the gradient-trained individual alone; then also the fittest and the mean, each with statistics to act by."""
    made = learner()
    assert set(made.candidates()) == {"injected"}
    made.evolve()
    found = made.candidates()
    assert list(found) == ["injected", "elite", "mean"]
    assert np.array_equal(found["elite"]["head_task"], made._named(made.population[made.fitness.argmax()])["head_task"])
    network = shape.network(layout, False)
    episodes = Episodes(lambda: worlds, len(worlds), Packing.of(layout, 16, shape.shows), shape.base == "outlook")
    for weights in found.values():
        assert {name: array.shape for name, array in weights.items()} == network.shapes() | network.statistics()
        episodes.reset()
        assert np.isfinite(Player(network, weights).values(episodes.seen)).all()
