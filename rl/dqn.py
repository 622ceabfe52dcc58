"""Dueling double DQN on Stable-Baselines3's DQN: one network for many decision-makers side by side, masks in acting and in targets.

Stable-Baselines3 collects transitions, holds the networks and Adam; here are the double target (van Hasselt et al., 2016), the dueling
head (Wang et al., 2016) over admitted actions only, exploration of every row for itself, and a state from which a run goes on bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence
from pydantic import Field

from mecbench.rl import mlp
from mecbench.rl.choices import double_value, drawn, greedy, soft_value
from mecbench.rl.replay import ring
from mecbench.rl.rows import Environment, rows_view

__all__ = ["Encoded", "Network", "Settings", "build", "dueling"]

Exploration = Literal["epsilon", "boltzmann", "noise"]
Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

NOISE_STEP = 1.01  # factor by which it is adapted (Plappert et al., 2018)
COLDEST = 1e-9  # temperature in place of 0
SUMS = ("reward", "decisions", "loss", "value", "updates")


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of the learner.

    Attributes
    ----------
    discount
        gamma.
    learning_rate, anneal
        Of Adam; whether it falls with what remains of the budget.
    batch, replay, warmup
        Transitions of an update, of the replay memory, and before the first update.
    every, updates
        Steps of the environment between updates, and how many there are then.
    period, rate
        Updates between moves of the target network, and the part of the way to the network that it then goes. If it is not the whole
        way, the target network is a running mean, steadier than the network itself, and the one that is kept.
    gradient_norm
        Largest norm of a gradient.
    exploration
        ``epsilon`` takes any admitted action now and then; ``boltzmann`` draws from the softmax of the values, whose mean is then the
        value of the next state too, as in mean field Q-learning (Yang et al., 2018); ``noise`` is greedy by a network whose parameters
        are perturbed for an episode, as far as changes its decisions as much as such an epsilon would (Plappert et al., 2018).
    start, decay, least
        Epsilon, or temperature, in the first episode, its factor from one to the next, and its least value.
    noise
        Standard deviation of the noise on parameters in the first episode; adapted by a hundredth from one to the next.
    """

    discount: Annotated[float, Field(ge=0, le=1)] = 0.99
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    anneal: bool = False
    batch: Count = 256
    replay: Count = 100_000
    warmup: Count = 1_000
    every: Count = 1
    updates: Count = 1
    period: Count = 1_000
    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    gradient_norm: Annotated[float, Field(gt=0)] = 10.0
    exploration: Exploration = "epsilon"
    start: Amount = 1.0
    decay: Annotated[float, Field(gt=0, le=1)] = 0.99
    least: Amount = 0.01
    noise: Amount = 0.05

    def level(self, episode: int) -> float:
        """Epsilon or temperature in an episode, counted from 0."""
        return max(self.least, self.start * self.decay**episode)


class Encoded(NamedTuple):
    """What a network makes of observations before any weights act on it.

    Attributes
    ----------
    mask
        Which actions each observation admits, bool, shape [n, A].
    inputs
        What the weights act on, as the network likes it.
    """

    mask: Any
    inputs: Any


class Network(Protocol):
    """A Q-network, written once for NumPy and PyTorch; `array` is the module."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""

    def gains(self) -> dict[str, float]:
        """Factors of initial weights, see `mlp.initial`."""

    def encode(self, array: Any, seen: Any) -> Encoded:
        """Encode rows of observations [n, F] of that module."""

    def values(self, array: Any, weights: Mapping[str, Any], encoded: Encoded) -> Any:
        """Q of every action, shape [n, A]; anything finite where the mask does not admit it."""


def dueling(array: Any, value: Any, advantage: Any, mask: Any) -> Any:
    """Q = V + A less the mean of A over the admitted actions, so that V is the mean of their Q (eq. 9 of Wang et al., 2016).

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    value
        V, shape [n, 1].
    advantage
        A, shape [n, A].
    mask
        What is admitted, shape [n, A].
    """
    number = array.maximum(mask.sum(-1), array.ones_like(mask.sum(-1)))
    mean = array.where(mask, advantage, 0.0).sum(-1) / number
    return value + advantage - mean[..., None]


def build(network: Network, environment: Environment, settings: Settings, seed: SeedSequence) -> Any:
    """A learner before its first episode.

    Its methods beside those of ``stable_baselines3.DQN``: ``play`` for a batch of episodes, ``train`` for updates alone, ``arrays`` for
    the weights, ``state_dict`` and ``load_state_dict`` between episodes. ``num_timesteps`` counts decisions of who is somebody.

    Parameters
    ----------
    network
        Serves all rows.
    environment
        What the rows live in.
    settings
        Hyper-parameters.
    seed
        Of weights, exploration and replay.
    """
    return _classes()["Learner"](network, environment, settings, seed)


@cache
def _classes() -> dict[str, Any]:
    """The classes, made at their first use: their base classes come with PyTorch, which is needed to train only."""
    import torch
    from stable_baselines3 import DQN
    from stable_baselines3.common.callbacks import ConvertCallback
    from stable_baselines3.common.type_aliases import ReplayBufferSamples, TrainFreq, TrainFrequencyUnit
    from stable_baselines3.common.utils import polyak_update
    from stable_baselines3.dqn.policies import DQNPolicy

    class Values(torch.nn.Module):
        """A network with its weights."""

        def __init__(self, network: Network, generator: torch.Generator) -> None:
            super().__init__()
            self.network = network
            self.weights = torch.nn.ParameterDict(mlp.initial(network.shapes(), generator, network.gains()))

        def forward(self, encoded: Encoded) -> torch.Tensor:
            return self.network.values(torch, dict(self.weights), encoded)

        def set_training_mode(self, mode: bool) -> None:
            """Stable-Baselines3's word for `train`."""
            self.train(mode)

    class Policy(DQNPolicy):  # type: ignore[misc]
        """Network and target network."""

        def __init__(self, *arguments: Any, network: Network, generator: torch.Generator, **keywords: Any) -> None:
            self._made = network, generator
            super().__init__(*arguments, **keywords)

        def make_q_net(self) -> Values:
            return Values(*self._made)

    class Learner(DQN):  # type: ignore[misc]
        """See `build`."""

        def __init__(self, network: Network, environment: Environment, settings: Settings, seed: SeedSequence) -> None:
            drawing, weights = seed.spawn(2)
            self.network, self.settings = network, settings
            self.random = RandomState(MT19937(drawing))
            self.episodes, self.updates, self.noise = 0, 0, settings.noise
            self._perturbed: dict[str, torch.Tensor] = {}
            self._over, self._sums = True, dict.fromkeys(SUMS, 0.0)
            super().__init__(
                Policy,
                rows_view(environment),
                learning_rate=settings.learning_rate,
                buffer_size=settings.replay,
                batch_size=settings.batch,
                gamma=settings.discount,
                max_grad_norm=settings.gradient_norm,
                target_update_interval=environment.rows,  # not read: see `_on_step`
                replay_buffer_class=ring(),
                replay_buffer_kwargs={"random": self.random},
                policy_kwargs={"network": network, "generator": torch.Generator().manual_seed(int(weights.generate_state(1)[0]))},
                device="cpu",
            )

        def play(self, remaining: float = 1.0) -> dict[str, float]:
            """Play a batch of episodes to its end, with the updates that fall due.

            Parameters
            ----------
            remaining
                Part of the budget that is left, by which an annealed learning rate is multiplied.

            Returns
            -------
            dict
                Mean ``reward`` of a decision, mean ``loss`` of an update and ``value`` that it aims at, and the ``exploration``.
            """
            settings = self.settings
            if self._last_obs is None:
                self._setup_learn(1, None, reset_num_timesteps=self.num_timesteps == 0)
            for group in self.policy.optimizer.param_groups:
                group["lr"] = settings.learning_rate * (remaining if settings.anneal else 1.0)
            self.exploration_rate = settings.level(self.episodes)
            if settings.exploration == "noise":
                self._perturb()
            each, silent = TrainFreq(1, TrainFrequencyUnit.STEP), ConvertCallback(None)
            silent.init_callback(self)
            self._over, self._sums, steps = False, dict.fromkeys(SUMS, 0.0), 0
            while not self._over:
                self.collect_rollouts(self.env, silent, each, self.replay_buffer)
                steps += 1
                if steps % settings.every == 0 and self.replay_buffer.size() >= settings.warmup:
                    self.train(settings.updates, settings.batch)
            self.episodes += 1
            earned, decisions, loss, value, updates = (self._sums[name] for name in SUMS)
            learned = (loss / updates, value / updates) if updates else (np.nan, np.nan)
            means = earned / max(1.0, decisions), *learned, self.exploration_rate
            return dict(zip(("reward", "loss", "value", "exploration"), means, strict=True))

        def predict(
            self, observation: np.ndarray, state: Any = None, episode_start: Any = None, deterministic: bool = False
        ) -> tuple[np.ndarray, None]:
            """Actions of all rows, the best ones or with exploration; the other arguments are not read."""
            exploration, number = self.settings.exploration, len(observation)
            with torch.no_grad():
                encoded = self.network.encode(torch, torch.from_numpy(observation))
                if deterministic:
                    return greedy(torch, self.q_net(encoded), encoded.mask).numpy(), None
                if exploration == "noise":
                    return greedy(torch, self.network.values(torch, self._perturbed, encoded), encoded.mask).numpy(), None
                if exploration == "boltzmann":
                    chance = mlp.probabilities(torch, self.q_net(encoded) / self._temperature(), encoded.mask)
                    return drawn(chance.numpy(), self.random.random_sample(number)), None
                astray = self.random.random_sample(number) < self.exploration_rate
                anything = drawn(encoded.mask.numpy()[astray], self.random.random_sample(number)[astray])
                action = np.zeros(number, dtype=np.int64) if astray.all() else greedy(torch, self.q_net(encoded), encoded.mask).numpy()
                action[astray] = anything
                return action, None

        def train(self, gradient_steps: int, batch_size: int = 256) -> None:
            """Update the network, and the target network when that falls due."""
            settings = self.settings
            for _ in range(gradient_steps):
                batch = self.replay_buffer.sample(batch_size)
                goal = self.goal(batch)
                values = self.q_net(self.network.encode(torch, batch.observations)).gather(1, batch.actions.long()[:, None])[:, 0]
                loss = torch.nn.functional.smooth_l1_loss(values, goal)
                self.policy.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self.q_net.parameters(), settings.gradient_norm)
                self.policy.optimizer.step()
                self.updates += 1
                if self.updates % settings.period == 0:
                    polyak_update(self.q_net.parameters(), self.q_net_target.parameters(), settings.rate)
                for name, amount in (("loss", loss.item()), ("value", goal.mean().item()), ("updates", 1.0)):
                    self._sums[name] += amount

        def goal(self, batch: ReplayBufferSamples) -> torch.Tensor:
            """What the values of the actions of a batch are moved to, shape [n]."""
            with torch.no_grad():
                encoded = self.network.encode(torch, batch.next_observations)
                both = self.q_net(encoded), self.q_net_target(encoded)
                soft = self.settings.exploration == "boltzmann"
                after = soft_value(*both, encoded.mask, self._temperature()) if soft else double_value(*both, encoded.mask)
                return batch.rewards + self.settings.discount * (1.0 - batch.dones) * after

        def arrays(self) -> dict[str, np.ndarray]:
            """Weights of the network that is kept, as NumPy's own arrays."""
            kept = self.q_net if self.settings.rate == 1.0 else self.q_net_target
            return {name: weight.detach().numpy().copy() for name, weight in kept.weights.items()}

        def begin_from(self, weights: Mapping[str, np.ndarray]) -> None:
            """Give network and target network the weights of another one.

            Raises
            ------
            ValueError
                If they are for a network of other shapes.
            """
            if {name: array.shape for name, array in weights.items()} != self.network.shapes():
                raise ValueError("expected weights of a network of the same shapes, found others")
            for each in (self.q_net, self.q_net_target):
                each.weights.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})

        def state_dict(self) -> dict[str, Any]:
            """Everything that later episodes depend on, those of the environment apart; between episodes."""
            return {
                "policy": self.policy.state_dict(),
                "optimizer": self.policy.optimizer.state_dict(),
                "replay": self.replay_buffer.state_dict(),
                "random": self.random,
                "counts": [self.num_timesteps, self.episodes, self.updates],
                "noise": self.noise,
            }

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            """Go on where another learner was; the environment is reset at the next episode."""
            self.policy.load_state_dict(state["policy"])
            self.policy.optimizer.load_state_dict(state["optimizer"])
            self.replay_buffer.load_state_dict(state["replay"])
            self.random.set_state(state["random"].get_state())
            self.num_timesteps, self.episodes, self.updates = state["counts"]
            self.noise, self._last_obs = state["noise"], None

        def _store_transition(
            self,
            replay_buffer: Any,
            action: np.ndarray,
            seen: np.ndarray,
            reward: np.ndarray,
            dones: np.ndarray,
            infos: list[dict[str, Any]],
        ) -> None:
            """Keep and count the transitions of who is somebody, and see whether that was the end."""
            self._over, after, terminated = "terminal_observation" in infos[0], seen, dones
            if self._over:
                after = np.stack([info["terminal_observation"] for info in infos])
                terminated = ~np.array([info["TimeLimit.truncated"] for info in infos])
            before: Any = self._last_obs
            somebody = before.any(axis=1)
            self.num_timesteps += int(somebody.sum()) - self.n_envs
            self._sums["reward"] += float(reward[somebody].sum())
            self._sums["decisions"] += float(somebody.sum())
            replay_buffer.add_rows(before, action, reward, after, terminated)
            self._last_obs = seen  # type: ignore[assignment]  # of Stable-Baselines3, where it is None at first

        def _update_info_buffer(self, infos: list[dict[str, Any]], dones: Any = None) -> None:
            """There are no monitors whose episodes could be counted."""

        def _on_step(self) -> None:
            """Targets are copied by the count of updates, and exploration is an episode's: nothing is due by the step."""

        def _temperature(self) -> float:
            return max(self.exploration_rate, COLDEST)

        def _perturb(self) -> None:
            """Draw the noise of an episode, and adapt its strength for the next one."""
            own = dict(self.q_net.weights)
            with torch.no_grad():
                self._perturbed = {
                    name: weight + self.noise * torch.from_numpy(self.random.standard_normal(weight.shape)).to(weight.dtype)
                    for name, weight in own.items()
                }
                if not self.replay_buffer.size():
                    return
                encoded = self.network.encode(torch, self.replay_buffer.sample(self.settings.batch).observations)
                mask = encoded.mask
                logs = [mlp.log_probabilities(torch, self.network.values(torch, each, encoded), mask) for each in (own, self._perturbed)]
                distance = float(torch.where(mask, logs[0].exp() * (logs[0] - logs[1]), 0.0).sum(-1).mean())
            epsilon, admitted = self.exploration_rate, float(mask.sum(-1).double().mean())
            allowed = -np.log1p(epsilon / admitted - epsilon)
            self.noise *= NOISE_STEP if distance < allowed else 1.0 / NOISE_STEP

    return {"Learner": Learner}
