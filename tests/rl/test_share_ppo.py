"""P-EDGE's learned agent: trained as PPO says, repeatable, honest about its splits, better than simple rules."""

from __future__ import annotations

import csv
import random
import subprocess
import sys

import numpy as np
import pytest

from mecbench import problems
from mecbench.problems import p_edge
from mecbench.problems.draws import split_of
from mecbench.problems.errors import InputError
from mecbench.problems.task import rollout
from mecbench.rl import share_ppo
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.share_ppo import AGENT, LOGIT_LIMIT, PPO, SHIPPED, Draws, Hyperparameters, actor_weights, inputs, mixture
from mecbench.rl.training import CHECKPOINT, CURVE, Run
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_edge.trivial import EqualShare, Proportional

MICRO = Hyperparameters(
    transitions=1024, instances=16, repeats=4, steps=4, minibatch=64, epochs=2, width=16, validations=4, validation_instances=8
)


def build(size, seed, hyperparameters):
    """The learner before its first rollout."""
    return share_ppo.build(Draws(mixture(size), seed, hyperparameters), seed, hyperparameters)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of a training run of a few seconds, and the points that it reported."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    out = tmp_path_factory.mktemp("trained")
    points = []
    PPO.train(Run("tiny", 0, out, MICRO, progress=lambda done, point=None: points.append(point)))
    return out, [point for point in points if point]


def timeless(header):
    """A header without what depends on the machine's pace and on when it was interrupted."""
    curve = {name: column for name, column in header["curve"].items() if name != "seconds"}
    gone = ("training_seconds", "training_cpu_seconds", "interruptions")
    return {name: value for name, value in header.items() if name not in gone} | {"curve": str(curve)}


def objectives(policy, instances):
    """Objective of each instance under a policy."""
    solutions = rollout(p_edge.Task(), policy, instances, seed=0).solutions
    return np.array([p_edge.evaluate(*pair).objective for pair in zip(instances, solutions, strict=True)])


def test_one_seed_gives_the_same_weights_bit_for_bit(trained, tmp_path, stable_baselines3):
    """A stranger can train the agent again, and training disturbs nobody else's random numbers."""
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    PPO.train(Run("tiny", 0, tmp_path, MICRO))
    assert (random.random(), np.random.random()) == expected
    first, again = (load_checkpoint(folder / CHECKPOINT, AGENT)[0] for folder in (trained[0], tmp_path))
    assert {name: array.tobytes() for name, array in first.weights.items()} == {name: a.tobytes() for name, a in again.weights.items()}
    assert timeless(first.header) == timeless(again.header)


def test_the_ratio_is_one_on_the_first_minibatch(stable_baselines3):
    """Probabilities taken again are those that were sampled: else PPO clips what it never changed."""
    agent = build("small", 0, MICRO)
    ratios, evaluate = [], agent.policy.evaluate_actions

    def watch(observation, actions):
        values, log_probability, entropy = evaluate(observation, actions)
        row = [int(np.flatnonzero((buffered == action.numpy()).all(axis=1))[0]) for action in actions]
        ratios.append(np.exp(log_probability.detach().numpy() - sampled[row]))
        return values, log_probability, entropy

    agent.policy.evaluate_actions = watch
    train = agent.train

    def train_with_a_look():
        nonlocal buffered, sampled
        buffer = agent.rollout_buffer
        buffered, sampled = buffer.actions.reshape(-1, buffer.actions.shape[-1]), buffer.log_probs.reshape(-1)
        train()

    buffered = sampled = np.empty(0)
    agent.train = train_with_a_look
    agent.learn(2 * MICRO.instances * MICRO.repeats * MICRO.steps)
    minibatches = MICRO.epochs * MICRO.steps * MICRO.instances * MICRO.repeats // MICRO.minibatch
    assert len(ratios) == 2 * minibatches
    for first in (ratios[0], ratios[minibatches]):
        assert first == pytest.approx(1.0, abs=2e-5)  # sums of twenty float32, whose order depends on the batch
    assert np.abs(ratios[minibatches - 1] - 1.0).max() > 1e-3


def test_only_real_devices_have_probabilities(edges, stable_baselines3):
    """What is sampled where no device is changes no log-probability, no value, no gradient."""
    import torch

    policy = build("small", 0, MICRO).policy
    observation = p_edge.Task(width=20).reset(edges)
    seen = {"mask": torch.from_numpy(observation["mask"]), "features": torch.from_numpy(inputs(observation)[0])}
    actions, values, log_probability = policy(seen)
    changed = torch.where(seen["mask"], actions, 7.0)
    for result, expected in zip(policy.evaluate_actions(seen, changed), (values, log_probability), strict=False):
        assert torch.equal(result, expected)
    assert not torch.equal(policy.evaluate_actions(seen, actions + 0.1)[1], log_probability)
    noise = (actions - policy._predict(seen, deterministic=True))[seen["mask"]]
    expected = torch.distributions.Normal(0.0, policy.log_spread.exp()).log_prob(noise).sum()
    assert log_probability.sum().item() == pytest.approx(expected.item(), rel=1e-5)


def test_rewards_are_relative_to_sharing_equally(stable_baselines3):
    """Equal logits earn about -1 on any edge, so that no instance's scale drowns the others."""
    environment = build("small", 0, MICRO).get_env()
    environment.reset()
    _, rewards, done, _ = environment.step(np.zeros((environment.num_envs, 20), dtype=np.float32))
    assert done.all()
    assert (rewards > -1.4).all()  # whole multiprocessors only, so not -1 itself
    assert (rewards < -0.8).all()


def test_inputs_are_bounded_and_free_of_scale(edges):
    """The network sees ratios of costs and of sizes, finite for any edge."""
    observation = p_edge.Task().reset(edges)
    features, scale = inputs(observation)
    double = observation | {"agents": observation["agents"] * [2.0, 2.0, 1.0, 1.0, 1.0, 1.0]}
    assert inputs(double)[0] == pytest.approx(features, abs=1e-6)
    assert inputs(double)[1] == pytest.approx(2 * scale)
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 20


def test_training_never_sees_the_test_split(tmp_path, monkeypatch, stable_baselines3):
    """Train seeds teach, valid seeds choose; no training instance comes twice and no two runs share one."""
    drawn = []
    generate = p_edge.generate
    monkeypatch.setattr(p_edge, "generate", lambda parameters, seed: drawn.append(seed) or generate(parameters, seed))
    for seed in (0, 1):
        PPO.train(Run("tiny", seed, tmp_path / str(seed), MICRO))
    assert {split_of(seed) for seed in drawn} == {"train", "valid"}
    taught = [seed for seed in drawn if split_of(seed) == "train"]
    assert len(set(taught)) == len(taught)


def test_the_curve_is_on_disk_and_its_best_point_was_kept(trained):
    """The checkpoint is the one that validation chose, and says what it cost."""
    out, points = trained
    rows = list(csv.DictReader((out / CURVE).read_text().splitlines()))
    assert [int(row["transitions"]) for row in rows] == [point.transitions for point in points] == [0, 256, 512, 768, 1024]
    gaps = [float(row["validation_score"]) for row in rows]
    header = load_checkpoint(out / CHECKPOINT, AGENT)[0].header
    assert header["validation_score"] == min(gaps) == min(header["curve"]["validation_score"])
    assert header["chosen_at_transitions"] == points[int(np.argmin(gaps))].transitions
    assert (header["size"], header["seed"], header["transitions"]) == ("tiny", 0, 1024)
    assert header["training_seconds"] == points[-1].seconds > 0
    assert header["training_cpu_seconds"] > 0
    assert header["versions"]["torch"]
    assert min(gaps) < gaps[0]


def test_an_interrupted_run_goes_on_to_the_same_weights(trained, tmp_path, stable_baselines3):
    """After Ctrl-C the curve and the best checkpoint so far are there to use, and a resumed run ends as if nothing had happened."""

    def interrupt(done, point=None):
        if point and done >= 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PPO.train(Run("tiny", 0, tmp_path, MICRO, progress=interrupt))
    assert [int(row["transitions"]) for row in csv.DictReader((tmp_path / CURVE).read_text().splitlines())] == [0, 256, 512]
    assert PPO(checkpoint=str(tmp_path / CHECKPOINT)).version.startswith("sha256:")
    for interruptions in (1, 1):  # a finished run is left as it is
        PPO.train(Run("tiny", 0, tmp_path, MICRO, resume=True))
        whole, resumed = (load_checkpoint(folder / CHECKPOINT, AGENT)[0] for folder in (trained[0], tmp_path))
        assert {name: array.tobytes() for name, array in whole.weights.items()} == {n: a.tobytes() for n, a in resumed.weights.items()}
        assert timeless(whole.header) == timeless(resumed.header)
        assert (whole.header["interruptions"], resumed.header["interruptions"]) == (0, interruptions)


def test_shipped_inference_equals_training(stable_baselines3, edges):
    """The policy that ships in NumPy asks for the shares of the PyTorch actor that it was taken from, to 1e-5."""
    import torch

    agent = build("small", 3, Hyperparameters())
    with torch.no_grad():
        for weight in agent.policy.actor.values():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)), alpha=0.1)
    policy = PPO()
    policy._weights = actor_weights(agent)
    observation = p_edge.Task(width=20).reset(edges)
    seen = {"mask": observation["mask"].astype(np.int8), "features": inputs(observation)[0]}
    logits, _ = agent.predict(seen, deterministic=True)
    expected = np.where(observation["mask"], np.exp(logits), 0.0)
    assert policy.act(observation) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_shipped_policy_beats_simple_rules():
    """On validation instances of each size it was trained for, and of none it was, learning pays; no torch is needed."""
    medium = p_edge.SIZES["small"].model_copy(update={"devices": (9, 12)})
    for parameters in [*mixture("small"), medium]:
        instances = [p_edge.generate(parameters, 15_000 + number) for number in range(24)]
        learned, equal, proportional = (objectives(policy, instances).mean() for policy in (PPO(), EqualShare(), Proportional()))
        assert learned < min(equal, proportional)


def test_shipped_policy_serves_any_number_of_devices():
    """One device, whole edges of the paper, a thousand devices: every answer is feasible."""
    alone = p_edge.SIZES["tiny"].model_copy(update={"devices": (1, 1)})
    for parameters in (*p_edge.SIZES.values(), alone):
        instance = p_edge.generate(parameters, 10_000)
        assert p_edge.evaluate(instance, resolve("p-edge/ppo").solve(instance, Budget(), 0).solution).feasible


def test_noise_is_the_seeds_alone(edges):
    """Deterministic unless asked to sample; sampled, the same seed gives the same shares, within the limit of a logit."""
    task = p_edge.Task()
    observation = task.reset(edges)

    def shares(policy, seed):
        policy.reset(task.static(), len(edges), seed)
        return policy.act(observation)

    assert (shares(PPO(), 0) == shares(PPO(), 1)).all()
    assert (shares(PPO(sampled=True), 0) == shares(PPO(sampled=True), 0)).all()
    assert (shares(PPO(sampled=True), 0) != shares(PPO(sampled=True), 1))[observation["mask"]].all()
    assert np.abs(np.log(shares(PPO(sampled=True), 0)[observation["mask"]])).max() <= LOGIT_LIMIT


def test_a_checkpoint_of_ones_own_is_an_algorithm_of_its_own(trained, edges):
    """Its name holds the file, its version the content, so that stored runs of another training are never taken for it."""
    path = trained[0] / CHECKPOINT
    own = resolve(f"p-edge/ppo:checkpoint={path}")
    assert own.text == f"p-edge/ppo:checkpoint={path}"
    assert own.version == f"sha256:{load_checkpoint(path, AGENT)[1]}"
    shipped = resolve("p-edge/ppo")
    assert (shipped.text, shipped.version, shipped.kind, shipped.sees, shipped.requires) == ("p-edge/ppo", 1, "learned", "central", ())
    assert own.solve(edges[1], Budget(), 0).solution != shipped.solve(edges[1], Budget(), 0).solution


def test_weights_of_another_shape_are_refused(tmp_path):
    """A checkpoint that would fail at its first decision is refused when it is named, in its own words."""
    shipped, _ = load_checkpoint(SHIPPED, AGENT)
    path = tmp_path / "cut.npz"
    for weights in ({}, shipped.weights | {"head": shipped.weights["head"][:-1]}):
        save_checkpoint(Checkpoint(shipped.header, weights), path)
        with pytest.raises(InputError, match=f"^checkpoint {path}: expected the weights of agent p-edge/ppo that its header describes"):
            resolve(f"p-edge/ppo:checkpoint={path}")


def test_an_edge_without_costs_is_no_error(edges):
    """Devices that cost nothing leave nothing to share; the answer is feasible and free of warnings."""
    observation = p_edge.Task().reset(edges[:1])
    shares = PPO().act(observation | {"agents": 0.0 * observation["agents"]})
    assert (shares[observation["mask"]] > 0).all()


def test_the_shipped_checkpoint_says_where_it_comes_from():
    """Anybody can train it again from its header; it holds the actor and nothing else."""
    checkpoint, _ = load_checkpoint(SHIPPED, AGENT)
    header = checkpoint.header
    assert (header["problem"], header["size"]) == ("p-edge", "small")
    assert Hyperparameters(**header["hyperparameters"]).transitions <= header["transitions"]
    assert {"torch", "numpy", "stable-baselines3"} <= set(header["versions"])
    assert header["validation_gap"] < 0.03
    assert not any("critic" in name or "value" in name for name in checkpoint.weights)
    assert SHIPPED.stat().st_size < 100_000


def test_a_size_without_a_number_of_devices_is_refused():
    """Buffers need a widest edge; the error names the sizes that can be trained for."""
    for size in ("paper", "huge"):
        with pytest.raises(InputError, match=f"one of tiny, small, large, found '{size}'"):
            mixture(size)
    assert "paper" in problems.load("p-edge").SIZES


def test_acting_imports_no_torch():
    """Shipped policies run where only the base dependencies are installed."""
    code = (
        "import sys; sys.modules['torch'] = sys.modules['stable_baselines3'] = None\n"
        "from mecbench.problems.p_edge import SIZES, generate\n"
        "from mecbench.solvers import solve\n"
        "print(solve(generate(SIZES['tiny'], 0), 'p-edge/ppo').status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "feasible", done.stderr


def test_module_offers_its_algorithm():
    """The entry point needs `algorithms` and nothing else."""
    assert share_ppo.algorithms == (PPO,)
