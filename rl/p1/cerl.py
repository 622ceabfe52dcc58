"""CERL (Algorithm 1): a population of value networks under the cross-entropy method, and one that gradients train among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p1 import Instance
from mecbench.rl import mlp
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.hyperparameters import Evolved, Exploration
from mecbench.rl.p1.judging import objectives
from mecbench.rl.p1.network import Network
from mecbench.rl.p1.packing import Packing
from mecbench.rl.p1.players import Player, Players, rows_of
from mecbench.rl.p1.population import Gaussian
from mecbench.rl.p1.transitions import Memory, Transitions, over_steps
from mecbench.solvers.p1.answers import IMPOSSIBLE

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CERL", "another", "fitness"]

INJECTED = 0  # place of the gradient-trained individual in the population


def fitness(transitions: Transitions, weights: Mapping[str, Any], target: Mapping[str, Any] | None) -> tuple[float, dict[str, Any]]:
    """Negative mean squared temporal-difference error (14), and this batch's statistics for batch normalisation.

    Parameters
    ----------
    transitions
        J of them.
    weights, target
        theta_i and theta'_i, tensors by name; no target where the individual is its own.
    """
    import torch

    batch: dict[str, Any] = {}
    with torch.no_grad():
        errors = (
            transitions.errors(weights, batch) if target is None else transitions.goals(target, {}) - transitions.values(weights, batch)
        )
        return -float((errors**2).mean()), batch


def another(random: RandomState, exploration: Exploration, temperature: float, values: np.ndarray) -> np.ndarray:
    """Random answers, int64, shape [B].

    Parameters
    ----------
    random
        What they are drawn with.
    exploration, temperature
        Any admissible answer alike, or by the softmax of the values over the temperature.
    values
        Of all answers, which tell what is admissible, shape [B, K (L 100 + 1)].
    """
    if exploration == "softmax":
        return (values / temperature + random.gumbel(size=values.shape)).argmax(axis=1)
    allowed = values > IMPOSSIBLE / 2
    drawn = np.floor(random.random_sample(len(values)) * allowed.sum(axis=1))
    found: np.ndarray = (allowed.cumsum(axis=1) > drawn[:, None]).argmax(axis=1)
    return found


class CERL:
    """The population, the gradient-trained individual and their replay memory.

    Parameters
    ----------
    network, packing
        Of every individual.
    settings
        Hyper-parameters.
    draw
        Gives the instances of a generation's episodes.
    seed
        Of everything random in it.

    Attributes
    ----------
    population
        Weights of the individuals, float32, shape [k, D].
    fitness
        Of each, shape [k].
    generation
        How many there were.
    """

    def __init__(
        self,
        network: Network,
        packing: Packing,
        settings: Evolved,
        draw: Callable[[int], Sequence[Instance]],
        seed: SeedSequence,
    ) -> None:
        import torch

        self._network, self._packing, self._settings = network, packing, settings
        self._shapes = network.shapes()
        start, stream = seed.spawn(2)
        generator = torch.Generator().manual_seed(int(start.generate_state(1)[0]))
        self.weights = mlp.initial(self._shapes, generator, network.gains())
        for weight in self.weights.values():
            weight.requires_grad_()
        self.running = {name: torch.zeros(shape) + ("variance" in name) for name, shape in network.statistics().items()}
        self._optimizer = torch.optim.Adam(self.weights.values(), lr=settings.learning_rate)
        self.target = self._copied()
        self.random = RandomState(MT19937(stream))
        mean = self._flat(self.weights)
        self.gaussian = Gaussian(mean, np.full_like(mean, settings.deviation**2))
        self.population = self.gaussian.draw(self.random, settings.population)
        self._targets = self.population.copy()
        self._statistics: list[dict[str, np.ndarray]] = [{} for _ in self.population]
        self.fitness = np.zeros(settings.population)
        self.generation, self.updates = 0, 0
        self.memory = Memory(settings.replay, packing.features)
        self._draw = draw

    def evolve(self, remaining: float = 1.0) -> dict[str, float]:
        """One generation: evolution, elite interaction, optimisation, injection.

        Parameters
        ----------
        remaining
            Part of the budget that is left, by which an annealed learning rate is multiplied.

        Returns
        -------
        dict
            Of the generation its ``transitions``; of the gradient-trained individual the mean return of its episodes as ``reward``, its
            ``loss`` and its ``rank`` by fitness, 0 the best.
        """
        settings = self._settings
        learned = 0
        while len(self.memory) < settings.warmup:
            learned += self._play([])[0]
        if self.generation > 0:
            self.population = self.gaussian.draw(self.random, settings.population)
            self.population[INJECTED] = self._flat(self.weights)
        if self.generation % settings.synchronise == 0:
            self._targets = self.population
        learned += self._judge()
        order = np.argsort(-self.fitness, kind="stable")
        self.gaussian.update(self.population[order[: settings.elites]], settings.noise)
        played, reward = self._play(order[: settings.interacting].tolist())
        losses = [self._optimise(remaining) for _ in range(settings.updates)]
        rank = float(np.flatnonzero(order == INJECTED)[0]) if self.generation > 0 else float("nan")
        self.generation += 1
        return {"transitions": learned + played, "reward": reward, "loss": float(np.mean(losses)), "rank": rank}

    def individual(self, place: int) -> dict[str, np.ndarray]:
        """Weights and statistics of an individual, as a player takes them."""
        return self._named(self.population[place]) | self._statistics[place]

    def candidates(self) -> dict[str, dict[str, np.ndarray]]:
        """Who might be deployed: the gradient-trained individual and, after a generation, its best and the mean of the population."""
        if self.generation == 0:
            return {"injected": self.arrays()}
        mean = self._named(self.gaussian.mean)
        statistics = self._judged(self.gaussian.mean, None, self._batch(self._settings.sample))[1] if self.running else {}
        return {"injected": self.arrays(), "elite": self.individual(int(self.fitness.argmax())), "mean": mean | statistics}

    def arrays(self) -> dict[str, np.ndarray]:
        """Weights and statistics of the gradient-trained individual."""
        return {name: weight.detach().numpy().copy() for name, weight in (self.weights | self.running).items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that later generations depend on, the draws of instances apart."""
        return {
            "weights": {name: weight.detach() for name, weight in self.weights.items()},
            "running": self.running,
            "target": self.target,
            "optimizer": self._optimizer.state_dict(),
            "memory": self.memory.state_dict(),
            "random": self.random,
            "gaussian": [self.gaussian.mean, self.gaussian.variance],
            "population": [self.population, self._targets, self.fitness],
            "statistics": self._statistics,
            "counts": [self.generation, self.updates],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another was."""
        import torch

        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state["weights"][name])
        self.running, self.target = dict(state["running"]), dict(state["target"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.memory.load_state_dict(state["memory"])
        self.random.set_state(state["random"].get_state())
        self.gaussian = Gaussian(*state["gaussian"])
        self.population, self._targets, self.fitness = state["population"]
        self._statistics = list(state["statistics"])
        self.generation, self.updates = state["counts"]

    def _judge(self) -> int:
        """Fitness of all individuals by one batch, or by instances that all play; how many answers they gave.

        By a batch, the injected one is held against its own target network.
        """
        settings = self._settings
        own, transitions = settings.synchronise == 1, self._batch(settings.sample)
        judged = []
        for place, vector in enumerate(self.population):
            if place == INJECTED and self.generation > 0:
                found = fitness(transitions, self.weights, self.target)
                judged.append((found[0], {name: values.numpy() for name, values in self.running.items()}))
            else:
                judged.append(self._judged(vector, None if own else self._targets[place], transitions))
        self.fitness = np.array([found for found, _ in judged])
        self._statistics = [dict(statistics) for _, statistics in judged]
        if settings.fitness == "error":
            return 0
        individuals = [self.individual(place) for place in range(settings.population)]
        costs, answers = objectives(self._network, self._packing, individuals, self._draw(settings.instances))
        self.fitness = -costs.mean(axis=1)
        return answers

    def _judged(self, vector: np.ndarray, target: np.ndarray | None, transitions: Transitions) -> tuple[float, dict[str, np.ndarray]]:
        """Fitness of weights in a row and the statistics by which they are to act."""
        opposed = None if target is None else self._tensors(target)
        found, statistics = fitness(transitions, self._tensors(vector), opposed)
        return found, {name: values.numpy() for name, values in statistics.items()}

    def _play(self, elites: list[int]) -> tuple[int, float]:
        """Let elites play an episode each, the gradient-trained individual several with exploration; transitions, and its mean return."""
        settings, random = self._settings, self.random
        count = len(elites)
        rows = count + settings.episodes
        episodes = Episodes(lambda: self._draw(rows), rows, self._packing, self._network.base == "outlook")
        players = Players(self._network, [self.individual(place) for place in elites]) if elites else None
        learner, own = Player(self._network, self.arrays()), slice(count, rows)
        epsilon = max(settings.epsilon_least, settings.epsilon * settings.epsilon_decay**self.generation)
        seen, answers, rewards, over = [episodes.reset()], [], [], False
        while not over:
            answer = np.zeros(rows, dtype=np.int64)
            if players is not None:
                answer[:count] = players.answer(rows_of(episodes.seen, slice(0, count)))
            values = learner.values(rows_of(episodes.seen, own))
            best = values.argmax(axis=1)
            astray = random.random_sample(settings.episodes) < epsilon
            best[astray] = another(random, settings.exploration, settings.temperature, values[astray])
            answer[own] = best
            moved = episodes.step(answer)
            seen.append(moved.observation)
            answers.append(answer)
            rewards.append(moved.reward)
            over = moved.over
        whole = np.stack(seen)
        lengths = whole[:-1].any(axis=2).sum(axis=0)
        reward, end, factor = over_steps(np.stack(rewards), lengths, settings.steps, settings.discount)
        after = whole[end, np.arange(rows)].reshape(reward.size, -1)
        kept = self.memory.add(whole[:-1].reshape(reward.size, -1), np.concatenate(answers), reward.ravel(), after, factor.ravel())
        return kept, -float(episodes.metrics["objective"][own].mean())

    def _optimise(self, remaining: float) -> float:
        """A gradient step on the squared error (18); its loss."""
        import torch

        settings = self._settings
        transitions = self._batch(settings.batch)
        batch: dict[str, Any] = {}
        with torch.no_grad():
            goals = transitions.goals(self.target)
        loss = ((transitions.values(self.weights, batch if self.running else None) - goals) ** 2).mean()
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * (remaining if settings.anneal else 1.0)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), settings.gradient_norm)
        self._optimizer.step()
        for name, values in batch.items():
            self.running[name] = (1.0 - settings.momentum) * self.running[name] + settings.momentum * values.detach()
        self.updates += 1
        if self.updates % settings.period == 0:
            self.target = self._copied()
        return loss.item()

    def _batch(self, number: int) -> Transitions:
        return self.memory.sample(self.random, number, self._network, self._packing)

    def _copied(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in (self.weights | self.running).items()}

    def _parts(self) -> Iterator[tuple[str, slice, tuple[int, ...]]]:
        """Where each weight stands in a row of all of them."""
        start = 0
        for name, shape in self._shapes.items():
            yield name, slice(start, start + prod(shape)), shape
            start += prod(shape)

    def _named(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        return {name: vector[part].reshape(shape) for name, part, shape in self._parts()}

    def _tensors(self, vector: np.ndarray) -> dict[str, Tensor]:
        import torch

        return {name: torch.from_numpy(weight) for name, weight in self._named(vector).items()}

    def _flat(self, weights: Mapping[str, Tensor]) -> np.ndarray:
        return np.concatenate([weights[name].detach().numpy().ravel() for name in self._shapes])
