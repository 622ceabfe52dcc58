"""PPO (Schulman et al., 2017) for many agents that share an actor: IPPO, MAPPO, and MAPPO with a Lagrange multiplier.

A rollout is made of units, a step of one instance each, and every unit of agents. What the critic returns decides the
algorithm: one value per agent is IPPO; one value per unit, which sees what all agents see, is MAPPO (Yu et al., 2022); a
second channel for a cost beside the reward, with a `Constraint`, is the Lagrangian form of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PPO", "Constraint", "Rollout", "Settings", "advantages"]

RETURN_DECAY = 0.95  # what a rollout keeps of its weight in the mean and deviation of returns, per update
TINY = 1e-8


@dataclass(frozen=True)
class Settings:
    """What PPO is tuned with.

    Attributes
    ----------
    discount, trace
        gamma, and lambda of generalised advantage estimation.
    clip
        Half-width of the interval around 1 outside of which a ratio of probabilities earns nothing.
    epochs, minibatches
        Passes over a rollout, and gradient steps in each.
    entropy
        Weight of the mean entropy of an agent's decision.
    learning_rate, critic_learning_rate, adam_epsilon
        Of Adam, one for the actor and one for the critic.
    anneal
        Lower both learning rates with what remains of the budget.
    gradient_norm, critic_gradient_norm
        Largest norm of the actor's and of the critic's gradient; apart, since in a common norm a critic with large errors
        leaves nothing to the actor.
    normalise_returns
        Train the critic on returns less their running mean, by their running deviation.
    normalise_advantages
        Likewise for advantages, over each rollout.
    """

    discount: Annotated[float, Field(ge=0, le=1)] = 0.99
    trace: Annotated[float, Field(ge=0, le=1)] = 0.95
    clip: Annotated[float, Field(gt=0)] = 0.2
    epochs: Annotated[int, Field(ge=1)] = 4
    minibatches: Annotated[int, Field(ge=1)] = 8
    entropy: Annotated[float, Field(ge=0)] = 0.01
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    critic_learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    anneal: bool = False
    adam_epsilon: Annotated[float, Field(gt=0)] = 1e-5
    gradient_norm: Annotated[float, Field(gt=0)] = 0.5
    critic_gradient_norm: Annotated[float, Field(gt=0)] = 0.5
    normalise_returns: bool = True
    normalise_advantages: bool = True


@dataclass(frozen=True)
class Constraint:
    """Limit of a mean cost, and the ascent of its multiplier: lambda <- clip(lambda + step (mean cost - limit), 0, most).

    Attributes
    ----------
    limit
        Of the mean cost per agent and step, in the cost's unit; above 0.
    start
        Multiplier at the start [reward per unit of cost].
    step
        Change of the multiplier per update and unit of cost above the limit.
    most
        Largest multiplier.
    """

    limit: Annotated[float, Field(gt=0)]
    start: Annotated[float, Field(ge=0)] = 0.01
    step: Annotated[float, Field(ge=0)] = 0.01
    most: Annotated[float, Field(ge=0)] = 100.0


@dataclass(frozen=True)
class Rollout:
    """What the agents saw, did and earned in T steps of B instances, A agents each.

    Attributes
    ----------
    observation
        Tensors [T, B, ...]; what all agents see stands there once, not once per agent.
    action
        One tensor [T, B, A, ...], or several by name.
    log_prob
        Log-probability of each agent's action when it was sampled, shape [T, B, A].
    reward
        Shape [T, B, A].
    present
        False where there is no such agent, shape [T, B, A]: it earns nothing, and counts in no mean and no loss.
    terminated
        True where the episode ended with the step, shape [T, B]; an episode that was cut short is not terminated.
    cost
        Cost in its own unit, shape [T, B, A].
    mean_cost
        What the multiplier compares with the limit, where `cost` charges agents for more than what is limited; else it is
        the mean of `cost`.
    after
        What is seen after the last step, tensors [B, ...]; needed unless all episodes have terminated by then.
    length
        Decisions in each action, where actions are sequences, shape [T, B, A]: a ratio is then the geometric mean of its
        decisions' ratios, so that the clip does not depend on their number.
    """

    observation: Mapping[str, Tensor]
    action: Tensor | Mapping[str, Tensor]
    log_prob: Tensor
    reward: Tensor
    present: Tensor
    terminated: Tensor
    cost: Tensor | None = None
    mean_cost: float | None = None
    after: Mapping[str, Tensor] | None = None
    length: Tensor | None = None


class PPO:
    """One learner: actor, critic, their optimisers, and the multiplier.

    Parameters
    ----------
    actor
        Module with ``evaluate(observation, action)``, which gives log-probability and entropy, each [n, A], of the actions
        of n units; finite also for agents who are absent.
    critic
        Module with ``value(observation, action)``, which gives [n, C] (of a unit) or [n, A, C] (of each agent); C is 2 with
        a constraint, reward first, else 1. `action` is None for the value after a rollout. Parameters that are the
        actor's too are trained by the actor's loss alone.
    settings
        What it is tuned with.
    seed
        Of the private generator that shuffles, and that the owner samples from.
    constraint
        Of the mean cost, if there is one.
    device
        Where modules and minibatches live; the generator stays on the CPU, so that draws are the same everywhere.
    """

    def __init__(
        self,
        actor: Any,
        critic: Any,
        settings: Settings,
        *,
        seed: int | np.random.SeedSequence,
        constraint: Constraint | None = None,
        device: str = "cpu",
    ) -> None:
        import torch

        self.actor, self.critic = actor.to(device), critic.to(device)
        self.settings, self.constraint, self.device = settings, constraint, device
        self.multiplier = constraint.start if constraint else 0.0
        state = (seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)).generate_state(2)
        self.generator = torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))
        self._actor_parameters = list(actor.parameters())
        owned = {id(parameter) for parameter in self._actor_parameters}
        self._critic_parameters = [parameter for parameter in critic.parameters() if id(parameter) not in owned]
        self._actor_optimiser = torch.optim.Adam(self._actor_parameters, lr=settings.learning_rate, eps=settings.adam_epsilon)
        self._critic_optimiser = torch.optim.Adam(self._critic_parameters, lr=settings.critic_learning_rate, eps=settings.adam_epsilon)
        channels = 2 if constraint else 1
        self._returns = torch.zeros(3, channels, dtype=torch.float64, device=device)  # weight, first and second moment

    def update(self, rollout: Rollout, remaining: float = 1.0) -> dict[str, float]:
        """Learn from a rollout of the present actor.

        Parameters
        ----------
        rollout
            What was sampled.
        remaining
            Share of the budget that is left, to which learning rates fall if they anneal.

        Returns
        -------
        statistics
            ``reward`` and ``cost`` (means per agent and step, or the rollout's own mean cost), ``multiplier``,
            ``ratio_deviation`` (largest |ratio - 1| in the first minibatch: 0 but for rounding if `evaluate` agrees with
            what was sampled), ``entropy``, ``divergence`` (from the actor before, estimated), ``clipped`` (share of ratios),
            ``actor_loss``, ``critic_loss`` and ``cost_critic_loss``, ``gradient_norm`` and ``critic_gradient_norm`` before
            they are clipped, ``explained_variance`` of the returns.

        Raises
        ------
        ValueError
            If the rollout does not say what is seen after its last step where that is needed, has no cost where that is
            constrained, or the critic's values have another shape than they should.
        """
        import torch

        self._anneal(remaining)
        rollout = _on(self.device, rollout)
        values = self._values(rollout)
        signals = self._signals(rollout).to(values.dtype)
        gain = advantages(signals, values, rollout.terminated, self.settings.discount, self.settings.trace)
        returns = gain + values[:-1]
        statistics = self._describe(rollout, gain, returns)
        targets = self._normalise(returns, rollout.present)
        if self.constraint:
            excess = statistics["cost"] - self.constraint.limit
            self.multiplier = float(np.clip(self.multiplier + self.constraint.step * excess, 0.0, self.constraint.most))
        batch = {
            "advantage": self._lagrangian(gain, rollout.present),
            "target": targets,
            "log_prob": rollout.log_prob,
            "present": rollout.present,
        }
        if rollout.length is not None:
            batch["length"] = rollout.length
        units = _flat((batch, rollout.observation, rollout.action))
        taken = []
        for _ in range(self.settings.epochs):
            order = torch.randperm(rollout.terminated.numel(), generator=self.generator).to(self.device)
            taken += [self._step(*_rows(units, rows)) for rows in order.tensor_split(self.settings.minibatches) if len(rows)]
        statistics["ratio_deviation"] = float(taken[0]["ratio_deviation"])
        statistics |= {name: float(torch.stack([step[name] for step in taken]).mean()) for name in taken[0] if name != "ratio_deviation"}
        return statistics | {"multiplier": self.multiplier}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on; made of tensors, numbers, lists and dictionaries."""
        return {
            "actor": self.actor.state_dict(),
            "critic": self.critic.state_dict(),
            "actor_optimiser": self._actor_optimiser.state_dict(),
            "critic_optimiser": self._critic_optimiser.state_dict(),
            "returns": self._returns,
            "multiplier": self.multiplier,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another learner of the same modules and settings was."""
        self.actor.load_state_dict(state["actor"])
        self.critic.load_state_dict(state["critic"])
        self._actor_optimiser.load_state_dict(state["actor_optimiser"])
        self._critic_optimiser.load_state_dict(state["critic_optimiser"])
        self._returns = state["returns"].to(self.device, copy=True)
        self.multiplier = state["multiplier"]
        self.generator.set_state(state["generator"].cpu())

    def _anneal(self, remaining: float) -> None:
        if not self.settings.anneal:
            return
        for optimiser, rate in (
            (self._actor_optimiser, self.settings.learning_rate),
            (self._critic_optimiser, self.settings.critic_learning_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate * remaining

    def _signals(self, rollout: Rollout) -> Tensor:
        """Reward and cost, the latter as a multiple of its limit, shape [T, B, A, C]."""
        import torch

        signals = [rollout.reward]
        if self.constraint:
            if rollout.cost is None:
                raise ValueError("expected a rollout with the cost that is constrained, found none")
            signals.append(rollout.cost / self.constraint.limit)
        return torch.where(rollout.present[..., None], torch.stack(signals, dim=-1), 0.0)

    def _values(self, rollout: Rollout) -> Tensor:
        """Values in the signals' own scale, shape [T + 1, B, 1 or A, C]; zero after the last step of terminated episodes."""
        import torch

        steps, count, agents = rollout.reward.shape
        units = _flat((rollout.observation, rollout.action))
        with torch.no_grad():
            parts = torch.arange(steps * count, device=self.device).tensor_split(min(self.settings.minibatches, steps * count))
            values = torch.cat([self.critic.value(*_rows(units, rows)) for rows in parts])
            if rollout.after is not None:
                last = self.critic.value(rollout.after, None)
            elif rollout.terminated[-1].all():
                last = torch.zeros_like(values[:count])
            else:
                raise ValueError("expected what is seen after the last step, since episodes go on there, found None")
            channels = self._returns.shape[1]
            if values.shape[1:] not in ((channels,), (agents, channels)):
                expected = f"[n, {channels}] or [n, {agents}, {channels}]"
                raise ValueError(f"expected values of shape {expected} from the critic, found {list(values.shape)}")
            values = torch.cat((values, last)).reshape(steps + 1, count, -1, channels)
            mean, deviation = self._scale()
            return values * deviation.to(values.dtype) + mean.to(values.dtype)

    def _scale(self) -> tuple[Tensor, Tensor]:
        """Running mean and deviation of the returns, each [C]."""
        import torch

        weight, first, second = self._returns
        if not weight.any():
            return torch.zeros_like(first), torch.ones_like(first)
        mean = first / weight
        return mean, (second / weight - mean**2).clamp_min(TINY).sqrt()

    def _normalise(self, returns: Tensor, present: Tensor) -> Tensor:
        """Take note of the returns' mean and deviation, and put them into that scale."""
        import torch

        if not self.settings.normalise_returns:
            return returns
        there = returns[present].double()
        moments = torch.stack((torch.ones_like(there[0]), there.mean(0), (there**2).mean(0)))
        self._returns = RETURN_DECAY * self._returns + (1 - RETURN_DECAY) * moments
        mean, deviation = self._scale()
        return ((returns - mean) / deviation).to(returns.dtype)

    def _lagrangian(self, gain: Tensor, present: Tensor) -> Tensor:
        """Advantage of reward less multiplier times cost, shape [T, B, A]."""
        advantage = gain[..., 0]
        if self.constraint:
            advantage = advantage - self.multiplier * self.constraint.limit * gain[..., 1]
        if self.settings.normalise_advantages:
            there = advantage[present]
            advantage = (advantage - there.mean()) / (there.std(correction=0) + TINY)
        return advantage

    def _step(self, batch: dict[str, Tensor], observation: dict[str, Tensor], action: Any) -> dict[str, Tensor]:
        """One gradient step of the actor and one of the critic."""
        import torch

        present = batch["present"]
        number = present.sum().clamp_min(1)
        log_prob, entropy = self.actor.evaluate(observation, action)
        log_ratio = torch.where(present, log_prob - batch["log_prob"], 0.0)
        if "length" in batch:
            log_ratio = log_ratio / batch["length"].clamp_min(1)
        ratio, clip = log_ratio.exp(), self.settings.clip
        advantage = torch.where(present, batch["advantage"], 0.0)
        gained = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).sum() / number
        mean_entropy = torch.where(present, entropy, 0.0).sum() / number
        actor_loss = -gained - self.settings.entropy * mean_entropy
        norm = self._descend(self._actor_optimiser, self._actor_parameters, actor_loss, self.settings.gradient_norm)
        losses = _critic_losses(self.critic.value(observation, action), batch["target"], present)
        critic_norm = self._descend(self._critic_optimiser, self._critic_parameters, losses.sum(), self.settings.critic_gradient_norm)
        with torch.no_grad():
            deviation = (ratio - 1).abs()
            statistics = {
                "ratio_deviation": deviation.max(),
                "entropy": mean_entropy,
                "divergence": (ratio - 1 - log_ratio).sum() / number,
                "clipped": (deviation > clip).sum() / number,
                "actor_loss": actor_loss,
                "gradient_norm": norm,
                "critic_gradient_norm": critic_norm,
            }
            names = ("critic_loss", "cost_critic_loss")
            return {name: value.detach() for name, value in (statistics | dict(zip(names, losses, strict=False))).items()}

    @staticmethod
    def _descend(optimiser: Any, parameters: list[Tensor], loss: Tensor, most: float) -> Tensor:
        """Follow the gradient of a loss with regard to these parameters only; its norm before clipping."""
        import torch

        optimiser.zero_grad()
        loss.backward(inputs=parameters)  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(parameters, most)
        optimiser.step()
        return norm

    def _describe(self, rollout: Rollout, gain: Tensor, returns: Tensor) -> dict[str, float]:
        present = rollout.present
        variance = returns[..., 0][present].var(correction=0)
        unexplained = gain[..., 0][present].var(correction=0)
        statistics = {
            "reward": float(rollout.reward[present].double().mean()),
            "explained_variance": float(1 - unexplained / variance) if variance > 0 else 0.0,
        }
        if rollout.cost is not None:
            mean = rollout.mean_cost
            statistics["cost"] = float(rollout.cost[present].double().mean()) if mean is None else mean
        return statistics


def advantages(signals: Tensor, values: Tensor, terminated: Tensor, discount: float, trace: float) -> Tensor:
    """Generalised advantage estimates (Schulman et al., 2016), shape [T, B, A, C].

    Parameters
    ----------
    signals
        What was earned with each step, shape [T, B, A, C].
    values
        Value before each step and after the last one, shape [T + 1, B, 1 or A, C].
    terminated
        Where an episode ended with the step, shape [T, B]: nothing of what comes later counts.
    discount, trace
        gamma and lambda.
    """
    import torch

    goes_on = (~terminated).to(values.dtype)[:, :, None, None]
    surprise = signals + discount * goes_on * values[1:] - values[:-1]
    gain = torch.empty_like(surprise)
    ahead = torch.zeros_like(surprise[0])
    for step in range(len(surprise) - 1, -1, -1):
        ahead = surprise[step] + discount * trace * goes_on[step] * ahead
        gain[step] = ahead
    return gain


def _critic_losses(value: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """Mean squared errors over the agents who are present, one per channel, shape [C].

    One value for a unit is trained on the mean of its agents' returns, weighted with their number: the gradient is that
    of one copy of the value per agent, at the cost of one.
    """
    import torch

    target = torch.where(present[..., None], target, 0.0)
    number = present.sum().clamp_min(1)
    if value.dim() == 3:
        error = torch.where(present[..., None], value - target, 0.0)
        return (error**2).sum((0, 1)) / number
    agents = present.sum(1)[:, None]
    mean = target.sum(1) / agents.clamp_min(1)
    return (agents * (value - mean) ** 2).sum(0) / number


def _flat(tree: Any) -> Any:
    """Tensors [T, B, ...] as tensors [T B, ...]."""
    return _each(tree, lambda tensor: tensor.flatten(0, 1))


def _rows(tree: Any, rows: Tensor) -> Any:
    """Rows of tensors [n, ...]."""
    return _each(tree, lambda tensor: tensor[rows])


def _on(device: str, rollout: Rollout) -> Rollout:
    held = {field.name: getattr(rollout, field.name) for field in fields(rollout)}
    return Rollout(**_each(held, lambda tensor: tensor.to(device)))


def _each(tree: Any, change: Any) -> Any:
    """Dictionaries and tuples with every tensor in them changed."""
    if tree is None or isinstance(tree, float):
        return tree
    if isinstance(tree, Mapping):
        return {name: _each(item, change) for name, item in tree.items()}
    return tuple(_each(item, change) for item in tree) if isinstance(tree, tuple) else change(tree)
