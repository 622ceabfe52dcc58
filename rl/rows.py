"""Decision-makers side by side, each of which learns from its own transitions, as a vector environment of Stable-Baselines3."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from mecbench.rl.vectorised import batch_view

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["Environment", "Moved", "rows_view"]


class Moved(NamedTuple):
    """Answer of an environment to the actions of its rows.

    Attributes
    ----------
    observation
        float32, shape [n, F]. A row of zeros alone is nobody, from whom nothing is learned: padding, or one who waits for others.
    reward
        Shape [n].
    terminated
        Whether nothing comes after, shape [n].
    over
        Whether the whole batch of episodes has ended; who has not terminated then was cut off, and is worth what was to come.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    over: bool


class Environment(Protocol):
    """Decision-makers side by side, one batch of episodes after the other.

    Attributes
    ----------
    rows, features, actions
        n, F and A.
    """

    rows: int
    features: int
    actions: int

    def reset(self) -> np.ndarray:
        """Begin the next episodes; the first observation, float32, shape [n, F]."""

    def step(self, action: np.ndarray) -> Moved:
        """Take an action of every row, int64, shape [n]; not read of nobody."""


def rows_view(environment: Environment) -> VecEnv:
    """Stable-Baselines3's view of an environment's rows, one of its environments each.

    All end together and begin again; a row that was not terminated then is truncated, and its last observation handed on.
    """
    view: VecEnv = _rows_view()(environment)
    return view


@cache
def _rows_view() -> type[VecEnv]:
    """The class, made at its first use: its base class comes with PyTorch, which few verbs need."""
    from gymnasium import spaces

    class RowsView(batch_view()):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """See `rows_view`."""

        def __init__(self, environment: Environment) -> None:
            self._environment = environment
            self.render_mode = None
            seen = spaces.Box(-np.inf, np.inf, (environment.features,), np.float32)
            super().__init__(environment.rows, seen, spaces.Discrete(environment.actions))
            # One object for all: making a dictionary per row and step costs more than the physics.
            self._silence: list[dict[str, Any]] = [{}] * self.num_envs

        def reset(self) -> np.ndarray:
            return self._environment.reset()

        def step_async(self, actions: np.ndarray) -> None:
            self._actions = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            seen, reward, terminated, over = self._environment.step(self._actions)
            if not over:
                return seen, reward, terminated, self._silence
            infos = [{"TimeLimit.truncated": not ended, "terminal_observation": seen[row]} for row, ended in enumerate(terminated)]
            return self._environment.reset(), reward, np.ones(self.num_envs, dtype=bool), infos

    return RowsView
