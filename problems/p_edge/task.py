"""P-EDGE as a reinforcement-learning task: one epoch, every attached device asks for a share of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p_edge import physics
from mecbench.problems.p_edge.allocation import apportion
from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.solution import Solution
from mecbench.problems.task import Observation, Reward, Step

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["AGENT_FEATURES", "SHARED_FEATURES", "Task"]

AGENT_FEATURES = ("fixed_cost", "shared_cost", "clock_ratio", "uplink_mbit_per_s", "head_share", "switch_cost")
SHARED_FEATURES = ("multiprocessors", "devices", "multiprocessors_per_device")
TRACE = ("clock_ratio", "uplink_rate", "cut", "switch_cost")


class Task:
    """A batch of one-step episodes; agents are the M devices of an edge.

    The action [B, M] holds each device's share of the edge, non-negative and in any scale; `apportion` turns it into
    an allocation that spends every multiprocessor, so that every action is feasible and the cost channel is zero.

    Parameters
    ----------
    reward
        ``"objective"`` pays every device -max_m c_m, ``"paper"`` pays it its own R^m = -c_m (section 3).
    width
        Pads the agent axis to at least this many devices.
    """

    def __init__(self, reward: Reward = "objective", width: int = 0) -> None:
        self.reward = reward
        self.width = width
        self._instances: list[Instance] = []
        self._allocation: np.ndarray | None = None

    def observation_space(self, instances: Sequence[Instance]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""
        from gymnasium import spaces

        width = self._width(instances)
        return spaces.Dict(
            {
                "phase": spaces.Discrete(1),
                "mask": spaces.MultiBinary(width),
                "agents": spaces.Box(0.0, np.inf, (width, len(AGENT_FEATURES)), np.float64),
                "shared": spaces.Box(0.0, np.inf, (len(SHARED_FEATURES),), np.float64),
            }
        )

    def action_space(self, instances: Sequence[Instance]) -> spaces.Box:
        """Gymnasium space of one episode's joint action; only the ratios of the shares matter."""
        from gymnasium import spaces

        return spaces.Box(0.0, 1.0, (self._width(instances),), np.float64)

    def static(self) -> dict[str, np.ndarray]:
        """Constants of the edge and of the network, without the devices' state; arrays [B, ...]."""
        names = [name for name in Instance.model_fields if name not in TRACE]
        return {name: np.stack([np.asarray(getattr(instance, name)) for instance in self._instances]) for name in names}

    def reset(self, instances: Sequence[Instance]) -> Observation:
        """Begin an episode of each instance; edges of different sizes are padded."""
        self._instances = list(instances)
        self._allocation = None
        width = self._width(instances)
        self._mask = np.arange(width) < np.array([instance.devices for instance in instances])[:, None]
        self._fixed = self._padded("fixed_cost", width)
        self._shared = self._padded("shared_cost", width)
        self._multiprocessors = np.array([instance.multiprocessors for instance in instances])
        return self._observation()

    def step(self, action: np.ndarray) -> Step:
        """Allocate in proportion to the shares; ends the episode.

        Raises
        ------
        ValueError
            If the action has another shape than [B, M], is negative or not finite where there is a device.
        """
        shares = np.asarray(action, dtype=np.float64)
        if shares.shape != self._mask.shape:
            raise ValueError(f"expected an action of shape {list(self._mask.shape)}, found {list(shares.shape)}")
        if not (np.isfinite(shares) & (shares >= 0))[self._mask].all():
            raise ValueError("expected finite shares of at least 0 in the action")
        self._allocation = apportion(shares, self._multiprocessors, self._mask)
        costs = np.where(self._mask, physics.cost(self._fixed, self._shared, np.maximum(self._allocation, 1)), 0.0)
        worst = costs.max(axis=1)
        reward = -np.where(self._mask, worst[:, None], 0.0) if self.reward == "objective" else -costs
        done = np.ones(len(self._instances), dtype=bool)
        metrics = {"objective": worst, "mean_cost": costs.sum(axis=1) / self._mask.sum(axis=1)}
        return Step(self._observation(), reward, np.zeros_like(costs), done, ~done, metrics)

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of an agent that decides for all devices, shape [B]: the worst device's, as eq. (4) has it."""
        return np.where(self._mask, reward, np.inf).min(axis=1)

    def action(self, solutions: Sequence[Solution]) -> np.ndarray:
        """Action that replays allocations which spend every multiprocessor, shape [B, M]."""
        action = np.zeros(self._mask.shape)
        action[self._mask] = np.concatenate([solution.allocation for solution in solutions])
        return action

    def solutions(self) -> list[Solution]:
        """Allocations of the last step, one per instance."""
        if self._allocation is None:
            raise RuntimeError("no step was taken since the last reset")
        return [Solution(allocation=row[mask]) for row, mask in zip(self._allocation, self._mask, strict=True)]

    def _width(self, instances: Sequence[Instance]) -> int:
        return max(self.width, *(instance.devices for instance in instances))

    def _padded(self, name: str, width: int) -> np.ndarray:
        values = np.zeros((len(self._instances), width))
        values[self._mask] = np.concatenate([getattr(instance, name) for instance in self._instances])
        return values

    def _observation(self) -> Observation:
        devices = self._mask.sum(axis=1)
        rows = [
            self._fixed,
            self._shared,
            self._padded("clock_ratio", self._mask.shape[1]),
            self._padded("uplink_rate", self._mask.shape[1]) / 1e6,
            self._padded("head_share", self._mask.shape[1]),
            self._padded("switch_cost", self._mask.shape[1]),
        ]
        return {
            "phase": np.zeros(len(devices), dtype=np.int64),
            "mask": self._mask,
            "agents": np.stack(rows, axis=-1),
            "shared": np.stack([self._multiprocessors, devices, self._multiprocessors / devices], axis=-1),
        }
