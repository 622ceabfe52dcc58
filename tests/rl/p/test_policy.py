"""The family at work: what tells its agents apart, one row as in a batch, errors in one sentence."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from mecbench.instances.best import best_known
from mecbench.instances.library import load
from mecbench.problems.errors import InputError
from mecbench.problems.p import SIZES, Task, evaluate, generate
from mecbench.problems.p.layout import Layout
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.p.networks import LAYERS, networks
from mecbench.rl.p.policy import HCIPPOL, HCMAPPOL, HIPPO, HMAPPO, HeuristicMAPPOL, algorithms
from mecbench.rl.policies import DATA, layers_of
from mecbench.solvers.p.heuristics import Lru

NAMES = [agent.name for agent in algorithms]


def episodes(policy, instances, seed=0):
    """Solutions of a policy on instances side by side."""
    task = Task(**policy.task_options)
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), seed)
    while True:
        step = task.step(policy.act(observation))
        if step.terminated.all():
            return task.solutions()
        observation = step.observation


def test_what_tells_the_agents_apart():
    """A multiplier or none, critics that see all or their own, learned resources or LRU and equal shares: five of the combinations."""
    told = {
        agent.name: (agent.variant.constrained, agent.variant.central, agent.variant.resources)
        for agent in (HCMAPPOL, HMAPPO, HCIPPOL, HIPPO, HeuristicMAPPOL)
    }
    assert told == {
        "hc-mappo-l": (True, True, True),
        "h-mappo": (False, True, True),
        "hc-ippo-l": (True, False, True),
        "h-ippo": (False, False, True),
        "heuristic-mappo-l": (True, True, False),
    }


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_every_agent_ships_and_plays(agent):
    """The checkpoint in the package has the layers that the agent learns, and serves every number of users of its size."""
    policy = agent()
    (loaded, *_) = policy._available
    assert set(layers_of(loaded.weights)) == set(LAYERS if agent.variant.resources else ("users",))
    assert loaded.header["agent"] == f"p/{agent.name}"
    instances = [generate(SIZES["small"].model_copy(update={"users": users}), 10_100 + users) for users in (3, 6, 10)]
    for instance, solution in zip(instances, episodes(policy, instances), strict=True):
        assert solution.server.shape == (instance.slots, instance.users)


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
@pytest.mark.parametrize("sampled", [False, True])
def test_a_row_alone_decides_as_in_a_batch(agent, sampled):
    """Sixty-four episodes side by side are sixty-four episodes: the first, alone, is decided the same; sampling repeats by its seed."""
    instances = [generate(SIZES["tiny"], 10_000 + seed) for seed in range(64)]
    policy = agent(sampled=sampled)
    together = episodes(policy, instances)
    if sampled:
        assert all(ours == theirs for ours, theirs in zip(episodes(policy, instances), together, strict=True))
        assert episodes(policy, instances, seed=1) != together
        return
    for row in (0, 63):
        (alone,) = episodes(policy, instances[row : row + 1])
        for name in ("deployment", "server", "cut"):
            assert np.array_equal(getattr(alone, name), getattr(together[row], name))
        assert alone.bandwidth == pytest.approx(together[row].bandwidth, rel=1e-5)


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_no_agent_is_below_a_certified_bound(agent):
    """On tiny instances whose optimum is proved, cost and priced delay are at least the bound, and most requests are served."""
    for name in ("p-tiny-k3t1-0000", "p-tiny-k4t2-0018"):
        instance = load(name).instance
        known = best_known(instance)
        (solution,) = episodes(agent(), [instance])
        verdict = evaluate(instance, solution)
        late = verdict.metrics["mean_delay_s"] - instance.delay_limit
        assert verdict.objective + known.certificate.multiplier * late >= known.bound - 1e-9
        assert verdict.metrics["success_rate"] > 0.5


def test_the_heuristic_one_deploys_and_shares_as_lru_does():
    """Heuristic-MAPPO-L differs from LRU in what users choose only."""
    task = Task()
    instances = [generate(SIZES["small"], 10_000)]
    first = task.reset(instances)
    policies = HeuristicMAPPOL(), Lru()
    for policy in policies:
        policy.reset(task.static(), 1, 0)
    ours, theirs = (policy.act(first) for policy in policies)
    assert np.array_equal(ours, theirs)
    second = task.step(ours).observation
    third = task.step(policies[0].act(second)).observation
    assert np.array_equal(*(policy.act(third) for policy in policies))


def test_weights_are_saved_and_loaded_without_a_change(tmp_path):
    """A checkpoint written and read again decides the same, and counts as another algorithm by its content."""
    shipped, instances = HCMAPPOL(), [generate(SIZES["small"], 10_000)]
    save_checkpoint(shipped.fitting(instances[0].servers, instances[0].services), tmp_path / "again.npz")
    again = HCMAPPOL(checkpoint=str(tmp_path / "again.npz"))
    assert episodes(again, instances) == episodes(shipped, instances)
    assert str(again.version).startswith("sha256:")
    assert isinstance(shipped.version, int)


def test_a_checkpoint_that_does_not_fit_is_refused_in_one_sentence(tmp_path, text, random_weights):
    """The text's networks have a fixed size: on an instance of another one the message says which they are for."""
    instance = generate(SIZES["small"], 10_000)
    layout = Layout(3, 6, 9, instance.layer_bytes.shape[1] + 1, "paper")
    made = networks(layout, text, HCMAPPOL.variant)
    weights = {f"{layer}/{name}": array for layer in LAYERS for name, array in random_weights(getattr(made, layer).shapes(), 0).items()}
    header = {"agent": "p/hc-mappo-l", "servers": 3, "services": 9, "hyperparameters": asdict(text)}
    save_checkpoint(Checkpoint(header, weights), tmp_path / "text.npz")
    policy = HCMAPPOL(checkpoint=str(tmp_path / "text.npz"))
    assert policy.task_options == {"shows": "paper"}
    assert len(episodes(policy, [instance])) == 1
    with pytest.raises(InputError, match=r"expected a checkpoint for 5 servers and 18 services, found one .* 3 servers and 9 services"):
        episodes(policy, [generate(SIZES["medium"], 10_000)])
    with pytest.raises(InputError, match="agent p/h-mappo, found one of 'p/hc-mappo-l'"):
        HMAPPO(checkpoint=str(tmp_path / "text.npz"))


def test_shipped_checkpoints_are_small_and_hold_no_pickle():
    """They are read without executing anything, and all together stay under a megabyte."""
    files = {path: agent.name for agent in algorithms for path in DATA.glob(f"p-{agent.name}-*.npz")}
    assert set(files.values()) == set(NAMES)
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for path, name in files.items():
        header = load_checkpoint(path, f"p/{name}")[0].header
        assert header["problem"] == "p"
        assert header["transitions"] > 0
