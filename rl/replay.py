"""The replay memory of the value learners: a ring of single transitions, as Stable-Baselines3 has its buffers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import ReplayBuffer

__all__ = ["ring"]

HELD = ("observations", "next_observations", "actions", "rewards", "dones")


@cache
def ring() -> type[ReplayBuffer]:
    """The class, made at its first use: its base class comes with PyTorch, which is needed to train only."""
    from collections.abc import Mapping

    import torch
    from numpy.random import RandomState
    from stable_baselines3.common.buffers import ReplayBuffer
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    class Ring(ReplayBuffer):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """A ring of single transitions, so that nobody's are left out; drawn with the learner's own randomness."""

        def __init__(self, buffer_size: int, *arguments: Any, random: RandomState, n_envs: int = 1, **keywords: Any) -> None:
            super().__init__(buffer_size, *arguments, n_envs=1, **keywords)
            self.pos, self.full = 0, False
            self._random = random

        def add_rows(self, seen: np.ndarray, action: np.ndarray, reward: np.ndarray, after: np.ndarray, terminated: np.ndarray) -> None:
            """Keep the transitions of all rows that are somebody's, in the place of the oldest ones."""
            somebody, size = seen.any(axis=1), self.buffer_size
            all_of_them = bool(somebody.all())
            number = min(int(somebody.sum()), size)
            first = min(number, size - self.pos)
            for name, values in zip(HELD, (seen, after, action[:, None], reward, terminated), strict=True):
                kept, new = getattr(self, name)[:, 0], (values if all_of_them else values[somebody])[-number:]
                kept[self.pos : self.pos + first] = new[:first]
                kept[: number - first] = new[first:]
            self.full = self.full or self.pos + number >= size
            self.pos = (self.pos + number) % size

        def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
            """Draw transitions: observations, actions, observations after, whether terminated, rewards; the last three and actions [n]."""
            drawn = self._random.randint(self.size(), size=batch_size)
            seen, after = self.observations[drawn, 0], self.next_observations[drawn, 0]
            rest = self.actions[drawn, 0, 0], after, self.dones[drawn, 0], self.rewards[drawn, 0]
            return ReplayBufferSamples(*map(torch.from_numpy, (seen, *rest)))

        def state_dict(self) -> dict[str, Any]:
            size = self.size()
            return {name: torch.from_numpy(getattr(self, name)[:size]) for name in HELD} | {"pos": self.pos, "full": self.full}

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            self.pos, self.full = state["pos"], state["full"]
            for name in HELD:
                getattr(self, name)[: len(state[name])] = state[name].numpy()

    return Ring
