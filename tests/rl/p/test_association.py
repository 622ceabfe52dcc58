"""The users' layer: masks, private observations, critics that see what they should, the same in both modules."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl import mlp
from mecbench.rl.p.association import PaperUsers, dense
from mecbench.rl.p.networks import Variant, actors, critics, networks


@pytest.fixture
def seen(agent, worlds, observe, chosen):
    """What the users' networks see of the worlds, dense."""
    task, observations = observe(worlds, chosen.observation)
    users = agent[0].users
    return dense(users.encode(users.prepare(task.static()), observations[1]))


def tensors(torch, arrays):
    """The arrays as tensors."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def test_numpy_equals_pytorch(agent, seen, torch):
    """What was trained is what runs: log-probabilities of all admitted choices equal to 1e-5."""
    made, weights = agent
    run = made.users.heads(np, weights["users"], seen)
    trained = made.users.heads(torch, tensors(torch, weights["users"]), tensors(torch, seen))
    for (ours, mask), (theirs, _) in zip(run, trained, strict=True):
        expected = mlp.log_probabilities(torch, theirs, torch.from_numpy(mask)).numpy()
        assert mlp.log_probabilities(np, ours, mask)[mask] == pytest.approx(expected[mask], abs=1e-5)


def test_masks_are_the_same_in_both_passes(agent, seen, torch):
    """Only admitted servers and cuts are drawn, and what is drawn is as probable when evaluated again."""
    made, _ = agent
    generator = torch.Generator().manual_seed(0)
    actor = actors(made, generator)["users"]
    observation = tensors(torch, seen)
    masks = [mask for _, mask in made.users.heads(torch, actor.weights, observation)]
    for _ in range(20):
        choice, log_prob = actor.sample(observation, generator)
        for head, mask in enumerate(masks):
            admitted = mask.gather(-1, choice[..., head, None])[..., 0]
            assert admitted[observation["present"]].all()
        assert torch.equal(actor.evaluate(observation, choice)[0], log_prob)


def test_packed_and_dense_features_are_the_same(agent, worlds, observe, chosen):
    """A policy runs on the admitted options alone, training on all places: no logit differs."""
    made, weights = agent
    task, observations = observe(worlds, chosen.observation)
    packed = made.users.encode(made.users.prepare(task.static()), observations[1])
    for (first, mask), (second, _) in zip(*(made.users.heads(np, weights["users"], seen) for seen in (packed, dense(packed))), strict=True):
        assert np.array_equal(first[mask], second[mask])


def test_choices_name_servers_and_cuts(agent):
    """Every server and cut is the choice of exactly one combination of heads."""
    made, _ = agent
    layout = made.users.layout
    wide = [layout.servers, layout.cuts] if isinstance(made.users, PaperUsers) else [layout.servers * layout.cuts]
    choices = np.stack(np.meshgrid(*(np.arange(number) for number in wide), indexing="ij"), axis=-1).reshape(1, -1, len(wide))
    server, cut = made.users.decode(choices)
    assert set(zip(server[0].tolist(), cut[0].tolist(), strict=True)) == set(np.ndindex(layout.servers, layout.cuts))


def test_users_decide_by_what_they_know(agent, worlds, observe, chosen):
    """A user's logits do not depend on another one's request, device or channels."""
    made, weights = agent
    task, observations = observe(worlds, chosen.observation)
    changed = {name: array.copy() for name, array in observations[1].items()}
    rows = changed["agents"][:, 2 * 3 + 1]
    rows[:, 0] = (rows[:, 0] + 3) % 9
    rows[:, 1:] *= 1.3
    found, mask = [], observations[1]["mask"].copy()
    for observation in (observations[1], changed):
        seen = made.users.encode(made.users.prepare(task.static()), observation | {"mask": mask})
        found.append(made.users.heads(np, weights["users"], seen))
    for (before, _), (after, _) in zip(*found, strict=True):
        others = np.arange(before.shape[1]) != 1
        assert np.array_equal(before[:, others], after[:, others])
        assert not np.array_equal(before[:, 1], after[:, 1])


@pytest.mark.parametrize("central", [True, False])
@pytest.mark.parametrize("constrained", [True, False])
def test_critics_see_all_requests_or_their_own(agent, seen, torch, chosen, central, constrained):
    """A central critic's values change with a request of another user, a local one's do not; the cost has a critic of its own."""
    layout = agent[0].users.layout
    variant = Variant(constrained=constrained, central=central)
    made = networks(layout, chosen, variant)
    generator = torch.Generator().manual_seed(0)
    critic = critics(made, actors(made, generator), variant, generator)["users"]
    changed = {name: array.copy() for name, array in seen.items()}
    for name in ("summary", "request", "numbers"):
        if name in changed:
            changed[name][:, 1] = changed[name][:, 2] + 0.5
    values = [critic.value(tensors(torch, observation), None).detach().numpy() for observation in (seen, changed)]
    one_for_all = central and chosen.network == "paper"
    assert values[0].shape == (len(values[0]), 1 + constrained) if one_for_all else (*seen["present"].shape, 1 + constrained)
    others = values[0] != values[1] if one_for_all else (values[0] != values[1])[:, [0, 2, 3]]
    assert others.any() == central
    if constrained:
        reward, cost = ([weight for name, weight in critic.weights.items() if name.startswith(channel)] for channel in ("reward", "cost"))
        critic.value(tensors(torch, seen), None)[..., 1].sum().backward()
        assert any(weight.grad is not None and weight.grad.any() for weight in cost)
        assert not any(weight.grad is not None and weight.grad.any() for weight in reward)
