"""The family at work: what tells agents and ablations apart, one row as in a batch, errors in one sentence."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest

from mecbench.problems.cmg import SIZES, Task, evaluate, generate
from mecbench.problems.errors import InputError
from mecbench.problems.task import rollout
from mecbench.reports.intervals import bootstrap_interval
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.cmg.hyperparameters import ABLATIONS, PRESETS
from mecbench.rl.cmg.networks import network
from mecbench.rl.cmg.policy import CPOMADDPG, LMADDPG, MADDPG, MAPPO, MATD3, algorithms
from mecbench.rl.trainables import hyperparameters
from mecbench.solvers.cmg.heuristics import GreedyHorizon, LocalMyopic, Random

NAMES = [agent.name for agent in algorithms]


def episodes(policy, instances):
    """Rollout of a policy on instances side by side."""
    return rollout(Task(**policy.task_options), policy, instances, 0)


def test_what_tells_the_agents_apart():
    """How the limit is heeded, twins or none, priorities or none; MAPPO learns on policy."""
    told = {
        agent.name: (agent.variant.penalty, agent.variant.twins, agent.presets["paper"].replay)
        for agent in (CPOMADDPG, MADDPG, LMADDPG, MATD3)
    }
    assert told == {
        "cpo-maddpg": ("channel", 1, "constraint-aware"),
        "maddpg": ("none", 1, "uniform"),
        "lmaddpg": ("reward", 1, "uniform"),
        "matd3": ("none", 2, "uniform"),
    }
    assert not hasattr(MAPPO, "variant")


def test_what_tells_the_ablations_apart():
    """Each is the paper's agent with one thing changed, the fixed penalty with what fixes it."""
    paper = PRESETS["cpo-maddpg"]["paper"]
    changed = {
        name: {
            field.name: getattr(ablation, field.name)
            for field in fields(paper)
            if getattr(ablation, field.name) != getattr(paper, field.name)
        }
        for name, ablation in ABLATIONS.items()
    }
    assert changed == {
        "fixed-penalty": {"multiplier": 0.5, "multiplier_step": 0.0},
        "separate-critics": {"heads": "separate"},
        "multi-output": {"heads": "multi-output"},
        "uniform-replay": {"replay": "uniform"},
        "reward-replay": {"replay": "reward"},
        "multiplier-10": {"multiplier_most": 10.0},
    }


def test_the_papers_numbers_are_the_papers():
    """Table 2 and sections 4.2 and 5.1, as far as they say a number."""
    paper = PRESETS["cpo-maddpg"]["paper"]
    assert paper.transitions == 2000 * SIZES["paper"].slots[0]
    assert (paper.learning_rate, paper.critic_learning_rate, paper.multiplier_step) == (1e-3, 1e-3, 1e-3)
    assert (paper.multiplier, paper.multiplier_most, paper.gradient_norm) == (0.0, 1.0, 1.0)
    assert (paper.priority_exponent, paper.importance, paper.priority_floor, paper.deviation_floor) == (0.6, 0.4, 1e-6, 1e-6)
    assert paper.cost_discount < paper.discount
    assert (paper.interface, paper.reward, paper.heads) == ("text", "paper", "two-headed")


def test_hyperparameters_can_be_set_by_name():
    """As on the command line, and what is out of range is refused in one sentence."""
    assert hyperparameters("cmg/cpo-maddpg", CPOMADDPG.presets, "paper", {"multiplier_most": "10"}).multiplier_most == 10.0
    with pytest.raises(InputError, match="hyper-parameter discount of cmg/maddpg"):
        hyperparameters("cmg/maddpg", MADDPG.presets, "default", {"discount": "2"})


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_every_agent_ships_and_beats_chance_and_the_myopic_rule(agent):
    """On validation episodes of five devices the 95 % interval of every one's mean reward is above those of Random and all-local myopic."""
    instances = [generate(SIZES["small"], 10_700 + seed) for seed in range(16)]
    size = np.array([instance.devices * instance.slots for instance in instances])

    def interval(policy):
        return bootstrap_interval((episodes(policy, instances).returns.sum(axis=1) / size)[None], trim=0.0)

    low, _ = interval(agent())
    assert all(low > interval(rule)[1] for rule in (Random(), LocalMyopic()))


def test_scarce_batteries_are_spent_with_foresight():
    """Where batteries are a third full MAPPO, who sees one device, is far ahead of the central rule that counts quality and not energy."""
    instances = [generate(SIZES["small-scarce"], 10_700 + seed) for seed in range(12)]
    learned, greedy = (episodes(policy, instances).returns.sum(axis=1)[None] for policy in (MAPPO(), GreedyHorizon()))
    assert bootstrap_interval(learned, trim=0.0)[0] > bootstrap_interval(greedy, trim=0.0)[1]


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_any_number_of_devices_is_served(agent):
    """The shared actor decides for one device, or thirty; in strict form its solutions are feasible, scarce batteries included."""
    instances = [
        generate(SIZES[size].model_copy(update={"devices": (devices, devices), "slots": (3, 3)}), 10_800)
        for size, devices in (("small", 1), ("small-scarce", 7), ("paper", 30))
    ]
    for instance, solution in zip(instances, episodes(agent(strict=True), instances).solutions, strict=True):
        assert evaluate(instance, solution).feasible


def test_a_row_alone_decides_as_in_a_batch():
    """Sixteen episodes side by side are sixteen episodes."""
    instances = [generate(SIZES["small"], 10_000 + seed) for seed in range(16)]
    policy = CPOMADDPG()
    together = episodes(policy, instances).solutions
    for row in (0, 15):
        (alone,) = episodes(policy, instances[row : row + 1]).solutions
        assert np.array_equal(alone.requested, together[row].requested)
        np.testing.assert_allclose(alone.resolution, together[row].resolution, rtol=1e-4)


@pytest.mark.parametrize("agent", [CPOMADDPG, MAPPO])
def test_a_checkpoint_of_the_text_runs_where_it_was_trained_for(agent, arrays, tmp_path):
    """It sees what (32) lists, and on another number of devices it is refused in one sentence."""
    chosen = agent.presets["paper"]
    header = {"agent": f"cmg/{agent.name}", "devices": 5, "mean_harvest": 0.8, "hyperparameters": asdict(chosen)}
    save_checkpoint(Checkpoint(header, arrays(network(chosen, 5, 3).shapes())), tmp_path / "text.npz")
    policy = agent(checkpoint=str(tmp_path / "text.npz"))
    assert policy.task_options == {"paper_obs": True, "strict": False}
    instance = generate(SIZES["small"], 10_000)
    assert len(episodes(policy, [instance]).solutions) == 1
    with pytest.raises(InputError, match=r"expected a checkpoint for 4 devices .* found one whose weights are for 5 devices"):
        episodes(policy, [generate(SIZES["small"].model_copy(update={"devices": (4, 4)}), 10_000)])
    with pytest.raises(InputError, match="agent cmg/maddpg, found one of"):
        MADDPG(checkpoint=str(tmp_path / "text.npz"))


def test_the_checkpoint_of_the_nearest_size_and_supply_runs(arrays):
    """Plenty or scarcity counts as much as the number of devices does."""
    policy = MADDPG()
    chosen = asdict(replace(MADDPG.presets["default"]))
    scales = [(5, 0.8), (20, 0.8), (5, 0.1), (20, 0.1)]
    policy._available = [Checkpoint({"devices": n, "mean_harvest": h, "hyperparameters": chosen}, {}) for n, h in scales]
    for size, expected in (
        ("small", (5, 0.8)),
        ("n30", (20, 0.8)),
        ("small-scarce", (5, 0.1)),
        ("scarce", (20, 0.1)),
        ("harvest-05", (20, 0.8)),
    ):
        header = policy.header_for(generate(SIZES[size], 10_000))
        assert (header["devices"], header["mean_harvest"]) == expected


def test_shipped_checkpoints_are_small():
    """All together stay under half a megabyte, and say what they were trained on."""
    folder = Path(__file__).parents[3] / "rl" / "data"
    files = {path: agent.name for agent in algorithms for path in folder.glob(f"cmg-{agent.name}-*.npz")}
    assert sum(path.stat().st_size for path in files) < 500_000
    for path, name in files.items():
        header = load_checkpoint(path, f"cmg/{name}")[0].header
        assert header["problem"] == "cmg"
        assert header["transitions"] > 0
