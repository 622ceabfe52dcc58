"""P1 as a reinforcement-learning task: in every slot the tasks at hand are asked one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p1 import physics
from mecbench.problems.p1.instance import SERVER, Instance
from mecbench.problems.p1.layout import LARGEST_SHARE, SHARED_FEATURES, TASK_FEATURES, Layout
from mecbench.problems.p1.solution import Solution
from mecbench.problems.p1.worlds import Worlds, stack, static
from mecbench.problems.task import Observation, Reward, Step

if TYPE_CHECKING:
    from gymnasium import spaces

    from mecbench.problems.p1.task_compiled import Answers, State

__all__ = ["Task"]

_FREQUENCY, _DISTANCE = 1e10, 100.0  # units of what is shown of the nodes [Hz] and [m]


class Task:
    """A batch of episodes of H slots, stepped an answer at a time; `Layout` says where everything stands.

    At the start of a slot its arrivals and background loads become known. Then each active task answers once: next node, end
    of the block, share and subcarrier. What is left of the nodes and subcarriers is updated after every answer, so every joint
    decision is feasible. An answer that the mask does not admit idles instead, and is counted among the ``refused``. The
    mask keeps the deadline within reach: what a task has used, and its remaining layers on the fastest node, fit into it. A task
    whose window ends with layers left is lost. Episodes differ in their number of answers; who has ended waits for the
    others without being paid.

    The agents are the tasks, of which one acts at a time: actions have the shape [B, 4], rewards and costs [B, 1]. The cost is 0:
    no task that is completed is late.

    Parameters
    ----------
    reward
        ``"objective"`` pays each answer -(w_e E + w_d T) of its hop and block, and -P when it loses the task, so that an
        episode's sum is -objective. ``"paper"``, eq. (13), is the same.
    width
        Pads the rows of tasks so that there are at least this many.
    forecast
        Shows the availability of the next K - 1 slots too, which is an information class of its own.
    """

    def __init__(self, reward: Reward = "objective", width: int = 0, *, forecast: bool = False) -> None:
        self.reward = reward
        self.width = width
        self.forecast = forecast
        self._instances: list[Instance] = []

    def observation_space(self, instances: Sequence[Instance]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        width = max(self.width, *(instance.tasks for instance in instances))
        return spaces.Dict(
            {
                "phase": spaces.Discrete(2),
                "asked": spaces.Discrete(width),
                "mask": spaces.Box(0, LARGEST_SHARE, (layout.nodes, layout.admissible), np.uint8),
                "nodes": spaces.Box(0.0, np.inf, (layout.nodes, len(layout.node_features)), np.float64),
                "agents": spaces.Box(0.0, np.inf, (width, len(TASK_FEATURES)), np.float64),
                "shared": spaces.Box(0.0, np.inf, (len(SHARED_FEATURES),), np.float64),
            }
        )

    def action_space(self, instances: Sequence[Instance]) -> spaces.MultiDiscrete:
        """Gymnasium space of an answer, wide enough for all of the instances."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        subcarriers = max(instance.subcarriers for instance in instances)
        return spaces.MultiDiscrete([layout.nodes, layout.layers + 1, LARGEST_SHARE + 1, subcarriers + 1])

    def static(self) -> dict[str, np.ndarray]:
        """Everything but the trace, arrays [B, ...]; the number of `slots`, and `link` and `rate` between nodes beside."""
        self._running()
        return static(self._instances)

    def reset(self, instances: Sequence[Instance]) -> Observation:
        """Begin an episode of each instance.

        Raises
        ------
        ValueError
            If they differ in nodes, layers or window.
        """
        from mecbench.problems.p1.task_compiled import State, begin

        self._instances = list(instances)
        self._worlds = worlds = stack(instances)
        self._layout = self._layout_of(instances)
        count, tasks = worlds.source.shape
        present = np.arange(tasks) < worlds.tasks[:, None]
        nodes = worlds.frequency.shape
        self._state = State(
            slot=np.zeros(count, dtype=np.int64),
            asked=np.zeros(count, dtype=np.int64),
            free=np.zeros(nodes, dtype=np.int64),
            last_load=np.zeros(nodes, dtype=np.int64),
            taken=np.zeros((count, int(worlds.subcarriers.max()) + 1), dtype=bool),
            free_hops=np.zeros(count, dtype=np.int64),
            active=present.copy(),
            lost=np.zeros(present.shape, dtype=bool),
            node=worlds.source.copy(),
            layers=np.zeros(present.shape, dtype=np.int64),
            seconds=np.zeros(present.shape),
            mask=np.zeros((*nodes, self._layout.admissible), dtype=np.uint8),
            plan=np.zeros((4, count, tasks, worlds.window), dtype=np.int64),
        )
        self._state.plan[0] = worlds.source[:, :, None]
        distance = np.stack([instance.distance[SERVER] for instance in instances])
        rate = self._each("arrival_rate")[:, None]
        server = np.arange(nodes[1]) == SERVER
        shown = np.broadcast_arrays(worlds.frequency / _FREQUENCY, server, distance / _DISTANCE, rate)
        self._fixed = np.stack(shown, axis=-1).astype(np.float64)
        self._coefficient = np.stack([instance.energy_coefficient for instance in instances])
        self._power, self._penalty = self._each("transmission_power"), self._each("penalty")
        self._weights = self._each("energy_weight"), self._each("delay_weight")
        self._totals = {name: np.zeros(count) for name in ("cost", "seconds", "completed", "lost", "collaborations", "hops", "refused")}
        begin(worlds, self._state)
        return self._observation()

    def step(self, action: np.ndarray) -> Step:
        """Take an answer in every episode that is not over.

        Parameters
        ----------
        action
            m, j, x and w, integers, shape [B, 4].

        Raises
        ------
        ValueError
            If the action has another shape or type, or names a node, layer, share or subcarrier that does not exist.
        RuntimeError
            If all episodes are over.
        """
        from mecbench.problems.p1.task_compiled import follow, read

        worlds, state = self._running()
        count = state.slot.size
        if (state.asked < 0).all():
            raise RuntimeError("the episodes are over: expected a reset before the next step")
        values = np.asarray(action)
        if values.shape != (count, 4) or values.dtype.kind not in "iu":
            raise ValueError(f"expected an action of integers of shape {[count, 4]}, found {values.dtype} of shape {list(values.shape)}")
        answers = self._nothing(count)
        if not read(worlds, state, np.ascontiguousarray(values, dtype=np.int64), answers):
            layout = self._layout
            raise ValueError(
                f"expected nodes from 0 to {layout.nodes - 1}, layers from 0 to {layout.layers}, shares from 0 to {LARGEST_SHARE} and "
                "subcarriers from 0 to S in the action"
            )
        cost, seconds = self._account(answers)
        done, lost, nodes = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool), np.zeros(count, dtype=np.int64)
        waited, asked = state.asked < 0, np.maximum(state.asked, 0)
        follow(worlds, state, answers, seconds, done, lost, nodes)
        totals = self._totals
        totals["cost"] += cost
        totals["seconds"] += np.where(done, state.seconds[np.arange(count), asked], 0.0)
        totals["completed"] += done
        totals["lost"] += lost
        totals["collaborations"] += np.where(done, nodes - 1, 0)
        totals["hops"] += answers.hop
        totals["refused"] += answers.refused
        reward = np.where(waited, 0.0, -(cost + self._penalty * lost))[:, None]
        over = state.asked < 0
        return Step(self._observation(), reward, np.zeros_like(reward), over, np.zeros_like(over), self._metrics())

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of an agent that decides for all, shape [B]: that of the answer."""
        answer: np.ndarray = reward[:, 0]
        return answer

    def action(self, solutions: Sequence[Solution]) -> np.ndarray:
        """Answers that these solutions give to what is asked, shape [B, 4].

        What a failed task does in vain, against the mask, is refused; all else is replayed exactly.
        """
        worlds, state = self._running()
        action = np.zeros((len(solutions), 4), dtype=np.int64)
        for row, solution in enumerate(solutions):
            task = int(state.asked[row])
            if task < 0:
                continue
            k = int(state.slot[row] - worlds.release[row, task])
            done = solution.layers_done[task, k - 1] if k else 0
            end = solution.layers_done[task, k]
            action[row] = solution.node[task, k], end if end > done else 0, solution.share[task, k], solution.subcarrier[task, k]
        return action

    def solutions(self) -> list[Solution]:
        """Decisions of the episodes, one solution per instance."""
        _, state = self._running()
        if (state.asked >= 0).any():
            row = int((state.asked >= 0).argmax())
            raise RuntimeError(f"expected the episodes to be over, found episode {row} in slot {state.slot[row]}")
        names = ("node", "layers_done", "share", "subcarrier")
        return [
            Solution(
                fail=state.lost[row, : instance.tasks],
                **{name: plan[row, : instance.tasks] for name, plan in zip(names, state.plan, strict=True)},
            )
            for row, instance in enumerate(self._instances)
        ]

    def _running(self) -> tuple[Worlds, State]:
        if not self._instances:
            raise RuntimeError("expected a reset before anything else")
        return self._worlds, self._state

    def _layout_of(self, instances: Sequence[Instance]) -> Layout:
        first = instances[0]
        return Layout(first.nodes, first.layers, first.window, self.forecast)

    def _each(self, name: str) -> np.ndarray:
        """A number of each instance, shape [B]."""
        return np.array([getattr(instance, name) for instance in self._instances], dtype=np.float64)

    @staticmethod
    def _nothing(count: int) -> Answers:
        from mecbench.problems.p1.task_compiled import Answers

        whole, part, flags = np.zeros((4, count), dtype=np.int64), np.zeros((2, count)), np.zeros((2, count), dtype=bool)
        return Answers(*whole, *part, *flags)

    def _account(self, answers: Answers) -> tuple[np.ndarray, np.ndarray]:
        """Cost by eqs. (1) to (6), and seconds, of each answer, shape [B]."""
        at = np.arange(answers.node.size), answers.node
        rate = physics.computing_rate(self._worlds.frequency[at], answers.share)
        computing = physics.computation_time(answers.cycles, rate)
        sent = physics.transmission_energy(self._power, answers.hop_time)
        computed = physics.computation_energy(self._coefficient[at], answers.cycles, rate)
        seconds = answers.hop_time + computing
        return physics.cost(self._weights[0], sent + computed, self._weights[1], seconds), seconds

    def _metrics(self) -> dict[str, np.ndarray]:
        """Totals and averages so far, under the evaluator's names, and how many answers were refused."""
        totals = self._totals
        completed = np.maximum(totals["completed"], 1.0)
        return {
            "objective": totals["cost"] + self._penalty * totals["lost"],
            "cost_without_penalty": totals["cost"].copy(),
            "completion_rate": totals["completed"] / np.maximum(totals["completed"] + totals["lost"], 1.0),
            "collaborations": totals["collaborations"].copy(),
            "hops": totals["hops"].copy(),
            "mean_delay_s": totals["seconds"] / completed,
            "refused": totals["refused"].copy(),
        }

    def _observation(self) -> Observation:
        from mecbench.problems.p1.task_compiled import show

        worlds, state, layout = self._worlds, self._state, self._layout
        count = state.slot.size
        arrived = (worlds.release <= state.slot[:, None]) & (np.arange(worlds.release.shape[1]) < worlds.tasks[:, None])
        width = max(self.width, int(arrived.sum(axis=1).max()))
        observation: Observation = {
            "phase": np.zeros(count, dtype=np.int64),
            "asked": np.zeros(count, dtype=np.int64),
            "mask": np.zeros((count, layout.nodes, layout.admissible), dtype=np.uint8),
            "nodes": np.zeros((count, layout.nodes, len(layout.node_features))),
            "agents": np.zeros((count, width, len(TASK_FEATURES))),
            "shared": np.zeros((count, len(SHARED_FEATURES))),
        }
        show(worlds, state, self._fixed, worlds.window - 1 if self.forecast else 0, *observation.values())
        return observation
