"""A task as a PettingZoo environment: one instance at a time, one agent for each device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mecbench.problems import load
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.task import Observation, Reward, Task

if TYPE_CHECKING:
    from pettingzoo import ParallelEnv

__all__ = ["parallel_view"]


def parallel_view(problem: str, instances: Sequence[Any], reward: Reward = "objective", **task_options: Any) -> ParallelEnv:
    """PettingZoo's view of a task in which every agent acts in every step, as those of P-MARL and CMG do.

    Each reset draws one of the instances with the environment's own generator; ``options={"instance": i}`` chooses it. An agent observes
    its own row, what all share, and, where it chooses one of several actions, which of them the mask admits. ``env.solution()`` holds
    the decisions of an episode that has ended.

    Parameters
    ----------
    problem
        Name of the problem, as on the command line.
    instances
        Instances to draw from, of equally many devices.
    reward
        Reward of the task.
    task_options
        What else the problem's task is made with, e.g. ``coa=False`` of P-MARL.

    Raises
    ------
    ValueError
        If there is no instance, they differ in their numbers of devices, or the task's agents do not act one by one.
    """
    from gymnasium import spaces

    if not instances:
        raise ValueError("expected at least one instance, found none")
    task = load(problem).Task(reward, **task_options)
    joint, blocks = task.action_space(instances), task.observation_space(instances)
    mask = blocks["mask"]
    choices = isinstance(joint, spaces.MultiDiscrete) and isinstance(mask, spaces.MultiBinary) and joint.shape == mask.shape[:1]
    vectors = len(joint.shape or ()) == 2 and mask.shape == (joint.shape or ())[:1]
    if not (choices or vectors):
        raise ValueError(f"expected a problem whose agents have an action each, found the actions {joint} of {problem}")
    counts = sorted({instance.devices for instance in instances})
    if len(counts) > 1:
        raise ValueError(f"expected instances of equally many devices, found {counts}")
    view: ParallelEnv = _parallel_view()(task, list(instances), joint, blocks)
    return view


@cache
def _parallel_view() -> type[ParallelEnv]:
    """The class, made at its first use: its base class comes with the extra of learning."""
    from gymnasium import spaces
    from gymnasium.utils import seeding
    from pettingzoo import ParallelEnv

    def own_actions(joint: spaces.Space[Any], row: int) -> spaces.Space[Any]:
        if isinstance(joint, spaces.MultiDiscrete):
            return spaces.Discrete(int(joint.nvec[row])) if joint.nvec.ndim == 1 else spaces.MultiDiscrete(joint.nvec[row])
        box = cast(spaces.Box, joint)
        return spaces.Box(box.low[row], box.high[row], dtype=np.float64)

    class ParallelView(ParallelEnv):  # type: ignore[misc]  # PettingZoo is not type-checked
        """See `parallel_view`."""

        def __init__(self, task: Task, instances: list[Any], joint: spaces.Space[Any], blocks: spaces.Dict) -> None:
            self.metadata = {"name": "mecbench", "render_modes": []}
            self.render_mode = None
            self._task, self._instances = task, instances
            self._random, _ = seeding.np_random()
            rows, shared = cast(spaces.Box, blocks["agents"]), cast(spaces.Box, blocks["shared"])
            self.possible_agents = [f"device_{number}" for number in range(len(rows.low))]
            self.agents: list[str] = []
            # One space for each agent: learners tell them apart when they sample.
            self.action_spaces = {agent: own_actions(joint, row) for row, agent in enumerate(self.possible_agents)}
            self.observation_spaces = {
                agent: spaces.Dict(
                    {
                        "observation": spaces.Box(rows.low[0], rows.high[0], dtype=np.float64),
                        "shared": spaces.Box(shared.low, shared.high, dtype=np.float64),
                    }
                    | ({"action_mask": spaces.MultiBinary(int(actions.n))} if isinstance(actions, spaces.Discrete) else {})
                )
                for agent, actions in self.action_spaces.items()
            }

        def observation_space(self, agent: str) -> spaces.Dict:
            return self.observation_spaces[agent]

        def action_space(self, agent: str) -> spaces.Space[Any]:
            return self.action_spaces[agent]

        def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
            if seed is not None:
                self._random, _ = seeding.np_random(seed)
            drawn = int(self._random.integers(len(self._instances)))
            index = (options or {}).get("instance", drawn)
            observation = self._task.reset([self._instances[index]])
            self.agents = list(self.possible_agents)
            return self._split(observation), {agent: {"instance": index} for agent in self.agents}

        def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
            step = self._task.step(np.array([[actions[agent] for agent in self.agents]]))
            observations = self._split(step.observation)
            rewards = {agent: float(step.reward[0, row]) for row, agent in enumerate(self.agents)}
            infos: dict[str, Any] = {agent: {"cost": float(step.cost[0, row])} for row, agent in enumerate(self.agents)}
            terminated, truncated = (dict.fromkeys(self.agents, bool(flag[0])) for flag in (step.terminated, step.truncated))
            if step.terminated[0] or step.truncated[0]:
                self.agents = []
            return observations, rewards, terminated, truncated, infos

        def render(self) -> None:
            """Nothing is drawn here: `mecbench show` does."""

        def close(self) -> None:
            """Nothing is held."""

        def solution(self) -> ArrayModel:
            """Decisions of the episode that has ended."""
            return self._task.solutions()[0]

        def _split(self, observation: Observation) -> dict[str, Any]:
            rows, shared, mask = observation["agents"][0], observation["shared"][0], observation["mask"][0].astype(np.int8)
            seen: dict[str, Any] = {}
            for number, agent in enumerate(self.agents):
                seen[agent] = {"observation": rows[number], "shared": shared}
                if "action_mask" in self.observation_spaces[agent].spaces:
                    seen[agent]["action_mask"] = mask[number]
            return seen

    return ParallelView
