"""Training of the family: fresh episodes of the train split, a learning curve on the validation split, and both kinds of loops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.cmg import SIZES, Instance, Task, generate
from mecbench.problems.errors import unknown
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.cmg.acting import Actors
from mecbench.rl.cmg.hyperparameters import Common, OffPolicy, OnPolicy, Variant
from mecbench.rl.cmg.interface import PRICED
from mecbench.rl.cmg.networks import Network, actor, central_value, network
from mecbench.rl.training import Record, Run, private_randomness

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

__all__ = ["Draws", "Validation", "gaussian", "learn_from_replay", "learn_on_policy"]

TRAIN_SEED, VALIDATION_SEED = 20_000, 10_000
TRAIN_STRIDE = 10**9  # seeds of training instances per run: runs with different seeds see different instances


class Draws:
    """Draws of train instances that never come twice; those of a draw have equally many slots, so that they end together.

    Attributes
    ----------
    number
        Instances drawn so far.
    each
        Instances of a draw.

    Raises
    ------
    InputError
        If the size is unknown.
    """

    def __init__(self, size: str, seed: int, each: int) -> None:
        if size not in SIZES:
            raise unknown("size of cmg", size, SIZES)
        self._parameters = SIZES[size]
        self._first = TRAIN_SEED + seed * TRAIN_STRIDE
        self.each, self.number = each, 0

    def __call__(self) -> list[Instance]:
        """Draw."""
        least, most = self._parameters.slots
        slots = int(RandomState(MT19937(SeedSequence((self._first, self.number)))).randint(least, most + 1))
        alike = self._parameters.model_copy(update={"slots": (slots, slots)})
        first = self._first + self.number
        self.number += self.each
        return [generate(alike, first + turn) for turn in range(self.each)]


class Validation:
    """Instances that choose among checkpoints, and how actors do on them without chance.

    Attributes
    ----------
    instances
        The instances.
    network
        The actors' for them; its interface is this object's own.
    """

    def __init__(self, size: str, chosen: Common) -> None:
        self.instances = [generate(SIZES[size], VALIDATION_SEED + turn) for turn in range(chosen.validation_instances)]
        self.network = network(chosen, SIZES[size].devices[1], self.instances[0].chunks)
        self._count = np.array([instance.devices * instance.slots for instance in self.instances])

    def play(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The task's metrics of each episode, shape [B] each; ``penalised_reward`` beside."""
        task = Task(width=self.network.devices, paper_obs=self.network.interface.paper_obs)
        observation = task.reset(self.instances)
        acting = Actors(self.network, weights)
        acting.reset(task.static())
        while True:
            step = task.step(acting.act(observation))
            if step.terminated.all():
                return step.metrics | {"penalised_reward": step.metrics["penalised_objective"] / self._count}
            observation = step.observation


class _Curve:
    """Points of a run's learning curve, and when they are due."""

    def __init__(self, agent: str, run: Run, packages: tuple[str, ...]) -> None:
        chosen: Common = run.hyperparameters
        self.chosen = chosen
        self.draws = Draws(run.size, run.seed, chosen.episodes)
        self.validation = Validation(run.size, chosen)
        first = self.validation.instances[0]
        self.network = network(chosen, SIZES[run.size].devices[1], first.chunks)
        self.limit = first.energy_limit
        header = {
            "agent": agent,
            "problem": "cmg",
            "devices": self.network.devices,
            "chunks": first.chunks,
            "mean_harvest": first.mean_harvest,
            "versions": {package: version(package) for package in packages},
        }
        words = "minus the mean reward of a device and slot, less what exceeds the energy limit"
        self.record = Record(run, header, validation=words, limit=self.limit)
        self._earned: list[np.ndarray] = []
        self._turn = 0

    def earn(self, reward: float, cost: float) -> None:
        """Take note of the mean reward and cost of a device and slot."""
        self._earned.append(np.array([reward, cost]))

    def due(self, done: int) -> bool:
        """Whether there is a point to be added."""
        return done * self.chosen.validations >= self._turn * self.chosen.transitions

    def skip(self, done: int) -> None:
        """Wait for the next point."""
        self._turn = done * self.chosen.validations // self.chosen.transitions + 1

    def add(self, done: int, weights: Mapping[str, np.ndarray], multiplier: float, entropy: float, state: Mapping[str, Any]) -> None:
        """Add a point."""
        metrics = self.validation.play(weights)
        reward, cost = np.mean(self._earned, axis=0) if self._earned else (np.nan, np.nan)
        self.record.add(
            transitions=done,
            train_reward=float(reward),
            entropy=entropy,
            cost=float(cost),
            multiplier=multiplier,
            validation_score=-float(metrics["penalised_reward"].mean()),
            validation_cost=float(metrics["mean_energy_j"].mean()),
            weights=weights,
            state=state,
        )
        self._earned.clear()
        self.skip(done)


def learn_from_replay(agent: str, variant: Variant, run: Run) -> Checkpoint:
    """Train CPO-MADDPG or one of its relatives as ordered.

    Parameters
    ----------
    agent
        Its name, as on the command line.
    variant
        What it is.
    run
        Size, seed, hyper-parameters and folder.

    Raises
    ------
    InputError
        If the size is unknown, or as `Record` says.
    """
    from mecbench.rl.cmg.learner import learner
    from mecbench.rl.cmg.view import episodes_view

    chosen: OffPolicy = run.hyperparameters
    curve = _Curve(agent, run, ("stable-baselines3",))
    resumed = curve.record.resumed
    with private_randomness():
        if resumed is not None:
            curve.draws.number = resumed["drawn"] - curve.draws.each  # the last ones are drawn again when the view is made
        view = episodes_view(curve.draws, curve.network.interface, curve.network.devices, chosen.reward)
        learning = learner(view, curve.network, chosen, variant, curve.limit, SeedSequence(run.seed))
        if resumed is not None:
            learning.load_state_dict(resumed["learner"])
            curve.skip(learning.num_timesteps)
        # Stable-Baselines3 adds the transitions that it begins with to what it is asked for.
        learning.learn(chosen.transitions - learning.num_timesteps, callback=_validate()(curve, view), reset_num_timesteps=False)
    return curve.record.finish()


def learn_on_policy(agent: str, run: Run) -> Checkpoint:
    """Train MAPPO as ordered; see `learn_from_replay`."""
    import torch

    from mecbench.rl.ppo import PPO, Rollout

    chosen: OnPolicy = run.hyperparameters
    curve = _Curve(agent, run, ())
    with private_randomness():
        start, seed = SeedSequence(run.seed).spawn(2)
        generator = torch.Generator().manual_seed(int(start.generate_state(1)[0]))
        acting: Any = gaussian(curve.network, chosen.spread, generator)
        ppo = PPO(acting, central_value(curve.network, chosen, generator), chosen.ppo, seed=seed)
        through = curve.network.interface
        task = Task(chosen.reward, curve.network.devices, paper_obs=through.paper_obs)
        done = 0

        def play(instances: list[Instance]) -> Rollout:
            observation = task.reset(instances)
            through.reset(task.static())
            steps: list[dict[str, Tensor]] = []
            while True:
                seen = torch.from_numpy(through.encode(observation))
                said, log_prob = acting.sample(seen, ppo.generator)
                step = task.step(through.decide(observation, said.numpy()))
                present = torch.from_numpy(observation["mask"])
                reward, ended = (torch.from_numpy(values) for values in (step.reward, step.terminated))
                curve.earn(float(step.reward.sum() / observation["mask"].sum()), float(step.cost.sum() / observation["mask"].sum()))
                if not through.by_chunk:  # of the team (36), per device
                    reward = (reward.sum(1) / present.sum(1))[:, None].expand_as(reward)
                taken = {"seen": seen, "action": said, "log_prob": log_prob, "reward": reward.float(), "present": present, "ended": ended}
                steps.append(taken)
                if step.terminated.all():
                    break
                observation = step.observation
            held: dict[str, Any] = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
            seen, ended = held.pop("seen"), held.pop("ended")
            return Rollout(observation={"seen": seen}, terminated=ended, **held)

        def note() -> None:
            state = {"done": done, "drawn": curve.draws.number, "ppo": ppo.state_dict()}
            curve.add(done, acting.arrays(), np.nan, acting.spread_entropy(), state)

        if curve.record.resumed is not None:
            done, curve.draws.number = curve.record.resumed["done"], curve.record.resumed["drawn"]
            ppo.load_state_dict(curve.record.resumed["ppo"])
            curve.skip(done)
        else:
            note()
        while done < chosen.transitions:
            rollout = play(curve.draws())
            ppo.update(rollout, 1.0 - done / chosen.transitions)
            done += rollout.terminated.numel()
            curve.record.tick(done)
            if curve.due(done):
                note()
    return curve.record.finish()


def gaussian(made: Network, spread: float, generator: Generator) -> nn.Module:
    """Actor of MAPPO: what devices say is normal around what the network says, with a spread for each number.

    It has ``sample`` and, as `mecbench.rl.ppo.PPO` asks for, ``evaluate``.
    """
    fresh: nn.Module = _gaussian()(made, spread, generator)
    return fresh


@cache
def _gaussian() -> type[nn.Module]:
    """The class, made at its first use: its base class comes with PyTorch."""
    import torch

    class Gaussian(torch.nn.Module):
        def __init__(self, made: Network, spread: float, generator: Generator) -> None:
            super().__init__()
            self.mean: Any = actor(made, generator)
            numbers = len(PRICED) if made.interface.by_chunk else made.interface.actions
            self._repeats = made.interface.actions // numbers  # chunks share the spreads as they share the network
            self.log_spread = torch.nn.Parameter(torch.full((numbers,), math.log(spread)))

        def sample(self, seen: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
            """What the devices say [n, A, M], and its log-density [n, A]."""
            with torch.no_grad():
                mean = self.mean(seen)
                said = mean + self._each().exp() * torch.randn(mean.shape, generator=generator)
                return said, self._log_density(said - mean)

        def evaluate(self, observation: dict[str, Tensor], action: Tensor) -> tuple[Tensor, Tensor]:
            density = self._log_density(action - self.mean(observation["seen"]))
            return density, self._each().sum() + 0.5 * math.log(2.0 * math.pi * math.e) * action.shape[-1] + 0.0 * density

        def _each(self) -> Tensor:
            """Logarithms of the spreads of all that a device says, shape [M]."""
            return self.log_spread.repeat(self._repeats)

        def _log_density(self, distance: Tensor) -> Tensor:
            logs = self._each()
            return (-0.5 * (distance / logs.exp()) ** 2 - logs - 0.5 * math.log(2.0 * math.pi)).sum(-1)

        def arrays(self) -> dict[str, np.ndarray]:
            """Weights of the mean, which is what runs."""
            return {name: array.copy() for name, array in self.mean.arrays().items()}

        def spread_entropy(self) -> float:
            """Entropy of what a device says [nat]."""
            each = self.log_spread.detach() + 0.5 * math.log(2.0 * math.pi * math.e)
            return float(each.sum() * self._repeats)

    return Gaussian


@cache
def _validate() -> type:
    """The class, made at its first use: its base class comes with PyTorch."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Validate(BaseCallback):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """Adds a point to the learning curve where episodes begin and one is due, the first before training."""

        def __init__(self, curve: _Curve, view: Any) -> None:
            super().__init__()
            self._curve, self._view = curve, view

        def _on_step(self) -> bool:
            paid, there = self.locals["rewards"], self._view.present
            self._curve.earn(*(paid.sum(axis=(0, 1)) / there).tolist())
            return True

        def _on_rollout_start(self) -> None:
            if self._view.at_start:
                self._curve.record.tick(self.num_timesteps)
                self._add_if_due()

        def _on_training_end(self) -> None:
            self._add_if_due()

        def _add_if_due(self) -> None:
            learning, curve = self.model, self._curve
            done = learning.num_timesteps
            if curve.due(done) and curve.record.last != done:
                state = {"drawn": curve.draws.number, "learner": learning.state_dict()}
                curve.add(done, learning.weights(), learning.multiplier, np.nan, state)

    return Validate
