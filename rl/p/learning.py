"""Training of the family: hierarchical collection, then an update of each layer's own PPO (Algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.errors import unknown
from mecbench.problems.p import SIZES, Instance, Parameters, Task, generate
from mecbench.problems.p.generate import fresh_traces
from mecbench.problems.p.layout import Layout
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.p.association import FIRST
from mecbench.rl.p.collection import Collector
from mecbench.rl.p.hyperparameters import Hyperparameters
from mecbench.rl.p.networks import LAYERS, Networks, Variant, actors, critics, networks
from mecbench.rl.p.policy import Actors, Weights
from mecbench.rl.policies import flat, layers_of, shipped
from mecbench.rl.ppo import PPO, Constraint
from mecbench.rl.training import Record, Run, private_randomness

if TYPE_CHECKING:
    from mecbench.rl.ppo import Rollout

__all__ = ["Learner", "Validation", "draws", "learn", "validation_instances"]

TRAIN_SEED, VALIDATION_SEED = 20_000, 10_000
EXCESS_PRICE = 20.0  # of validation delay above the limit [1/s]: an order above the multipliers at which the limit is held
TRAIN_STRIDE = 10**6  # seeds of worlds per run: runs with different seeds see different worlds
USERS = {"tiny": (3, 4), "small": (6, 8, 10)}
"""Numbers of users that worlds of a size have in turn, where there are several, as in the library's suites."""


def sizes(size: str) -> list[Parameters]:
    """Parameters of a size, for each of its numbers of users."""
    if size not in SIZES:
        raise unknown("size of p", size, SIZES)
    return [SIZES[size].model_copy(update={"users": users}) for users in USERS.get(size, (SIZES[size].users,))]


def draws(size: str, seed: int, hyperparameters: Hyperparameters) -> Callable[[RandomState], list[Instance]]:
    """Draws of the instances of an iteration: worlds of the train split with traces that never come twice."""
    chosen, kinds = hyperparameters, sizes(size)
    fixed = chosen.protocol == "fixed-world"
    first, number = (chosen.world, 1) if fixed else (TRAIN_SEED + seed * TRAIN_STRIDE, chosen.worlds)
    groups = -(-chosen.episodes // chosen.repeats)

    def draw(random: RandomState) -> list[Instance]:
        found: list[Instance] = []
        for world in random.randint(number, size=groups).tolist():
            kind = kinds[(len(found) if fixed else world) % len(kinds)]
            found += fresh_traces(kind, [first + world], random) * chosen.repeats
        return found

    return draw


def validation_instances(size: str, hyperparameters: Hyperparameters) -> list[Instance]:
    """Instances of the validation split, of the one world if there is only one."""
    kinds, chosen = sizes(size), hyperparameters
    if chosen.protocol == "fixed-world":
        kinds = [kind.model_copy(update={"world": chosen.world}) for kind in kinds]
    return [generate(kinds[turn % len(kinds)], VALIDATION_SEED + turn) for turn in range(chosen.validation_instances)]


class Validation:
    """Instances that choose among checkpoints, and how actors do on them without chance."""

    def __init__(self, instances: list[Instance], shows: Any) -> None:
        self._instances = instances
        self._task = Task(shows=shows)

    def play(self, made: Networks, weights: Weights, random: RandomState | None = None) -> dict[str, np.ndarray]:
        """The task's metrics of each episode, shape [B] each."""
        observation = self._task.reset(self._instances)
        players = Actors(made, weights, self._task.static(), random)
        while True:
            step = self._task.step(players.act(observation))
            if step.terminated.all():
                return step.metrics
            observation = step.observation


@dataclass(frozen=True)
class Learner:
    """An agent in training: its networks and a PPO for each layer that is learned."""

    networks: Networks
    layers: dict[str, PPO]

    @classmethod
    def build(
        cls, layout: Layout, hyperparameters: Hyperparameters, variant: Variant, limit: float, seed: SeedSequence, device: str
    ) -> Learner:
        """A learner before its first iteration; `limit` is that of the mean delay [s]."""
        import torch

        chosen = hyperparameters
        made = networks(layout, chosen, variant)
        start, *streams = seed.spawn(1 + len(LAYERS))
        generator = torch.Generator().manual_seed(int(start.generate_state(1)[0]))
        acting = actors(made, generator)
        judging = critics(made, acting, variant, generator)
        constraint = Constraint(
            limit=(1.0 - chosen.margin) * limit, start=chosen.multiplier, step=chosen.multiplier_step, most=chosen.multiplier_most
        )
        return cls(
            made,
            {
                layer: PPO(
                    acting[layer],
                    judging[layer],
                    getattr(chosen, layer),
                    seed=stream,
                    constraint=constraint if layer == "users" and variant.constrained else None,
                    device=device,
                )
                for layer, stream in zip(LAYERS, streams, strict=True)
                if variant.resources or layer == "users"
            },
        )

    @property
    def multiplier(self) -> float:
        """Lambda of the delay [1/s]."""
        return self.layers["users"].multiplier

    def begin_from(self, weights: Weights, sharpness: float = 1.0) -> None:
        """Give the actors the weights of others; what users are told beside what those were, they begin by not heeding.

        Parameters
        ----------
        weights
            By layer and name.
        sharpness
            What scores of services and options are multiplied by.

        Raises
        ------
        ValueError
            If they are for networks of other shapes.
        """
        import torch

        for layer, learner in self.layers.items():
            given, shapes = dict(weights.get(layer, {})), getattr(self.networks, layer).shapes()
            if layer == "users" and FIRST in shapes and FIRST in given:
                rows = shapes[FIRST][0] - given[FIRST].shape[0]
                given[FIRST] = np.pad(given[FIRST], ((0, max(0, rows)), (0, 0)))
            if {name: array.shape for name, array in given.items()} != shapes:
                raise ValueError(f"expected weights of {layer} for the same networks, found others")
            if layer != "allocation":
                given |= {name: sharpness * given[name] for name in getattr(self.networks, layer).gains()}
            learner.actor.weights.load_state_dict({name: torch.from_numpy(array) for name, array in given.items()})

    def collect(self, collector: Collector, instances: list[Instance]) -> dict[str, Rollout]:
        """Rollouts of the layers, by the actors as they are."""
        acting = {layer: learner.actor for layer, learner in self.layers.items()}
        generators = {layer: learner.generator for layer, learner in self.layers.items()}
        return collector.play(instances, acting, generators, self.multiplier)

    def weights(self) -> dict[str, dict[str, np.ndarray]]:
        """Of the actors, by layer and name."""
        return {layer: learner.actor.arrays() for layer, learner in self.layers.items()}


def learn(agent: str, variant: Variant, run: Run) -> Checkpoint:
    """Train an agent as ordered.

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
        If the size is unknown, no checkpoint ships for the one to start from, or the folder cannot be written to.
    """
    chosen: Hyperparameters = run.hyperparameters
    draw = draws(run.size, run.seed, chosen)
    instances = validation_instances(run.size, chosen)
    validation = Validation(instances, chosen.observation)
    widest = max(instances, key=lambda instance: instance.users)
    layout = Layout(widest.servers, widest.users, widest.services, widest.layer_bytes.shape[1] + 1, chosen.observation)
    limit = widest.delay_limit
    header = {"agent": agent, "problem": "p", "servers": layout.servers, "users": layout.users, "services": layout.services}
    if chosen.protocol == "fixed-world":
        header["world"] = chosen.world
    price = EXCESS_PRICE if variant.constrained else 0.0
    record = Record(run, header, validation="mean cost of validation instances", limit=limit, price=price)
    with private_randomness():
        random_seed, learner_seed = SeedSequence(run.seed).spawn(2)
        random = RandomState(MT19937(random_seed))
        learner = Learner.build(layout, chosen, variant, limit, learner_seed, run.device)
        if chosen.start:
            learner.begin_from(layers_of(shipped(agent, chosen.start).weights), chosen.sharpness)
        collector = Collector(learner.networks, chosen, variant, layout)
        done, turn = 0, 0
        earned: list[Mapping[str, float]] = []

        def note() -> None:
            metrics = validation.play(learner.networks, learner.weights())
            record.add(
                transitions=done,
                train_reward=_mean(earned, "reward"),
                entropy=_mean(earned, "entropy"),
                cost=_mean(earned, "cost"),
                multiplier=learner.multiplier,
                validation_score=float(metrics["objective"].mean()),
                validation_cost=float(metrics["mean_delay_s"].mean()),
                weights=flat(learner.weights()),
                state={
                    "done": done,
                    "turn": turn,
                    "random": random,
                    "layers": {layer: each.state_dict() for layer, each in learner.layers.items()},
                },
            )
            earned.clear()

        if record.resumed is not None:
            done, turn, random = record.resumed["done"], record.resumed["turn"], record.resumed["random"]
            for layer, each in learner.layers.items():
                each.load_state_dict(record.resumed["layers"][layer])
        else:
            note()
        while done < chosen.transitions:
            rollouts = learner.collect(collector, draw(random))
            remaining = 1.0 - done / chosen.transitions
            statistics = {layer: each.update(rollouts[layer], remaining) for layer, each in learner.layers.items()}
            earned.append(statistics["users"])
            done += int(rollouts["users"].present.sum())
            record.tick(done)
            if done * chosen.validations >= (turn + 1) * chosen.transitions:
                turn = done * chosen.validations // chosen.transitions
                note()
    return record.finish()


def _mean(statistics: list[Mapping[str, float]], name: str) -> float:
    return float(np.mean([each[name] for each in statistics])) if statistics else float("nan")
