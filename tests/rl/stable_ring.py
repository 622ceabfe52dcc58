"""Stable-Baselines3's PPO on the same small task, and with a Lagrange multiplier: what our own is held against.

The multiplier is put into Stable-Baselines3 without touching how it collects or trains: the value net has two outputs, and
the rollout buffer holds the two returns of a step interleaved, as the flattened values are, and one advantage of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.random import RandomState
from ring import CONSTRAINT, COUNT, FARTHEST, LIMIT, SETTINGS, STEPS, Ring
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv


class RingView(VecEnv):
    """The task as Stable-Baselines3 sees it; `cost` is that of the last step."""

    def __init__(self, random: RandomState) -> None:
        self.render_mode = None
        super().__init__(COUNT, spaces.Box(0.0, 1.0, (FARTHEST,), np.float32), spaces.Discrete(3))
        self._ring, self._step = Ring(random), 0

    def reset(self) -> np.ndarray:
        """Begin."""
        self._step = 0
        return self._ring.reset()

    def step_async(self, actions: np.ndarray) -> None:
        """Take note of the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Take them."""
        reward, self.cost = self._ring.step(self._actions)
        self._step += 1
        done = self._step == STEPS
        seen = self.reset() if done else self._ring.seen()
        return seen, reward, np.full(COUNT, done), [{}] * COUNT

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """All share it."""
        return [getattr(self, attr_name)] * COUNT

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Nothing is set."""

    def env_method(self, method_name: str, *arguments: Any, indices: Any = None, **keywords: Any) -> list[Any]:
        """There is none."""
        return []

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """It is not."""
        return [False] * COUNT


class TwoValues(ActorCriticPolicy):
    """Values of reward and cost, [n, 2]."""

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.value_net = torch.nn.Linear(self.mlp_extractor.latent_dim_vf, 2)
        torch.nn.init.orthogonal_(self.value_net.weight, 1.0)
        torch.nn.init.zeros_(self.value_net.bias)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1.0), **self.optimizer_kwargs)


class TwoReturns(RolloutBuffer):
    """Returns of reward and of cost over its limit, and the multiplier, which moves with each rollout's mean cost."""

    view: RingView
    multiplier = CONSTRAINT.start

    def reset(self) -> None:
        """Empty it."""
        super().reset()
        shape = (self.buffer_size, self.n_envs, 2)
        self.signals, self.values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def add(self, obs: Any, action: Any, reward: Any, episode_start: Any, value: Any, log_prob: Any) -> None:
        """Put a step in."""
        place, both = self.pos, self.values
        both[place] = value.numpy()
        self.signals[place] = np.stack((reward, self.view.cost / LIMIT), axis=1)
        self.values = np.zeros((self.buffer_size, self.n_envs), np.float32)
        super().add(obs, action, reward, episode_start, value[:, 0], log_prob)
        self.values = both

    def compute_returns_and_advantage(self, last_values: Any, dones: Any) -> None:
        """Estimate both, with no value after the end of episodes, with which rollouts end."""
        ahead, gain = np.zeros_like(self.values[0]), np.zeros_like(self.values)
        after = np.zeros_like(ahead)
        for step in reversed(range(self.buffer_size)):
            surprise = self.signals[step] + SETTINGS.discount * after - self.values[step]
            ahead = surprise + SETTINGS.discount * SETTINGS.trace * ahead
            gain[step], after = ahead, self.values[step]
        self.returns = gain + self.values
        excess = LIMIT * self.signals[..., 1].mean() - LIMIT
        self.multiplier = float(np.clip(self.multiplier + CONSTRAINT.step * excess, 0.0, CONSTRAINT.most))
        self.advantages = gain[..., 0] - self.multiplier * LIMIT * gain[..., 1]

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> Any:
        samples = super()._get_samples(batch_inds, env)
        returns = self.returns.reshape(-1, 2) if self.returns.ndim == 3 else self.returns
        return samples._replace(returns=torch.from_numpy(returns[batch_inds].reshape(-1)))


class Paid(BaseCallback):
    """Mean reward and cost of every rollout."""

    def __init__(self) -> None:
        super().__init__()
        self.reward: list[float] = []
        self.cost: list[float] = []

    def _on_step(self) -> bool:
        self.reward.append(float(self.locals["rewards"].mean()))
        self.cost.append(float(self.training_env.cost.mean()))
        return True


def train(seed: int, rollouts: int, *, constrained: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean reward and mean cost of each rollout."""
    view = RingView(RandomState(seed))
    agent = PPO(
        TwoValues if constrained else "MlpPolicy",
        view,
        n_steps=STEPS,
        batch_size=STEPS * COUNT // SETTINGS.minibatches,
        n_epochs=SETTINGS.epochs,
        learning_rate=lambda remaining: SETTINGS.learning_rate * remaining,
        gamma=SETTINGS.discount,
        gae_lambda=SETTINGS.trace,
        clip_range=SETTINGS.clip,
        ent_coef=SETTINGS.entropy,
        max_grad_norm=SETTINGS.gradient_norm,
        policy_kwargs={"net_arch": [32], "activation_fn": torch.nn.Tanh},
        rollout_buffer_class=TwoReturns if constrained else None,
        seed=seed,
        device="cpu",
    )
    agent.rollout_buffer.view = view
    paid = Paid()
    agent.learn(rollouts * STEPS * COUNT, callback=paid)
    return tuple(np.array(each).reshape(rollouts, STEPS).mean(axis=1) for each in (paid.reward, paid.cost))
