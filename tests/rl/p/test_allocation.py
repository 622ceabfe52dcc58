"""Allocation: shares that fill a server, a density that is the Gaussian's, the same in both modules."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.rl.p.allocation import log_density, shares
from mecbench.rl.p.networks import actors


@pytest.fixture
def seen(agent, worlds, observe, chosen):
    """What the allocation networks see of the worlds."""
    return agent[0].allocation.encode(observe(worlds, chosen.observation)[1][2])


def test_shares_fill_every_server_that_is_used(agent, seen):
    """They are positive where a user hits, 0 elsewhere, and sum to 1 at each server with users."""
    made, weights = agent
    scores = made.allocation.scores(np, weights["allocation"], seen)
    for fraction in shares(50.0 * scores, seen["group"]):
        assert (fraction[seen["group"].any(axis=2)] >= 0).all()
        assert not fraction[~seen["group"].any(axis=2)].any()
        total = (fraction[:, None] @ seen["group"])[:, 0]
        assert total[seen["group"].any(axis=1)] == pytest.approx(1.0)


def test_numpy_equals_pytorch(agent, seen, torch):
    """What was trained is what runs: scores equal to 1e-5."""
    made, weights = agent
    trained = made.allocation.scores(
        torch,
        {name: torch.from_numpy(array) for name, array in weights["allocation"].items()},
        {name: torch.from_numpy(array) for name, array in seen.items()},
    )
    assert made.allocation.scores(np, weights["allocation"], seen) == pytest.approx(trained.numpy(), abs=1e-5)


def test_the_density_is_that_of_independent_normals(seen, torch):
    """A server's log-density is the sum over its own users and both resources, as PyTorch's distribution has it."""
    random = torch.Generator().manual_seed(0)
    noise = torch.randn((*seen["group"].shape[:2], 2), generator=random)
    spread = torch.tensor([-1.0, 0.5])
    each = torch.distributions.Normal(0.0, spread.exp()).log_prob(noise).sum(-1).numpy()
    expected = (each[..., None] * seen["group"]).sum(axis=1)
    assert log_density(torch, noise, spread, torch.from_numpy(seen["group"])).numpy() == pytest.approx(expected, abs=1e-4)


def test_sampled_scores_are_as_probable_when_evaluated_again(agent, seen, torch):
    """The ratio of the first minibatch is one."""
    made, _ = agent
    generator = torch.Generator().manual_seed(0)
    actor = actors(made, generator)["allocation"]
    observation = {name: torch.from_numpy(array) for name, array in seen.items()}
    scores, density = actor.sample(observation, generator)
    assert torch.equal(actor.evaluate(observation, scores)[0], density)
    assert scores.std() > 0.1


def test_servers_do_not_see_each_others_users(agent, seen):
    """Scores of one server's users stay as they are when another server's need something else."""
    made, weights = agent
    elsewhere = seen["group"][0, :, 0] == 0
    changed = {name: array.copy() for name, array in seen.items()}
    for name in ("needs", "service"):
        if name in changed:
            changed[name][0, elsewhere] = changed[name][0, elsewhere][::-1]
    before, after = (made.allocation.scores(np, weights["allocation"], case)[0] for case in (seen, changed))
    assert np.array_equal(before[~elsewhere], after[~elsewhere])
