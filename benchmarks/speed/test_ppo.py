"""Transitions per second of training with Stable-Baselines3, and the latency of a decision in NumPy beside PyTorch.

Run with ``make speed``; ``transitions_per_second`` stands in the extra information.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_edge import SIZES, Task, generate
from mecbench.rl.share_ppo import PPO, Draws, Hyperparameters, build, inputs, mixture
from mecbench.rl.training import private_randomness

TRANSITIONS = 4096


def batch(size: str, edges: int) -> tuple[Task, dict[str, np.ndarray]]:
    """A task and what it shows of a number of edges."""
    task = Task()
    return task, task.reset([generate(SIZES[size], 20_000 + seed) for seed in range(edges)])


@pytest.mark.parametrize("part", ["environment", "training"])
def test_training(benchmark, part):
    """Whole training with the shipped hyper-parameters, and the share of it that drawing and stepping instances takes."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = "train on p-edge small"
    hyperparameters = Hyperparameters()

    def play(agent):
        environment = agent.get_env()
        for _ in range(TRANSITIONS // environment.num_envs):
            environment.step(np.zeros((environment.num_envs, *environment.action_space.shape), dtype=np.float32))

    def learn(agent):
        agent.learn(TRANSITIONS)

    def fresh():
        agent = build(Draws(mixture("small"), 0, hyperparameters), 0, hyperparameters)
        agent.get_env().reset()
        return (agent,), {}

    with private_randomness():
        benchmark.pedantic(play if part == "environment" else learn, setup=fresh, rounds=3, warmup_rounds=1)
    benchmark.extra_info["transitions_per_second"] = round(TRANSITIONS / benchmark.stats["median"])


@pytest.mark.parametrize("size", ["tiny", "small", "paper", "large"])
@pytest.mark.parametrize("edges", [1, 64])
def test_decision_in_numpy(benchmark, size, edges):
    """The shipped policy's decision, from observation to shares."""
    benchmark.group = f"decide for {edges} edges of p-edge {size}"
    task, observation = batch(size, edges)
    policy = PPO()
    policy.reset(task.static(), edges, 0)
    benchmark(policy.act, observation)


@pytest.mark.parametrize("size", ["tiny", "small"])
@pytest.mark.parametrize("edges", [1, 64])
def test_decision_in_pytorch(benchmark, size, edges):
    """The same decision by the PyTorch policy that Stable-Baselines3 trains."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    benchmark.group = f"decide for {edges} edges of p-edge {size}"
    _, observation = batch(size, edges)
    with private_randomness():
        policy = build(Draws(mixture(size), 0, Hyperparameters()), 0, Hyperparameters()).policy

        def decide():
            seen = {"mask": torch.from_numpy(observation["mask"]), "features": torch.from_numpy(inputs(observation)[0])}
            with torch.no_grad():
                return np.exp(policy._predict(seen, deterministic=True).numpy())

        benchmark(decide)
