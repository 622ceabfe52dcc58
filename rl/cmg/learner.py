"""CPO-MADDPG and its relatives on Stable-Baselines3's TD3: factored actors, critics of reward and cost, and a multiplier.

The team's reward is common and the actors' product is one deterministic policy, so (46) is the gradient of a single TD3 whose actor is
factored: the part of each device sees its own observation only. DDPG is TD3 without twins, delay and smoothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.rl.cmg.hyperparameters import OffPolicy, Variant
from mecbench.rl.cmg.networks import Network, actor, critic
from mecbench.rl.cmg.pullback import passing
from mecbench.rl.cmg.replay import Batch, Replay
from mecbench.rl.cmg.view import REWARD_AND_COST

if TYPE_CHECKING:
    from stable_baselines3 import TD3
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

__all__ = ["ascend", "learner", "matched"]

LAST_RATE = 0.1  # part of the learning rates that is left at the end where they are annealed


def matched(reward: Sequence[Tensor], cost: Sequence[Tensor], multiplier: float, floor: float) -> list[Tensor]:
    """Direction of the actor's descent, -g_r + lambda g_c |g_r| / (|g_c| + epsilon), of (48) and the sentence after it.

    Parameters
    ----------
    reward, cost
        Gradients of J_r and J_c, a tensor for each parameter; those of the cost are overwritten with the direction.
    multiplier
        lambda.
    floor
        epsilon.
    """
    import torch

    lengths = [torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(parts)))) for parts in (reward, cost)]
    direction = list(cost)
    torch._foreach_mul_(direction, multiplier * lengths[0] / (lengths[1] + floor))
    torch._foreach_sub_(direction, list(reward))
    return direction


def ascend(multiplier: float, cost: float, limit: float, chosen: OffPolicy) -> float:
    """Multiplier after a step of (41), within its limits of section 5.1: clip(lambda + eta (J_c - C_limit), 0, lambda_max)."""
    return min(max(multiplier + chosen.multiplier_step * (cost - limit), 0.0), chosen.multiplier_most)


def learner(view: VecEnv, made: Network, chosen: OffPolicy, variant: Variant, limit: float, seed: SeedSequence) -> TD3:
    """Learner before its first step.

    Beside what Stable-Baselines3 gives a TD3 it has the ``multiplier``, ``weights()`` of the actor, and ``state_dict()`` and
    ``load_state_dict()`` of everything that the rest of a run depends on, where all episodes are about to begin.

    Parameters
    ----------
    view
        The episodes.
    made
        Network of the actors.
    chosen, variant
        Hyper-parameters, and which agent it is.
    limit
        C_limit of a device and slot [J].
    seed
        Of all its randomness.
    """
    found: TD3 = _learner()(view, made, chosen, variant, limit, seed)
    return found


def _present(batch: Batch) -> np.ndarray:
    """Where there is a device, 0 or 1, shape [n, A]: the first feature of what it sees."""
    return batch.observation.reshape(*batch.cost.shape, -1)[..., 0]


@cache
def _learner() -> type[TD3]:
    """The class, made at its first use: its base class comes with PyTorch, which is needed to train only."""
    import torch
    from stable_baselines3 import TD3
    from stable_baselines3.td3.policies import TD3Policy

    class FactoredPolicy(TD3Policy):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """Actor and critic of the family with their targets."""

        def __init__(self, *arguments: Any, make: Any, **keywords: Any) -> None:
            self._make = make
            super().__init__(*arguments, **keywords)

        def _build(self, lr_schedule: Any) -> None:
            (self.actor, self.critic), (self.actor_target, self.critic_target) = self._make(), self._make()
            self.actor_target.load_state_dict(self.actor.state_dict())
            self.critic_target.load_state_dict(self.critic.state_dict())
            self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), fused=True)
            self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), fused=True)

        def set_training_mode(self, mode: bool) -> None:
            self.train(mode)

        def _predict(self, observation: Tensor, deterministic: bool = False) -> Tensor:
            said: Tensor = self.actor(observation).flatten(1)
            return said

    class Learner(TD3):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """See `learner`."""

        _last_obs: np.ndarray

        def __init__(self, view: VecEnv, made: Network, chosen: OffPolicy, variant: Variant, limit: float, seed: SeedSequence) -> None:
            self.chosen, self.variant, self.limit = chosen, variant, limit
            self.multiplier = chosen.multiplier if variant.penalty != "none" else 0.0
            start, replay, explore, chance = seed.spawn(4)
            generator = torch.Generator().manual_seed(int(start.generate_state(1)[0]))
            channels = REWARD_AND_COST if variant.penalty == "channel" else 1
            self._discounts = torch.tensor([chosen.discount, chosen.cost_discount][:channels])
            self._random = RandomState(MT19937(explore))
            self._chance = torch.Generator().manual_seed(int(chance.generate_state(1)[0]))
            self._team = not made.interface.by_chunk

            def make() -> tuple[Any, Any]:
                return actor(made, generator), critic(made, chosen, chosen.heads, channels, variant.twins, generator)

            super().__init__(
                FactoredPolicy,
                view,
                learning_starts=chosen.warmup,
                buffer_size=1,  # of Stable-Baselines3's own buffer, which is replaced
                batch_size=chosen.batch,
                tau=chosen.target_rate,
                gamma=chosen.discount,
                gradient_steps=chosen.updates,
                policy_delay=chosen.policy_delay if variant.twins > 1 else 1,
                target_policy_noise=chosen.target_noise if variant.twins > 1 else 0.0,
                target_noise_clip=chosen.target_noise_clip,
                policy_kwargs={"make": make},
                device="cpu",
            )
            self.replay_buffer = Replay(
                chosen.capacity,
                view.observation_space.shape,
                made.interface.actions,
                view.num_envs,
                prioritised=chosen.replay,
                exponent=chosen.priority_exponent,
                floor=chosen.priority_floor,
                deviation_floor=chosen.deviation_floor,
                random=RandomState(MT19937(replay)),
            )
            self._pass, self._target_pass = passing(self.actor, channels), passing(self.actor_target, 0)

        def weights(self) -> dict[str, np.ndarray]:
            return {name: array.copy() for name, array in self.actor.arrays().items()}

        @property
        def _progress(self) -> float:
            """Part of the budget that is spent."""
            return min(self.num_timesteps / self.chosen.transitions, 1.0)

        def _sample_action(self, learning_starts: int, action_noise: Any = None, n_envs: int = 1) -> tuple[np.ndarray, np.ndarray]:
            """What the devices say, by chance before the first update, else with noise on what the actor says."""
            network = self.actor.network
            if self.num_timesteps < learning_starts:
                said = network.interface.explore(self._random, n_envs, network.devices)
            else:
                spread = self.chosen.noise + self._progress * (self.chosen.final_noise - self.chosen.noise)
                said = network.say(np, self.actor.arrays(), self._last_obs)
                said = said + spread * self._random.standard_normal(said.shape)
            said = network.interface.settle(np, np.clip(said, -1.0, 1.0), self._random.uniform(-1.0, 1.0, said.shape)).astype(np.float32)
            return said, said

        def _store_transition(
            self, replay_buffer: Replay, said: np.ndarray, seen: np.ndarray, paid: np.ndarray, over: Any, infos: Any
        ) -> None:
            replay_buffer.add(self._last_obs, seen, said, paid[..., 0], paid[..., 1], over)
            self._last_obs = seen

        def train(self, gradient_steps: int, batch_size: int = 100) -> None:
            """Algorithm 1 from line 9 on, or what the other agents have in its place."""
            rate = 1.0 - (1.0 - LAST_RATE) * self._progress if self.chosen.anneal else 1.0
            for optimiser, own in (
                (self.policy.actor_optimizer, self.chosen.learning_rate),
                (self.policy.critic_optimizer, self.chosen.critic_learning_rate),
            ):
                for group in optimiser.param_groups:
                    group["lr"] = own * rate
            for _ in range(gradient_steps):
                self._n_updates += 1
                beta = self.chosen.importance + self._progress * (1.0 - self.chosen.importance)
                batch = self.replay_buffer.draw(batch_size, beta)
                seen = torch.from_numpy(batch.observation)
                self._judge(batch, seen)
                if self._n_updates > self.chosen.head_start and self._n_updates % self.policy_delay == 0:
                    self._improve(seen)
                if self._n_updates % self.policy_delay == 0:
                    with torch.no_grad():
                        for trained, target in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
                            torch._foreach_lerp_(list(target.parameters()), list(trained.parameters()), self.tau)
                if self.variant.penalty != "none":
                    self.multiplier = ascend(self.multiplier, float(batch.cost.sum() / _present(batch).sum()), self.limit, self.chosen)

        def _signals(self, batch: Batch) -> Tensor:
            """What is predicted the discounted sum of, shape [n, D, C]: of the mean device, which is the team's (36) over N, or of each."""
            reward, cost = torch.from_numpy(batch.reward), torch.from_numpy(batch.cost)
            there = torch.from_numpy(_present(batch))
            if self.variant.penalty == "reward":
                reward = reward - self.multiplier * (cost - self.limit) * there
            if self._team:
                reward, cost = (values.sum(1, keepdim=True) / there.sum(1, keepdim=True) for values in (reward, cost))
            return torch.stack((reward, cost)[: len(self._discounts)], -1)

        def _judge(self, batch: Batch, seen: Tensor) -> None:
            """A step of the critic on (49) to (51) with the weights of (56), and what it says of priorities."""
            with torch.no_grad():
                later = torch.from_numpy(batch.next_observation)
                said = self._target_pass.forward(later)
                if self.target_policy_noise:
                    noise = self.target_policy_noise * torch.randn(said.shape, generator=self._chance)
                    said = (said + noise.clamp(-self.target_noise_clip, self.target_noise_clip)).clamp(-1.0, 1.0)
                said = self._settled(said)
                # Cautious of the twins' rewards; there are no twins where there is a cost.
                ahead = self.critic_target(later, said).amin(0)
                goes_on = 1.0 - torch.from_numpy(batch.terminated)[:, None, None]
                target = self._signals(batch) + goes_on * self._discounts * ahead
            error = target - self.critic(seen, torch.from_numpy(batch.action))
            loss = (torch.from_numpy(batch.weight)[:, None, None] * error**2).mean((1, 2)).sum()
            self.policy.critic_optimizer.zero_grad()
            loss.backward()
            if self.chosen.critic_gradient_norm:
                torch.nn.utils.clip_grad_norm_(self.critic.parameters(), self.chosen.critic_gradient_norm)
            self.policy.critic_optimizer.step()
            self.replay_buffer.learned(batch.places, error[0].detach().sum(1).T.numpy())

        def _settled(self, said: Tensor) -> Tensor:
            """What is said with nothing left in doubt; gradients pass as if nothing had been (straight through)."""
            through = self.actor.network.interface
            if not through.doubtful:
                return said
            draws = 2.0 * torch.rand(said.shape, generator=self._chance) - 1.0
            return said + (through.settle(torch, said.detach(), draws) - said.detach())

        def _improve(self, seen: Tensor) -> None:
            """A step of the actor along (43), or along both channels (45) with their norms matched (48)."""
            parameters = list(self.actor.parameters())
            said = self._pass.forward(seen).requires_grad_()
            # Critics are differentiated by what is said only, not by their own weights.
            returns = self.critic(seen, self._settled(said))[0].mean((0, 1))
            channels = len(returns) if self.multiplier > 0.0 else 1
            slopes = [torch.autograd.grad(returns[channel], said, retain_graph=True)[0] for channel in range(channels)]
            reward, *costs = self._pass.backward(slopes)
            if costs:
                direction = matched(reward, costs[0], self.multiplier, self.chosen.matching_floor)
            else:
                direction = list(torch._foreach_neg(reward))
            for parameter, part in zip(parameters, direction, strict=True):
                parameter.grad = part
            if self.chosen.gradient_norm:
                torch.nn.utils.clip_grad_norm_(parameters, self.chosen.gradient_norm)
            self.policy.actor_optimizer.step()

        def state_dict(self) -> dict[str, Any]:
            return {
                "policy": self.policy.state_dict(),
                "actor_optimiser": self.policy.actor_optimizer.state_dict(),
                "critic_optimiser": self.policy.critic_optimizer.state_dict(),
                "replay": self.replay_buffer.state_dict(),
                "multiplier": self.multiplier,
                "updates": self._n_updates,
                "transitions": self.num_timesteps,
                "random": self._random,
                "chance": self._chance.get_state(),
            }

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            self.policy.load_state_dict(state["policy"])
            self.policy.actor_optimizer.load_state_dict(state["actor_optimiser"])
            self.policy.critic_optimizer.load_state_dict(state["critic_optimiser"])
            self.replay_buffer.load_state_dict(state["replay"])
            self.multiplier, self._n_updates, self.num_timesteps = state["multiplier"], state["updates"], state["transitions"]
            self._random = state["random"]
            self._chance.set_state(state["chance"])

    return Learner
