"""What devices see and say: the paper's numbers as they are, and prices that turn into the rules' decisions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.random import MT19937, RandomState

from mecbench.problems.cmg import SIZES, Task, evaluate, generate
from mecbench.problems.cmg.layout import Layout
from mecbench.rl.cmg.interface import PRICED, TURN, PricedInterface, TextInterface
from mecbench.solvers.cmg.heuristics import GreedyHorizon, LocalHorizon


def begin(through, instances, slots=0):
    """Task and observation after some slots of local decisions, the interface told of the worlds."""
    task, rule = Task(paper_obs=through.paper_obs), LocalHorizon()
    observation = task.reset(instances)
    through.reset(task.static())
    rule.reset(task.static(), len(instances), 0)
    for _ in range(slots):
        observation = task.step(rule.act(observation)).observation
    return task, observation


def said_by(observation, **numbers):
    """What devices say if each chunk says these numbers."""
    batch, devices = observation["mask"].shape
    said = np.zeros((batch, devices, 3, len(PRICED)))
    for name, values in numbers.items():
        said[..., PRICED.index(name)] = values
    return said.reshape(batch, devices, -1)


@pytest.mark.parametrize("slots", [0, 2])
def test_devices_that_say_nothing_compute_as_the_rule_does(instances, slots):
    """No request, no price and equal claims are the horizon-aware local rule, from which learning begins."""
    through = PricedInterface(3)
    task, observation = begin(through, instances, slots)
    rule = LocalHorizon()
    rule.reset(task.static(), len(instances), 0)
    ours = through.decide(observation, said_by(observation, offload=-1.0, price=-1.0))
    there = observation["mask"]
    np.testing.assert_allclose(ours[there], rule.act(observation)[there], atol=2e-3)


def test_devices_that_ask_as_greedy_does_are_greedy(instances):
    """With the requests of the rule that ignores the eavesdropper the other decisions are the rule's too: closed forms are one thing."""
    through = PricedInterface(3)
    task, observation = begin(through, instances)
    rule = GreedyHorizon(blind=True)
    rule.reset(task.static(), len(instances), 0)
    expected = rule.act(observation)
    asks = np.where(expected.reshape(*expected.shape[:2], 3, 5)[..., 0] > 0.0, 1.0, -1.0)
    ours = through.decide(observation, said_by(observation, offload=asks, price=-1.0)).reshape(*expected.shape[:2], 3, 5)
    there = observation["mask"][..., None] & np.ones(3, dtype=bool)
    expected = expected.reshape(ours.shape)
    np.testing.assert_allclose(ours[there][:, :4], expected[there][:, :4], atol=2e-3)
    assert (asks > 0.0).any()


@pytest.mark.parametrize("seed", range(3))
def test_claims_share_what_the_limit_leaves(instances, seed):
    """Whatever devices claim and price without asking for channels, no slot exceeds the energy limit: solutions are feasible."""
    through, random = PricedInterface(3), np.random.default_rng(seed)
    task, observation = begin(through, instances)
    while True:
        said = said_by(observation, offload=-1.0, price=random.uniform(-1, 1), claim=random.uniform(-1, 1, (*observation["mask"].shape, 3)))
        step = task.step(through.decide(observation, said))
        if step.terminated.all():
            break
        observation = step.observation
    for instance, solution in zip(instances, task.solutions(), strict=True):
        assert evaluate(instance, solution).feasible


def test_a_dear_joule_is_spent_less(instances):
    """The higher a device prices energy, the less it takes, down to what a slot takes at least."""
    through = PricedInterface(3)
    spent = []
    for price in (-1.0, -0.2, 0.4, 1.0):
        task, observation = begin(through, instances)
        spent.append(task.step(through.decide(observation, said_by(observation, offload=-1.0, price=price))).cost)
    there = observation["mask"]
    assert all((later[there] <= earlier[there]).all() for earlier, later in pairwise(spent))
    assert (spent[-1][there] < 0.1 * spent[0][there]).all()


@pytest.mark.parametrize("through", [TextInterface(3), PricedInterface(3)], ids=["text", "priced"])
def test_a_device_sees_itself_only(instances, through):
    """What the others' channels, batteries and harvests are changes nothing in a device's row, nor does the future; padding is zero."""
    _, observation = begin(through, instances, 0 if through.paper_obs else 1)
    seen = through.encode(observation)
    changed = {name: values.copy() for name, values in observation.items()}
    changed["agents"][:, 1:] = np.random.default_rng(0).random(changed["agents"][:, 1:].shape)
    np.testing.assert_array_equal(through.encode(changed)[:, 0], seen[:, 0])
    assert not seen[~observation["mask"]].any()
    assert (seen.reshape(*observation["mask"].shape, -1)[..., 0] == observation["mask"]).all()
    assert seen.dtype == np.float32
    assert seen.shape[-1] == through.features


def test_the_text_sees_and_says_what_the_paper_lists(instances):
    """(32) is P and C with their limits, battery, harvest, bandwidth and the chunks' gains; what is said is (34), number by number."""
    through = TextInterface(3)
    _, observation = begin(through, instances)
    layout = Layout(5, 3, paper_obs=True)
    assert layout.agent_features == (
        *("most_power", "least_power", "most_frequency", "least_frequency", "battery", "harvest"),
        *(f"gain_{k}" for k in range(3)),
    )
    np.testing.assert_array_equal(through.encode(observation)[..., 1:], observation["agents"].astype(np.float32))
    said = np.random.default_rng(0).uniform(-1, 1, (3, 5, 15)).astype(np.float32)
    np.testing.assert_array_equal(through.decide(observation, said), said)
    assert through.settle(np, said, said[::-1]) is said


def test_each_channel_has_one_turn(instances):
    """Turns are one device's per channel, however many devices there are, so that who heeds them never meets another."""
    through = PricedInterface(3)
    _, observation = begin(through, instances)
    assert (through.encode(observation)[..., TURN].sum(axis=1) == 1.0).all()


def test_chance_asks_once_per_channel():
    """Before anything is learned requests come to one per channel on average, as many as a channel bears."""
    said = PricedInterface(3).explore(RandomState(MT19937(0)), 4000, 20).reshape(4000, 20, 3, 3)
    assert np.abs((1.0 + said[..., 0]) / 2.0).sum(axis=1).mean() == pytest.approx(1.0, abs=0.05)
    assert np.abs(said).max() <= 1.0


def test_doubtful_requests_are_settled_by_their_odds():
    """A number of 0.5 asks three times out of four; prices and claims stay what they are, and actors' numbers above 0 ask in the end."""
    through, random = PricedInterface(1), RandomState(MT19937(0))
    said = np.tile([0.5, -0.3, 0.7], (8000, 1, 1))
    settled = through.settle(np, said, random.uniform(-1, 1, said.shape))
    assert (settled[..., 0] == 1.0).mean() == pytest.approx(0.75, abs=0.02)
    assert set(np.unique(settled[..., 0])) == {-1.0, 1.0}
    np.testing.assert_array_equal(settled[..., 1:], said[..., 1:])


def test_prices_stay_finite_where_the_battery_is_all_but_empty():
    """In scarce episodes of many slots the guard has little to do: requests and prices give decisions within their bounds."""
    instance = generate(SIZES["small-scarce"].model_copy(update={"initial_battery": (0.02, 0.02)}), 10_000)
    through = PricedInterface(3)
    task, observation = begin(through, [instance])
    for price in (-1.0, 1.0, 0.0):
        action = through.decide(observation, said_by(observation, offload=1.0, price=price, claim=1.0))
        assert np.isfinite(action).all()
        assert np.abs(action).max() <= 1.0
        observation = task.step(action).observation
