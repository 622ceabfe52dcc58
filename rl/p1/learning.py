"""The training runs: generations of CERL, or batches of episodes of DDQN and D2QN, and the validation that chooses among their networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, nan, sqrt

import numpy as np
from numpy.random import SeedSequence

from mecbench.problems.errors import unknown
from mecbench.problems.p1 import SIZES, Instance, Parameters, generate
from mecbench.problems.p1.layout import Layout
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.p1.cerl import CERL
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.hyperparameters import Evolved, Trained
from mecbench.rl.p1.judging import objectives
from mecbench.rl.p1.network import Network
from mecbench.rl.p1.packing import Packing
from mecbench.rl.p1.rows import RowNetwork
from mecbench.rl.training import Record, Run, private_randomness

__all__ = ["Draws", "Validation", "evolve", "train", "width_of"]

TRAIN_SEED, VALIDATION_SEED = 20_000, 10_000
TRAIN_STRIDE = 10**6  # seeds of instances per run: runs with different seeds see different instances
TRAINABLE = [name for name, chosen in SIZES.items() if chosen.devices[0] == chosen.devices[1] and chosen.window[0] == chosen.window[1]]
VALIDATED = "mean cost of validation instances"


def width_of(parameters: Parameters) -> int:
    """Room for the tasks of any instance that will ever be drawn: the mean of the Poisson law and seven of its deviations."""
    if parameters.tasks is not None:
        return parameters.tasks[1]
    mean = parameters.arrival_rate * parameters.devices[1] * parameters.arrival_slots
    return ceil(mean + 7.0 * sqrt(mean) + 3.0)


class Draws:
    """Train instances that never come twice.

    Attributes
    ----------
    number
        How many were drawn.
    """

    def __init__(self, parameters: Parameters, seed: int) -> None:
        self._parameters, self._first = parameters, TRAIN_SEED + seed * TRAIN_STRIDE
        self.number = 0

    def __call__(self, count: int) -> list[Instance]:
        """Draw some."""
        first, self.number = self._first + self.number, self.number + count
        return [generate(self._parameters, first + turn) for turn in range(count)]


class Validation:
    """Instances that choose among networks, and how these do on them without chance.

    Parameters
    ----------
    parameters
        Of the size.
    number
        Of instances.
    network, packing
        Of whom is judged.
    """

    def __init__(self, parameters: Parameters, number: int, network: Network, packing: Packing) -> None:
        self._instances = [generate(parameters, VALIDATION_SEED + turn) for turn in range(number)]
        self._network, self._packing = network, packing

    def cost(self, weights: Mapping[str, np.ndarray]) -> float:
        """Mean objective of a network."""
        return float(self.costs([weights], len(self._instances))[0])

    def costs(self, individuals: Sequence[Mapping[str, np.ndarray]], number: int) -> np.ndarray:
        """Mean objective of each network on the first of the instances, shape [k].

        Parameters
        ----------
        individuals
            Weights and statistics by name.
        number
            Of instances that each plays.
        """
        found, _ = objectives(self._network, self._packing, individuals, self._instances[:number])
        means: np.ndarray = found.mean(axis=1)
        return means


def _prepared(run: Run, dueling: bool) -> tuple[Parameters, Network, Packing, Validation, dict[str, object]]:
    """Parameters of the size, network, packing, validation and header of a run."""
    if run.size not in TRAINABLE:
        raise unknown("size of p1 with one number of devices and slots", run.size, TRAINABLE)
    chosen, parameters = run.hyperparameters, SIZES[run.size]
    example = generate(parameters, VALIDATION_SEED)
    layout = Layout(example.nodes, example.layers, example.window)
    network = chosen.network.network(layout, dueling)
    packing = Packing.of(layout, width_of(parameters), chosen.network.shows)
    validation = Validation(parameters, chosen.validation_instances, network, packing)
    return parameters, network, packing, validation, {"problem": "p1", "devices": example.devices}


def evolve(agent: str, run: Run) -> Checkpoint:
    """Train CERL as ordered.

    At every point validation judges the gradient-trained individual, the best of the population and its mean, of which the
    cheapest counts.

    Raises
    ------
    InputError
        If the size is unknown or the folder cannot be written to.
    """
    from scipy.stats import spearmanr

    chosen: Evolved = run.hyperparameters
    parameters, network, packing, validation, header = _prepared(run, dueling=False)
    record = Record(run, {"agent": agent, **header}, validation=VALIDATED)
    with private_randomness():
        draw = Draws(parameters, run.seed)
        learner = CERL(network, packing, chosen, draw, SeedSequence(run.seed))
        done, turn = 0, 0
        earned: list[float] = []

        def note() -> None:
            candidates = list(learner.candidates().values())
            costs = [validation.cost(weights) for weights in candidates]
            correlation = nan
            if learner.generation:
                individuals = [learner.individual(place) for place in range(chosen.population)]
                returns = -validation.costs(individuals, min(chosen.correlated_instances, chosen.validation_instances))
                if np.ptp(returns) > 0:
                    correlation = float(spearmanr(learner.fitness, returns).statistic)
            record.add(
                transitions=done,
                train_reward=float(np.mean(earned)) if earned else nan,
                entropy=nan,
                validation_score=min(costs),
                fitness_correlation=correlation,
                weights=candidates[int(np.argmin(costs))],
                state={"done": done, "turn": turn, "drawn": draw.number, "learner": learner.state_dict()},
            )
            earned.clear()

        if record.resumed is not None:
            done, turn, draw.number = (record.resumed[name] for name in ("done", "turn", "drawn"))
            learner.load_state_dict(record.resumed["learner"])
        else:
            note()
        while done < chosen.transitions:
            statistics = learner.evolve(1.0 - done / chosen.transitions)
            earned.append(statistics["reward"])
            done += int(statistics["transitions"])
            record.tick(done)
            if done * chosen.validations >= (turn + 1) * chosen.transitions:
                turn = done * chosen.validations // chosen.transitions
                note()
    return record.finish()


def train(agent: str, dueling: bool, run: Run) -> Checkpoint:
    """Train DDQN or D2QN as ordered.

    Raises
    ------
    InputError
        If the size is unknown or the folder cannot be written to.
    """
    from mecbench.rl.dqn import build

    chosen: Trained = run.hyperparameters
    parameters, network, packing, validation, header = _prepared(run, dueling)
    record = Record(run, {"agent": agent, **header}, validation=VALIDATED)
    with private_randomness():
        draw = Draws(parameters, run.seed)
        episodes = Episodes(lambda: draw(chosen.episodes), chosen.episodes, packing, network.base == "outlook")
        learner = build(RowNetwork(network, packing), episodes, chosen.dqn, SeedSequence(run.seed))
        turn = 0
        earned: list[float] = []

        def note() -> None:
            record.add(
                transitions=learner.num_timesteps,
                train_reward=float(np.mean(earned)) if earned else nan,
                entropy=nan,
                validation_score=validation.cost(learner.arrays()),
                weights=learner.arrays(),
                # The next batch has been drawn by now, unless there was none; who goes on draws it again.
                state={"turn": turn, "drawn": max(0, draw.number - chosen.episodes), "learner": learner.state_dict()},
            )
            earned.clear()

        if record.resumed is not None:
            turn, draw.number = record.resumed["turn"], record.resumed["drawn"]
            learner.load_state_dict(record.resumed["learner"])
        else:
            note()
        while learner.num_timesteps < chosen.transitions:
            learner.play(1.0 - learner.num_timesteps / chosen.transitions)
            earned.append(-float(episodes.metrics["objective"].mean()))
            record.tick(learner.num_timesteps)
            if learner.num_timesteps * chosen.validations >= (turn + 1) * chosen.transitions:
                turn = learner.num_timesteps * chosen.validations // chosen.transitions
                note()
    return record.finish()
