"""Episodes of CMG as Stable-Baselines3 steps them: what devices see and say, and reward and cost of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mecbench.problems.cmg import Instance, Task
from mecbench.problems.task import Reward
from mecbench.rl.cmg.interface import Interface
from mecbench.rl.vectorised import batch_view

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["REWARD_AND_COST", "Draw", "episodes_view"]

Draw = Callable[[], Sequence[Instance]]
REWARD_AND_COST = 2  # last axis of what the view pays


def episodes_view(draw: Draw, through: Interface, devices: int, reward: Reward) -> VecEnv:
    """View of a batch of episodes, which end together and begin again with the instances drawn next.

    Its rewards have the shape [B, A, 2]: of each device the reward and the cost, its energy [J]. ``at_start`` says whether all
    episodes are about to begin, ``present`` how many devices have acted last.

    Parameters
    ----------
    draw
        Gives the instances of the next episodes, equally many each time and all of as many slots.
    through
        What devices see and say.
    devices
        A, to which instances are padded.
    reward
        Of the task.
    """
    view: VecEnv = _view()(draw, through, devices, reward)
    return view


@cache
def _view() -> type[VecEnv]:
    """The class, made at its first use: its base class comes with PyTorch, which is needed to train only."""
    from gymnasium import spaces

    class EpisodesView(batch_view()):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """See `episodes_view`."""

        def __init__(self, draw: Draw, through: Interface, devices: int, reward: Reward) -> None:
            self._draw, self._through = draw, through
            self._task = Task(reward, devices, paper_obs=through.paper_obs)
            self._instances: Sequence[Instance] = draw()
            self.render_mode = None
            self.at_start = True
            rows = (self._instances[0].chunks,) if through.by_chunk else ()
            seen = spaces.Box(-np.inf, np.inf, (devices, *rows, through.features), np.float32)
            super().__init__(len(self._instances), seen, spaces.Box(-1.0, 1.0, (devices * through.actions,), np.float32))
            self._silence: list[dict[str, Any]] = [{}] * self.num_envs

        def reset(self) -> np.ndarray:
            instances, self._instances = self._instances or self._draw(), ()
            self._observation = self._task.reset(instances)
            self._through.reset(self._task.static())
            self.at_start = True
            return self._through.encode(self._observation)

        def step_async(self, actions: np.ndarray) -> None:
            self._said = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            said = self._said.reshape(self.num_envs, self._task.width, -1)
            self.present = int(self._observation["mask"].sum())
            step = self._task.step(self._through.decide(self._observation, said))
            paid = np.stack((step.reward, step.cost), axis=-1)
            over = bool(step.terminated.all())
            if over:
                seen = self.reset()
            else:
                self._observation, self.at_start = step.observation, False
                seen = self._through.encode(step.observation)
            return seen, paid, np.full(self.num_envs, over), self._silence

    return EpisodesView
