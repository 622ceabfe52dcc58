"""A task as a Gymnasium environment: one instance at a time, one agent that decides for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from mecbench.problems import load
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.task import Reward

__all__ = ["GymnasiumView"]


class GymnasiumView(gymnasium.Env[dict[str, Any], np.ndarray]):
    """Gymnasium view of a problem's task.

    Each reset draws one of the instances with the environment's own generator; ``options={"instance": i}`` chooses
    it. The instance holds all randomness, so the same instance and actions give the same episode.

    Parameters
    ----------
    problem
        Name of the problem, as on the command line.
    instances
        Instances to draw from; the spaces are wide enough for each of them.
    reward
        Reward of the task; the view pays the joint agent what `Task.joint` makes of it.
    task_options
        What else the problem's task is made with, e.g. ``forecast=True`` of P1.
    """

    def __init__(self, problem: str, instances: Sequence[Any], reward: Reward = "objective", **task_options: Any) -> None:
        if not instances:
            raise ValueError("expected at least one instance, found none")
        self._instances = list(instances)
        self._task = load(problem).Task(reward, **task_options)
        self._blocks = self._task.observation_space(self._instances)
        self.observation_space = self._blocks
        self.action_space = self._task.action_space(self._instances)
        self._task.width = self._blocks["agents"].shape[0]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; ``info["instance"]`` is the index of its instance."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(len(self._instances)))
        index = (options or {}).get("instance", drawn)
        return self._single(self._task.reset([self._instances[index]])), {"instance": index}

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Take one joint decision; ``info`` holds the task's metrics and the cost that a constraint limits."""
        step = self._task.step(np.asarray(action)[None])
        info = {name: float(values[0]) for name, values in step.metrics.items()} | {"cost": float(step.cost[0].sum())}
        reward = float(self._task.joint(step.reward)[0])
        return self._single(step.observation), reward, bool(step.terminated[0]), bool(step.truncated[0]), info

    def solution(self) -> ArrayModel:
        """Decisions of the episode that has ended."""
        solution: ArrayModel = self._task.solutions()[0]
        return solution

    def _single(self, observation: dict[str, np.ndarray]) -> dict[str, Any]:
        """Drop the batch axis and give each block the type its space asks for."""
        single: dict[str, Any] = {}
        for name, space in self._blocks.items():
            value = observation[name][0]
            single[name] = np.int64(value) if space.shape == () else np.asarray(value, dtype=space.dtype)
        return single
