"""Training of the family: the paper's rewards, honest splits, repeatable and resumable bit for bit, better than chance in seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.draws import split_of
from mecbench.problems.errors import InputError
from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_edge.physics import cost
from mecbench.problems.p_marl import Task, generate, options
from mecbench.problems.p_marl.evaluate import account, evaluate
from mecbench.rl.checkpoints import load_checkpoint
from mecbench.rl.p_marl import learning
from mecbench.rl.p_marl.learning import Draws, Episodes
from mecbench.rl.p_marl.oracles import algorithm_1
from mecbench.rl.p_marl.policy import AMFQ, COA, FOCI, IQL, OFR, algorithms
from mecbench.rl.training import CHECKPOINT, Run
from mecbench.solvers.p_marl.heuristics import Random

NAMES = [agent.name for agent in algorithms]


@pytest.fixture(scope="module", autouse=True)
def size(crowd):
    """The episodes of the tests as a size to train for."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "SIZES", {"crowd": crowd})
        yield "crowd"


def order(agent, out, quick, **changes):
    """A short run."""
    exploration = agent.presets["default"].dqn.exploration
    return Run(size="crowd", seed=0, out=out, hyperparameters=replace(quick(exploration), **changes))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick):
    """Folder of a training run of each agent."""
    folders = {}
    for agent in algorithms:
        folders[agent.name] = tmp_path_factory.mktemp(agent.name)
        agent.train(order(agent, folders[agent.name], quick))
    return folders


def play(policy, instances):
    """Metrics of each episode under a policy."""
    task = Task(**policy.task_options)
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), 0)
    while True:
        step = task.step(policy.act(observation))
        if step.truncated.all():
            return step.metrics
        observation = step.observation


def episodes(agent, quick, crowd):
    """The agent's environment."""
    chosen = replace(quick(), episodes=2, scale=3.0, offset=0.5)
    draws = Draws(crowd, 0, chosen, RandomState(MT19937(SeedSequence(0))))
    return Episodes(agent.method, draws, chosen, generate(crowd, 10_000))


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_devices_are_paid_the_oracle_or_their_own_cost(agent, quick, crowd):
    """With OFR an attached device is paid the optimum of P-EDGE on its edge (eq. 4), of the evaluator's terms; else its own."""
    environment = episodes(agent, quick, crowd)
    rows = environment.reset()
    assert rows.shape == (environment.rows, environment.features) == (24, environment.features)
    random = np.random.default_rng(0)
    paid, instances = [], environment._task._instances
    over = False
    while not over:
        mask = environment._task._observation()["mask"].reshape(24, -1)
        moved = environment.step((random.random(mask.shape) * mask).argmax(axis=1))
        paid.append(moved.reward.reshape(2, 12))
        over = moved.over
        assert not moved.terminated.any()  # cut off, so that what was to come counts
    assert len(paid) == crowd.epochs
    for row, solution in enumerate(environment._task.solutions()):
        instance = instances[row]
        own = account(instance, solution).cost
        expected = own.copy()
        if agent.method.ofr:
            previous = instance.previous_edge
            for epoch in range(crowd.epochs):
                choices = options.options(instance, epoch, previous)
                edge, cut = solution.edge[epoch], solution.cut[epoch]
                for number in range(1, 3):
                    there = np.flatnonzero(edge == number)
                    if there.size:
                        fixed = choices.fixed[there, number - 1, cut[there]]
                        shared = choices.shared[cut[there]]
                        expected[epoch, there] = cost(fixed, shared, allocate(fixed, shared, instance.multiprocessors)).max()
                previous = edge
        found = np.array([each[row] for each in paid])
        assert found == pytest.approx((0.5 - expected) * 3.0, rel=1e-9)
        assert evaluate(instance, solution).metrics["mean_worst_cost"] == pytest.approx(own.max(axis=1).mean())
    assert agent.method.ofr == (not np.array_equal(expected, own))


def test_algorithm_1_as_the_oracle_pays_no_more_than_the_optimum(quick, crowd):
    """Where edges find R*_n with the paper's Algorithm 1, devices are paid what its shares come to, which is less where it misses."""
    chosen = {name: replace(quick(), episodes=2, oracle=name) for name in ("exact", "algorithm-1")}
    first, random = generate(crowd, 10_000), np.random.default_rng(0)
    actions = [random.integers(1, 17, 24) for _ in range(crowd.epochs)]
    paid = {}
    for name, each in chosen.items():
        environment = Episodes(FOCI.method, Draws(crowd, 0, each, RandomState(MT19937(SeedSequence(0)))), each, first)
        environment.reset()
        paid[name] = np.array([environment.step(action).reward for action in actions])
    assert (paid["algorithm-1"] <= paid["exact"] + 1e-9).all()
    assert (paid["algorithm-1"] < paid["exact"] - 1e-3).any()
    fixed, shared = np.array([0.3, 0.4, 0.6]), np.array([3.0, 5.0, 2.0])
    shares = algorithm_1(fixed, shared, 24)
    assert shares.min() >= 1
    assert shares.sum() <= 24


def test_what_tells_the_agents_apart():
    """Oracle reward or own, records seen or not, mean action and softmax: five of the combinations."""
    told = {agent.name: (agent.method.ofr, agent.method.coa, agent.method.mean_field) for agent in (FOCI, OFR, COA, IQL, AMFQ)}
    assert told == {
        "foci": (True, True, False),
        "ofr": (True, False, False),
        "coa": (False, True, False),
        "iql": (False, False, False),
        "amfq": (False, False, True),
    }
    for preset in ("default", "large", "paper"):
        explore = {agent.name: agent.presets[preset].dqn.exploration for agent in algorithms}
        assert explore == dict.fromkeys(("foci", "ofr", "coa", "iql"), "epsilon") | {"amfq": "boltzmann"}
        same = [replace(agent.presets[preset], dqn=FOCI.presets[preset].dqn, leeway=0.0) for agent in algorithms]
        assert all(each == same[0] for each in same)
        leeway = {agent.name for agent in algorithms if agent.presets[preset].leeway}
        assert leeway == ({"foci", "coa"} if preset == "large" else set())  # others are worse with it


def test_the_paper_preset_is_the_text():
    """Three layers, learning rate 1e-4, discount 0.7, epsilon times 0.99 an episode from 1, plain rewards, no memory."""
    chosen = FOCI.presets["paper"]
    assert (chosen.network, chosen.dqn.learning_rate, chosen.dqn.discount) == ("paper", 1e-4, 0.7)
    assert [chosen.dqn.level(episode) for episode in (0, 1, 100)] == [1.0, 0.99, 0.99**100]
    assert (chosen.memory, chosen.offset, chosen.scale, chosen.episodes) == (1.0, 0.0, 1.0, 1)


@pytest.mark.parametrize("agent", algorithms, ids=NAMES)
def test_a_second_of_training_beats_chance(agent, trained):
    """On episodes that training never saw the worst device is much better off than by chance, and the best point of the curve is kept."""
    instances = [generate(learning.SIZES["crowd"], seed) for seed in range(10_500, 10_516)]
    policy = agent(checkpoint=str(trained[agent.name] / CHECKPOINT))
    learned, chance = play(policy, instances), play(Random(), instances)
    assert learned["objective"].mean() < 0.5 * chance["objective"].mean()
    scores = policy.headers[0]["curve"]["validation_score"]
    assert len(scores) == 3
    assert policy.headers[0]["validation_score"] == min(scores)
    weights = load_checkpoint(trained[agent.name] / CHECKPOINT, f"p-marl/{agent.name}")[0].weights
    assert all(np.isfinite(array).all() for array in weights.values())


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_one_seed_gives_the_same_weights_and_a_killed_run_goes_on_to_them(preset, tmp_path, quick):
    """Bit for bit, replay memory, target network and draws included: interrupted at a point of the curve as if nothing had happened."""

    def interrupt(done, point=None):
        if point is not None and point.transitions:
            raise KeyboardInterrupt

    run = order(FOCI, tmp_path / "whole", quick)
    run = replace(run, hyperparameters=replace(quick(preset=preset), transitions=900))
    whole = FOCI.train(run)
    run = replace(run, out=tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        FOCI.train(replace(run, progress=interrupt))
    parts = FOCI.train(replace(run, resume=True))
    assert {name: array.tobytes() for name, array in whole.weights.items()} == {name: a.tobytes() for name, a in parts.weights.items()}
    for column in ("transitions", "validation_score", "train_reward"):
        assert whole.header["curve"][column] == parts.header["curve"][column]
    assert parts.header["interruptions"] == 1


def test_instances_are_of_the_train_split_and_come_again_only_by_number(quick, crowd):
    """No instance of validation or test is trained on; other seeds of a run see other instances."""
    chosen = replace(quick(), worlds=3, episodes=8)
    draws = Draws(crowd, 0, chosen, RandomState(MT19937(SeedSequence(0))))
    drawn = [draws() for _ in range(2)]
    assert len({instance.sha256 for batch in drawn for instance in batch}) <= 3
    assert split_of(learning.TRAIN_SEED) == "train"
    assert split_of(learning.VALIDATION_SEED) == "valid"
    other = Draws(crowd, 1, chosen, RandomState(MT19937(SeedSequence(0))))()
    assert not {instance.sha256 for instance in other} & {instance.sha256 for batch in drawn for instance in batch}


def test_training_begins_from_a_shipped_checkpoint_and_plays_parts_of_episodes(tmp_path, quick):
    """What was learned at one size is where another begins: the first point of the curve is what ships; no such size, one sentence."""
    points = []
    run = order(FOCI, tmp_path / "run", quick, start="60x5", width=32, transitions=1, epochs=2)
    FOCI.train(replace(run, progress=lambda done, point=None: points.append(point)))
    instances = [generate(learning.SIZES["crowd"], learning.VALIDATION_SEED + number) for number in range(4)]
    expected = play(FOCI(), instances)["objective"].mean()
    assert points[0].validation_score == pytest.approx(expected, rel=1e-9)
    assert points[-1].transitions == 4 * 12 * 2
    with pytest.raises(InputError, match="expected a size with a shipped checkpoint, found 'none'"):
        FOCI.train(order(FOCI, tmp_path / "other", quick, start="none"))


def test_an_unknown_size_is_told_in_one_sentence(tmp_path, quick):
    """Before anything is written."""
    run = replace(order(IQL, tmp_path / "none", quick), size="crowds")
    with pytest.raises(InputError, match="size of p-marl"):
        IQL.train(run)
    assert not (tmp_path / "none").exists()
