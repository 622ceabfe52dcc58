"""The reinforcement-learning side of a problem: tasks, policies and the rollout that joins them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from mecbench.problems.arrays import ArrayModel

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["Observation", "Policy", "Reward", "Rollout", "Step", "Task", "rollout"]

Observation = dict[str, np.ndarray]
Reward = Literal["objective", "paper"]


class Step(NamedTuple):
    """Answer of a task to an action; B episodes side by side, A agents each.

    Where one agent acts at a time, action and mask have no axis of agents, and reward and cost the one row of who acts. An
    episode that ends before others waits for them: it stays terminated or truncated, is not paid, and its actions are not read.

    Attributes
    ----------
    observation
        What the policy may see next: ``phase`` [B], ``mask`` [B, A, ...] of admissible answers, per-agent rows
        ``agents`` [B, A, F] and a ``shared`` block [B, G] that is not repeated over agents.
    reward
        Shape [B, A]; never contains the cost.
    cost
        What a constraint limits, shape [B, A].
    terminated, truncated
        Shape [B]; end of the episode by the problem, by a time limit.
    metrics
        Named arrays for people, not for learning.
    """

    observation: Observation
    reward: np.ndarray
    cost: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    metrics: dict[str, np.ndarray]


class Task(Protocol):
    """A batch of episodes of one problem, a decision a step; causal by construction, without random numbers.

    With ``reward="objective"`` the joint rewards sum, undiscounted, to the evaluator's objective up to sense and a
    factor that the instance fixes; ``"paper"`` is the paper's reward.
    """

    width: int

    def __init__(self, reward: Reward = "objective", width: int = 0) -> None:
        """Choose the reward and pad the agent axis to at least `width`."""

    def observation_space(self, instances: Sequence[Any]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""

    def action_space(self, instances: Sequence[Any]) -> spaces.Space[Any]:
        """Gymnasium space of one episode's joint action, wide enough for all of the instances."""

    def static(self) -> dict[str, np.ndarray]:
        """What is known before the first step, without the trace; arrays [B, ...]."""

    def reset(self, instances: Sequence[Any]) -> Observation:
        """Begin an episode of each instance."""

    def step(self, action: np.ndarray) -> Step:
        """Take one decision in every episode; the action has shape [B, A, ...]."""

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of one agent that decides for all, shape [B]."""

    def solutions(self) -> Sequence[ArrayModel]:
        """Decisions taken, as one solution per instance; after the last step."""


class Policy(Protocol):
    """Anything that acts: heuristics, controllers and learned agents alike.

    One that needs another task than the default states its keywords as an attribute ``task_options``.
    """

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Begin `batch` episodes of which `static` is known."""

    def act(self, observation: Observation) -> np.ndarray:
        """Decide; shape [B, A, ...]."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Episodes that were played to their end.

    Attributes
    ----------
    solutions
        One per instance.
    returns
        Undiscounted sums of rewards, shape [B, A].
    latencies
        Seconds of each decision of the whole batch.
    """

    solutions: Sequence[ArrayModel]
    returns: np.ndarray
    latencies: list[float]


def rollout(task: Task, policy: Policy, instances: Sequence[Any], seed: int) -> Rollout:
    """Drive a policy through a task to the end of every episode; those that end before others wait for them."""
    observation = task.reset(instances)
    policy.reset(task.static(), len(instances), seed)
    latencies: list[float] = []
    returns: np.ndarray | float = 0.0
    while True:
        start = time.perf_counter()
        action = policy.act(observation)
        latencies.append(time.perf_counter() - start)
        step = task.step(action)
        returns = returns + step.reward
        observation = step.observation
        if (step.terminated | step.truncated).all():
            return Rollout(task.solutions(), np.asarray(returns), latencies)
