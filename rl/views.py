"""A task as a vector environment of Stable-Baselines3: many instances side by side, one joint action each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mecbench.problems import load
from mecbench.problems.task import Reward, Task
from mecbench.rl.vectorised import batch_view

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["vector_view"]

Draw = Callable[[], Sequence[Any]]


def vector_view(problem: str, draw: Draw, width: int, reward: Reward = "objective", **task_options: Any) -> VecEnv:
    """Stable-Baselines3's view of a batch of episodes of one task; equal to as many single `GymnasiumView`s.

    The whole batch ends together and begins again with the instances drawn next, as vector environments of
    Stable-Baselines3 reset themselves; an episode that ends before others waits for them.

    Parameters
    ----------
    problem
        Name of the problem, as on the command line.
    draw
        Gives the instances of the next episodes, equally many each time; all randomness is theirs.
    width
        Number of agents to which every instance is padded, so that spaces stay as they are.
    reward
        Reward of the task; the view pays the joint agent what `Task.joint` makes of it.
    task_options
        What else the problem's task is made with, e.g. ``forecast=True`` of P1.

    Returns
    -------
    VecEnv
        With one environment per instance of a draw.
    """
    view: VecEnv = _vector_view()(load(problem).Task(reward, width, **task_options), draw, width)
    return view


@cache
def _vector_view() -> type[VecEnv]:
    """The class, made at its first use: its base class comes with PyTorch, which few verbs need."""

    class VectorView(batch_view()):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """See `vector_view`."""

        def __init__(self, task: Task, draw: Draw, width: int) -> None:
            self._task = task
            self._draw = draw
            self._next: Sequence[Any] = draw()
            self._width = width
            self.render_mode = None
            spaces = self._task.observation_space(self._next), self._task.action_space(self._next)
            super().__init__(len(self._next), *spaces)
            # One object for all: making and copying a dictionary per episode costs more than the physics.
            self._silence: list[dict[str, Any]] = [{}] * self.num_envs

        def reset(self) -> dict[str, np.ndarray]:
            instances, self._next = self._next or self._draw(), ()
            return self._typed(self._task.reset(instances))

        def step_async(self, actions: np.ndarray) -> None:
            self._actions = actions

        def step_wait(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, list[dict[str, Any]]]:
            step = self._task.step(self._actions)
            rewards = self._task.joint(step.reward)
            ended = step.terminated | step.truncated
            done = np.full(self.num_envs, ended.all())
            observation = self._typed(step.observation)
            infos = self._silence
            if ended.all() and step.truncated.any():  # the value of what would have come is still to be learned from
                cut = step.truncated & ~step.terminated
                last = [{name: block[row] for name, block in observation.items()} for row in range(self.num_envs)]
                infos = [{"TimeLimit.truncated": bool(cut[row]), "terminal_observation": last[row]} for row in range(self.num_envs)]
            if ended.all():
                observation = self.reset()
            return observation, rewards, done, infos

        def _typed(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            found = observation["agents"].shape[:2]
            if found != (self.num_envs, self._width):
                raise ValueError(
                    f"expected draws of {self.num_envs} instances with at most {self._width} agents, found {found[0]} with {found[1]}"
                )
            return {name: np.asarray(observation[name], dtype=space.dtype) for name, space in self.observation_space.items()}

    return VectorView
