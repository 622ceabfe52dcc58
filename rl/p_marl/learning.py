"""Training of the family: all devices of several episodes learn one network from their own transitions."""

from __future__ import annotations

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.errors import unknown
from mecbench.problems.p_marl import SIZES, Instance, Parameters, generate
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.dqn import Network, build
from mecbench.rl.p_marl.hyperparameters import Hyperparameters
from mecbench.rl.p_marl.method import Method
from mecbench.rl.p_marl.networks import network_of
from mecbench.rl.p_marl.oracles import ORACLES
from mecbench.rl.p_marl.policy import Player
from mecbench.rl.p_marl.sight import Sight
from mecbench.rl.policies import shipped
from mecbench.rl.rows import Moved
from mecbench.rl.training import Record, Run, private_randomness

__all__ = ["Draws", "Episodes", "Validation", "learn"]

TRAIN_SEED, VALIDATION_SEED = 20_000, 10_000
TRAIN_STRIDE = 10**6  # seeds of instances per run: runs with different seeds see different ones
KEPT = 512  # instances that come again are kept in memory if they are no more than this


class Draws:
    """Draws of train instances.

    Parameters
    ----------
    parameters
        Of the size.
    seed
        Of the run.
    hyperparameters
        Number of instances, and of a draw.
    random
        What is drawn with.

    Attributes
    ----------
    random
        See above.
    before
        As `random` was before the last draw, from where that can be drawn again.
    """

    def __init__(self, parameters: Parameters, seed: int, hyperparameters: Hyperparameters, random: RandomState) -> None:
        self._parameters, self._first, self._chosen = parameters, TRAIN_SEED + seed * TRAIN_STRIDE, hyperparameters
        self.random = random
        self._kept: dict[int, Instance] = {}
        self.before = random

    def __call__(self) -> list[Instance]:
        """Draw the instances of a batch of episodes."""
        self.before = RandomState()
        self.before.set_state(self.random.get_state())
        numbers = self.random.randint(self._chosen.worlds, size=self._chosen.episodes).tolist()
        return [self._instance(number) for number in numbers]

    def _instance(self, number: int) -> Instance:
        found = self._kept.get(number) or generate(self._parameters, self._first + number)
        if self._chosen.worlds <= KEPT:
            self._kept[number] = found
        return found


class Episodes:
    """The task as a learner has it: a row per device, and the paper's rewards in the learner's unit.

    Parameters
    ----------
    method
        Switches of the task.
    draws
        Gives the instances of the next episodes.
    hyperparameters
        Of the agent.
    first
        An instance like those that will be drawn.
    """

    def __init__(self, method: Method, draws: Draws, hyperparameters: Hyperparameters, first: Instance) -> None:
        self._task, self._draws, self._chosen = method.task(ORACLES[hyperparameters.oracle]), draws, hyperparameters
        self._layout = method.layout(first)
        self.rows = hyperparameters.episodes * first.devices
        self.features, self.actions = (
            Sight.features(self._layout, hyperparameters.memory, hyperparameters.network == "edges"),
            self._layout.actions,
        )

    def reset(self) -> np.ndarray:
        """Begin the next episodes."""
        observation = self._task.reset(self._draws())
        chosen = self._chosen
        self._sight = Sight(self._layout, self._task.static()["devices"], chosen.memory, chosen.network == "edges")
        return self._sight.rows(observation)

    def step(self, action: np.ndarray) -> Moved:
        """An epoch of all episodes; they end together, cut off rather than terminated."""
        step = self._task.step(action.reshape(self._chosen.episodes, -1))
        reward = (self._chosen.offset + step.reward.ravel()) * self._chosen.scale
        terminated = np.repeat(step.terminated, step.reward.shape[1])
        return Moved(self._sight.rows(step.observation), reward, terminated, bool(step.truncated.all()))


class Validation:
    """Instances of the validation split that choose among checkpoints, decided without chance."""

    def __init__(self, parameters: Parameters, method: Method, hyperparameters: Hyperparameters) -> None:
        self._task, self._method, self._chosen = method.task(), method, hyperparameters
        self._instances = [generate(parameters, VALIDATION_SEED + number) for number in range(hyperparameters.validation_instances)]

    def play(self, network: Network, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The task's metrics of each episode, shape [B] each."""
        observation = self._task.reset(self._instances)
        layout, devices = self._method.layout(self._instances[0]), self._task.static()["devices"]
        player = Player(network, weights, layout, devices, self._chosen)
        while True:
            step = self._task.step(player.act(observation))
            if step.truncated.all():
                return step.metrics
            observation = step.observation


def learn(agent: str, method: Method, run: Run) -> Checkpoint:
    """Train an agent as ordered.

    Parameters
    ----------
    agent
        Its name, as on the command line.
    method
        What it is.
    run
        Size, seed, hyper-parameters and folder.

    Raises
    ------
    InputError
        If the size is unknown, no checkpoint ships for the one to start from, or the folder cannot be written to.
    """
    chosen: Hyperparameters = run.hyperparameters
    if run.size not in SIZES:
        raise unknown("size of p-marl", run.size, SIZES)
    parameters = SIZES[run.size]
    validation = Validation(parameters, method, chosen)
    first = generate(parameters, VALIDATION_SEED)
    scale = {"devices": first.devices, "edges": first.edges, "groups": first.groups}
    record = Record(run, {"agent": agent, "problem": "p-marl", **scale}, validation="mean objective of validation instances")
    with private_randomness():
        drawing, learning = SeedSequence(run.seed).spawn(2)
        trained = parameters.model_copy(update={"epochs": min(chosen.epochs or parameters.epochs, parameters.epochs)})
        draws = Draws(trained, run.seed, chosen, RandomState(MT19937(drawing)))
        network = network_of(method.layout(first), first, chosen)
        learner = build(network, Episodes(method, draws, chosen, first), chosen.dqn, learning)
        if chosen.start:
            learner.begin_from(shipped(agent, chosen.start).weights)
        earned: list[dict[str, float]] = []

        def note() -> None:
            metrics = validation.play(network, learner.arrays())
            record.add(
                transitions=learner.num_timesteps,
                train_reward=float(np.mean([each["reward"] for each in earned])) / chosen.scale - chosen.offset if earned else np.nan,
                entropy=np.nan,
                validation_score=float(metrics["objective"].mean()),
                validation_cost=float(metrics["worst_mean_cost"].mean()),
                weights=learner.arrays(),
                state={"learner": learner.state_dict(), "random": draws.before},  # the next episodes are drawn already, and drawn again
            )
            earned.clear()

        if record.resumed is not None:
            draws.random.set_state(record.resumed["random"].get_state())
            learner.load_state_dict(record.resumed["learner"])
        else:
            note()
        turn = learner.num_timesteps * chosen.validations // chosen.transitions
        while learner.num_timesteps < chosen.transitions:
            earned.append(learner.play(remaining=1.0 - learner.num_timesteps / chosen.transitions))
            record.tick(learner.num_timesteps)
            if learner.num_timesteps * chosen.validations >= (turn + 1) * chosen.transitions:
                turn = learner.num_timesteps * chosen.validations // chosen.transitions
                note()
    return record.finish()
