"""A small task with a constraint, and an agent for it that is trained as every agent is.

``python ring.py FOLDER SEED DEATH`` trains it until so many transitions are done, and kills itself then.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.rl.ppo import PPO, Constraint, Rollout, Settings
from mecbench.rl.training import Record, Run, private_randomness

FARTHEST, STEPS, COUNT = 8, 32, 16
LIMIT = 0.5
SETTINGS = Settings(epochs=6, minibatches=4, entropy=0.01, learning_rate=1e-2, critic_learning_rate=1e-2, anneal=True, discount=0.95)
CONSTRAINT = Constraint(LIMIT, start=0.0, step=0.3, most=5.0)


class Ring:
    """Sixteen walkers to a goal up to eight steps away, which moves as it is reached; waiting and walking is free, running costs 1."""

    def __init__(self, random: RandomState) -> None:
        self._random = random

    def reset(self) -> np.ndarray:
        """Begin an episode of 32 steps."""
        self._distance = self._random.randint(1, FARTHEST + 1, COUNT)
        return self.seen()

    def seen(self) -> np.ndarray:
        """Distances as unit vectors, shape [B, 8]."""
        return np.eye(FARTHEST, dtype=np.float32)[self._distance - 1]

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Wait, walk or run: reward 1 at the goal, cost 1 for running, each [B]."""
        self._distance = self._distance - action
        there = self._distance <= 0
        fresh = self._random.randint(1, FARTHEST + 1, COUNT)
        self._distance = np.where(there, fresh, self._distance)
        return there.astype(np.float32), (action == 2).astype(np.float32)


def network(outputs: int, generator: torch.Generator, gain: float) -> torch.nn.Sequential:
    """One hidden layer."""
    layers = torch.nn.Sequential(torch.nn.Linear(FARTHEST, 32), torch.nn.Tanh(), torch.nn.Linear(32, outputs))
    for layer, size in ((layers[0], 2**0.5), (layers[2], gain)):
        torch.nn.init.orthogonal_(layer.weight, size, generator=generator)
        torch.nn.init.zeros_(layer.bias)
    return layers


class Actor(torch.nn.Module):
    """Waits, walks or runs."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = network(3, generator, 0.01)

    def evaluate(self, observation: dict[str, torch.Tensor], action: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability and entropy, each [n, 1]."""
        choices = torch.distributions.Categorical(logits=self.layers(observation["distance"])[:, None])
        return choices.log_prob(action), choices.entropy()


class Critic(torch.nn.Module):
    """Values of the walkers' reward, and of their cost if it is constrained."""

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = network(channels, generator, 1.0)

    def value(self, observation: dict[str, torch.Tensor], action: torch.Tensor | None) -> torch.Tensor:
        """Shape [n, C]."""
        return self.layers(observation["distance"])


def learner(seed: int, constraint: Constraint | None = CONSTRAINT) -> PPO:
    """A fresh one."""
    generator = torch.Generator().manual_seed(seed)
    return PPO(Actor(generator), Critic(2 if constraint else 1, generator), SETTINGS, seed=seed, constraint=constraint)


def rollout(agent: PPO, ring: Ring) -> Rollout:
    """One episode of each walker."""
    seen, taken, chosen, paid = [torch.from_numpy(ring.reset())], [], [], []
    for _ in range(STEPS):
        with torch.no_grad():
            logits = agent.actor.layers(seen[-1]).log_softmax(1)
            action = torch.multinomial(logits.exp(), 1, generator=agent.generator)
        taken.append(action)
        chosen.append(logits.gather(1, action))
        paid.append(np.stack(ring.step(action[:, 0].numpy())))
        seen.append(torch.from_numpy(ring.seen()))
    terminated = torch.zeros(STEPS, COUNT, dtype=torch.bool)
    terminated[-1] = True
    reward, cost = torch.from_numpy(np.stack(paid, axis=1))[..., None]
    everywhere = torch.ones(reward.shape, dtype=torch.bool)
    observation = {"distance": torch.stack(seen[:-1])}
    return Rollout(observation, torch.stack(taken), torch.stack(chosen), reward, everywhere, terminated, cost)


@dataclass(frozen=True)
class Hyperparameters:
    """Budget, and points of the curve."""

    transitions: int = 12 * STEPS * COUNT
    validations: int = 4
    users: Settings = field(default=SETTINGS)


class Walker:
    """Learns to walk and to run within the limit."""

    presets: ClassVar[dict[str, Any]] = {
        "default": Hyperparameters(),
        "long": Hyperparameters(transitions=24 * STEPS * COUNT, validations=8),
    }
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    @classmethod
    def train(cls, run: Run) -> Any:
        """Train; see `Trainable`."""
        chosen = run.hyperparameters
        with private_randomness():
            agent = learner(run.seed)
            random, done = RandomState(MT19937(SeedSequence(run.seed))), 0
            record = Record(run, {"agent": "ring/walker", "problem": "ring"}, validation="steps to the goal", limit=LIMIT, price=100.0)
            if record.resumed is not None:
                done, random = record.resumed["done"], record.resumed["random"]
                agent.load_state_dict(record.resumed["ppo"])
            told = {"reward": float("nan"), "cost": float("nan"), "entropy": float("nan")}
            while True:
                if done * chosen.validations % chosen.transitions == 0 and done != record.last:
                    found = validate(agent)
                    weights = {name: tensor.numpy() for name, tensor in agent.actor.state_dict().items()}
                    state = {"done": done, "ppo": agent.state_dict(), "random": random}
                    told = {"train_reward": told["reward"], "cost": told["cost"], "entropy": told["entropy"]}
                    record.add(transitions=done, **told, multiplier=agent.multiplier, weights=weights, state=state, **found)
                if done >= chosen.transitions:
                    return record.finish()
                told = agent.update(rollout(agent, Ring(random)), remaining=1 - done / chosen.transitions)
                done += STEPS * COUNT
                record.tick(done)


def validate(agent: PPO) -> dict[str, float]:
    """Steps per goal and mean cost of an episode without chance."""
    ring = Ring(RandomState(MT19937(SeedSequence(10_000))))
    ring.reset()
    paid = []
    for _ in range(STEPS):
        with torch.no_grad():
            action = agent.actor.layers(torch.from_numpy(ring.seen())).argmax(1)
        paid.append(ring.step(action.numpy()))
    reward, cost = np.mean(paid, axis=(0, 2))
    return {"validation_score": float(1 / max(reward, 1e-3)), "validation_cost": float(cost)}


def _die(death: int) -> Any:
    def progress(done: int, point: Any = None) -> None:
        if done >= death:
            os.kill(os.getpid(), signal.SIGKILL)

    return progress


if __name__ == "__main__":
    Walker.train(Run("any", int(sys.argv[2]), Path(sys.argv[1]), Hyperparameters(), progress=_die(int(sys.argv[3]))))
