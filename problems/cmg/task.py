"""CMG as a reinforcement-learning task: in every slot each device decides on its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.layout import DECISIONS, Actions, Layout
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.cmg.worlds import Decisions, Outcome, Worlds, settle, stack, static
from mecbench.problems.task import Observation, Reward, Step

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["LEVELS", "Task"]

TINY = np.finfo(float).tiny  # instead of a range of nothing
ROUNDING = 1e-9  # of the energy limit, by which an action's rounding may exceed it: far below what the evaluator tolerates
LEVELS = {"resolution": 16, "power": 8, "frequency": 8}  # of the discrete actions


class Task:
    """A batch of episodes of T slots, stepped a slot at a time; `Layout` says where everything stands.

    Every action is feasible but for the energy limit: offloads that are not secure run locally, and a device that could not run on the
    fallback for the rest of its episode turns its dearest chunks into it. Before a slot a device knows its gains of that slot, the
    harvest that comes after it, and its battery. The cost is the energy e_n that the limit (39) is about, which nothing enforces
    unless ``strict``. The instances of a batch may differ in devices, slots and constants, not in chunks and options; who has ended
    waits for the others.

    Parameters
    ----------
    reward
        ``"paper"`` pays each device (24), whose qualities are averages of all slots so far. ``"objective"`` pays what the slot adds
        to all averages from it on, with the same sum: the objective.
    width
        Pads the devices so that there are at least this many agents.
    paper_obs
        Shows only what (32) lists, which is not Markov.
    see_eve
        Shows the estimated gains to the eavesdropper, which is an information class of its own.
    actions
        ``"hybrid"`` or ``"discrete"``; see `Layout`.
    strict
        Turns the dearest chunks into the fallback until the energy limit is kept, so that solutions are feasible. Where the limit is
        of the average, a slot may spend what leaves the fallback for the others.
    """

    def __init__(
        self,
        reward: Reward = "objective",
        width: int = 0,
        *,
        paper_obs: bool = False,
        see_eve: bool = False,
        actions: Actions = "hybrid",
        strict: bool = False,
    ) -> None:
        self.reward = reward
        self.width = width
        self.paper_obs = paper_obs
        self.see_eve = see_eve
        self.actions = actions
        self.strict = strict
        self._instances: list[Instance] = []

    def observation_space(self, instances: Sequence[Instance]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        return spaces.Dict(
            {
                "phase": spaces.Discrete(1),
                "mask": spaces.MultiBinary(layout.devices),
                "agents": spaces.Box(0.0, 1.0, (layout.devices, len(layout.agent_features)), np.float64),
                "shared": spaces.Box(0.0, 1.0, (len(layout.shared_features),), np.float64),
            }
        )

    def action_space(self, instances: Sequence[Instance]) -> spaces.Box | spaces.MultiDiscrete:
        """Gymnasium space of one episode's joint action, wide enough for all of the instances."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        if self.actions == "hybrid":
            return spaces.Box(-1.0, 1.0, (layout.devices, len(DECISIONS) * layout.chunks), np.float64)
        rates = {instance.most_frames - instance.least_frames + 1 for instance in instances}
        choices = [2, max(rates), *LEVELS.values()]
        return spaces.MultiDiscrete(np.tile(choices, (layout.devices, layout.chunks)))

    def static(self) -> dict[str, np.ndarray]:
        """Everything but the trace, arrays [B, ...]; `slots`, `chunks` and `devices` of each instance beside."""
        self._running()
        return static(self._instances, self._layout.devices)

    def reset(self, instances: Sequence[Instance]) -> Observation:
        """Begin an episode of each instance.

        Raises
        ------
        ValueError
            If they differ in chunks or options.
        """
        self._instances = list(instances)
        self._layout = layout = self._layout_of(instances)
        self._worlds = worlds = stack(instances, layout.devices)
        self._slot = 0
        shape = worlds.gain.shape
        self._done = Decisions(np.zeros(shape, dtype=bool), *(np.zeros(shape) for _ in DECISIONS[1:]))
        self._requested = np.zeros(shape, dtype=bool)
        self._battery = worlds.battery
        self._least_battery = np.where(worlds.present, worlds.battery, np.inf)
        self._last_frames = np.zeros(shape[1:])
        self._accuracy, self._smoothness = np.zeros(shape[1:]), np.zeros(shape[1:])  # sums so far
        self._earned, self._spent, self._exceeded, self._waited = (np.zeros(shape[1:3]) for _ in range(4))
        self._guarded = np.zeros(shape[1:3], dtype=np.int64)
        at = worlds.constants
        laws = {name: np.array([getattr(instance, f"{name}_law") for instance in instances]) for name in ("power", "frequency", "harvest")}
        scaled = {
            "most_power": worlds.most_power[..., 0] / laws["power"][:, None],
            "least_power": at["least_power"][..., 0] / laws["power"][:, None],
            "most_frequency": worlds.most_frequency[..., 0] / laws["frequency"][:, None],
            "least_frequency": at["least_frequency"][..., 0] / laws["frequency"][:, None],
        }
        self._rows = np.zeros((*shape[1:3], len(layout.agent_features)))
        for name, values in scaled.items():
            self._rows[..., layout.column(name)] = np.minimum(values, 1.0)
        self._most_harvest = np.maximum(laws["harvest"], TINY)[:, None]
        self._most_gain = np.array([instance.gain_law for instance in instances])[:, None, None]
        heard = [instance.eavesdropper_gain_law + instance.estimate_error for instance in instances]
        self._most_estimate = np.array(heard)[:, None, None]
        self._accuracies = tuple(self._accuracy_of(at[f"{end}_resolution"]) for end in ("least", "most"))
        self._least_smoothness = physics.smoothness(at["most_frames"], at["most_frames"], at["least_frames"])
        return self._observation()

    def step(self, action: np.ndarray) -> Step:
        """Take the decisions of the slot in every episode.

        Raises
        ------
        ValueError
            If the action has another shape than [B, A, 5 K], or holds something beyond its space.
        RuntimeError
            If the episodes are over.
        """
        worlds, layout, slot = self._running(), self._layout, self._slot
        if slot == len(worlds.gain):
            raise RuntimeError("the episodes are over: expected a reset before the next step")
        values = np.asarray(action, dtype=np.float64)
        expected = (len(worlds.slots), layout.devices, len(DECISIONS) * layout.chunks)
        if values.shape != expected:
            raise ValueError(f"expected an action of shape {list(expected)}, found {list(values.shape)}")
        there = self._mask()
        asked = self._decode(np.where(there[..., None], values, 0.0).reshape(*expected[:2], layout.chunks, len(DECISIONS)))
        asked = asked._replace(offload=asked.offload & there[..., None])
        outcome = settle(worlds, slot, asked, self._allowance())
        self._requested[slot] = asked.offload
        for kept, taken in zip(self._done, outcome.executed, strict=True):
            kept[slot] = taken
        battery = physics.battery_after(worlds.constants["capacity"][..., 0], self._battery, outcome.spent, worlds.harvest[slot])
        self._battery = np.where(there, battery, self._battery)
        self._least_battery = np.where(there, np.minimum(self._least_battery, battery), self._least_battery)
        reward = np.where(there, self._pay(outcome), 0.0)
        cost = np.where(there, outcome.spent, 0.0)
        self._spent += cost
        self._exceeded += np.maximum(cost - worlds.constants["energy_limit"][..., 0], 0.0)
        self._waited += np.where(there, outcome.latency.sum(axis=-1), 0.0)
        self._guarded += np.where(there, outcome.guarded, 0)
        self._last_frames = outcome.executed.frames
        self._slot += 1
        ended = self._slot >= worlds.slots
        return Step(self._observation(), reward, cost, ended, np.zeros_like(ended), self._metrics())

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of an agent that decides for all, shape [B]: the sum of all agents' rewards (36)."""
        total: np.ndarray = reward.sum(axis=1)
        return total

    def action(self, solutions: Sequence[Solution]) -> np.ndarray:
        """Action that takes the decisions of these solutions in the slot at hand, shape [B, A, 5 K]; a discrete one the nearest.

        It asks for what they offload, not for what had been asked beside: that would be offloaded where a guard has set it aside.
        """
        worlds, layout = self._running(), self._layout
        taken = np.zeros((len(DECISIONS), len(worlds.slots), layout.devices, layout.chunks))
        for row, (instance, solution) in enumerate(zip(self._instances, solutions, strict=True)):
            if self._slot < instance.slots:
                for values, name in zip(taken[:, row, : instance.devices], DECISIONS, strict=True):
                    values[:] = getattr(solution, name)[:, self._slot]
        parts = [taken[0]]
        for name, values in zip(DECISIONS[1:], taken[1:], strict=True):
            least, most = self._span(name)
            parts.append(np.clip(np.divide(values - least, most - least, out=np.zeros_like(values), where=most > least), 0.0, 1.0))
        part = np.stack(parts, axis=-1)
        action = 2.0 * part - 1.0 if self.actions == "hybrid" else np.rint(part * self._steps())
        return action.reshape(*action.shape[:2], -1)

    def solutions(self) -> list[Solution]:
        """Executed decisions of the episodes, with what had been requested; one solution per instance."""
        worlds = self._running()
        if self._slot < len(worlds.gain):
            raise RuntimeError(f"expected the episodes to be over, found them in slot {self._slot} of {len(worlds.gain)}")
        fields = {**self._done._asdict(), "requested": self._requested}
        return [
            Solution(**{name: np.moveaxis(values[: i.slots, row, : i.devices], 0, 1) for name, values in fields.items()})
            for row, i in enumerate(self._instances)
        ]

    def _running(self) -> Worlds:
        if not self._instances:
            raise RuntimeError("expected a reset before anything else")
        return self._worlds

    def _layout_of(self, instances: Sequence[Instance]) -> Layout:
        devices = max(self.width, *(instance.devices for instance in instances))
        return Layout(devices, instances[0].chunks, self.paper_obs, self.see_eve)

    def _mask(self) -> np.ndarray:
        """Which devices there are whose episodes go on, bool, shape [B, A]."""
        return self._worlds.present & (self._slot < self._worlds.slots)[:, None]

    def _span(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of a decision, shapes that broadcast with [B, A, K]."""
        most = getattr(self._worlds, f"most_{name}") if name in ("power", "frequency") else self._worlds.constants[f"most_{name}"]
        return self._worlds.constants[f"least_{name}"], most

    def _steps(self) -> np.ndarray:
        """Largest index of each discrete decision, shape [B, 1, 1, 5]."""
        least, most = self._span("frames")
        steps = [np.ones_like(most), most - least, *(np.full_like(most, LEVELS[name] - 1.0) for name in DECISIONS[2:])]
        return np.stack(steps, axis=-1)

    def _decode(self, action: np.ndarray) -> Decisions:
        """Decisions of an action of shape [B, A, K, 5].

        Raises
        ------
        ValueError
            If it holds what is no number, or no index.
        """
        if self.actions == "hybrid":
            if not np.isfinite(action).all():
                raise ValueError("expected finite numbers in the action")
            part = (np.clip(action, -1.0, 1.0) + 1.0) / 2.0
            offload = action[..., 0] > 0.0
        else:
            steps = self._steps()
            if not ((action == np.rint(action)) & (action >= 0.0) & (action <= steps)).all():
                raise ValueError("expected whole numbers from 0 to the last choice of each decision in the action")
            part = action / np.maximum(steps, 1.0)
            offload = action[..., 0] > 0.5
        found = {}
        for place, name in enumerate(DECISIONS[1:], start=1):
            least, most = self._span(name)
            found[name] = np.minimum(least + part[..., place] * (most - least), most)
        if not self._instances[0].continuous_frames:
            found["frames"] = np.rint(found["frames"])
        return Decisions(offload=offload, **found)

    def _allowance(self) -> np.ndarray:
        """What each device may spend in the slot [J], shape [B, A]."""
        worlds, at = self._worlds, {name: values[..., 0] for name, values in self._worlds.constants.items()}
        later = (worlds.slots - 1 - self._slot)[:, None] * (worlds.chunks * at["fallback_energy"])
        allowance = self._battery - later
        if not self.strict:
            return allowance
        limit = at["energy_limit"]
        left = limit if self._instances[0].limit == "slot" else worlds.slots[:, None] * limit - self._spent - later
        return np.minimum(allowance, left + ROUNDING * limit)

    def _accuracy_of(self, resolution: np.ndarray) -> np.ndarray:
        at = self._worlds.constants
        return physics.accuracy(at["accuracy_ceiling"], at["accuracy_drop"], at["accuracy_scale"], resolution)

    def _pay(self, outcome: Outcome) -> np.ndarray:
        """Reward of each device, shape [B, A]; adds up qualities and (24)."""
        worlds, at, frames = self._worlds, self._worlds.constants, outcome.executed.frames
        accuracy = self._accuracy_of(outcome.executed.resolution)
        smoothness = physics.smoothness(at["most_frames"], frames, self._last_frames if self._slot else frames)
        self._accuracy = self._accuracy + accuracy
        self._smoothness = self._smoothness + smoothness
        cost = physics.cost(at["delay_weight"], outcome.latency, at["energy_weight"], outcome.energy).sum(axis=-1)
        penalty = physics.penalty(at["reserve_price"][..., 0], at["reserve"][..., 0], self._battery)

        def paid(accuracy: np.ndarray, smoothness: np.ndarray) -> np.ndarray:
            quality = physics.quality(at["accuracy_weight"], accuracy, at["smoothness_weight"], smoothness)
            return quality.sum(axis=-1) - cost - worlds.chunks * penalty

        count = self._slot + 1
        literal = paid(self._accuracy / count, self._smoothness / count)
        self._earned += np.where(self._mask(), literal, 0.0)
        if self.reward == "paper":
            return literal
        weight = worlds.weight[self._slot][:, None, None]
        return paid(weight * accuracy, weight * smoothness)

    def _metrics(self) -> dict[str, np.ndarray]:
        """What has become of the slots so far, under the evaluator's names; `guarded` counts chunks that fell back."""
        worlds = self._worlds
        seen = np.minimum(self._slot, worlds.slots)
        devices = worlds.present.sum(axis=1)

        def total(values: np.ndarray) -> np.ndarray:
            return np.cumsum(values, axis=1)[:, -1]  # in the same order whatever the padding

        offloads, requests = (array[: self._slot].sum(axis=(0, 2, 3)) for array in (self._done.offload, self._requested))
        earned, spent, exceeded = total(self._earned), total(self._spent), total(self._exceeded)
        return {
            "objective": earned,
            "reward": earned / (devices * seen),
            "penalised_objective": earned - exceeded,
            "ecpr_percent": 100.0 * exceeded / spent,
            "sor_percent": 100.0 * np.divide(offloads, requests, out=np.full(offloads.shape, np.nan), where=requests > 0),
            "offloads_per_channel": offloads / (seen * worlds.chunks),
            "mean_latency_s": total(self._waited) / (devices * seen * worlds.chunks),
            "mean_energy_j": spent / (devices * seen),
            "least_battery_j": self._least_battery.min(axis=1),
            "guarded": total(self._guarded),
        }

    def _observation(self) -> Observation:
        worlds, layout, slot = self._worlds, self._layout, self._slot
        at, there = worlds.constants, self._mask()
        shared = np.zeros((len(worlds.slots), len(layout.shared_features)))
        runs = slot < worlds.slots
        shared[:, 0] = runs
        agents = np.zeros_like(self._rows)
        if slot < len(worlds.gain):
            agents[:] = self._rows
            agents[..., layout.column("battery")] = self._battery / at["capacity"][..., 0]
            agents[..., layout.column("harvest")] = np.minimum(worlds.harvest[slot] / self._most_harvest, 1.0)
            agents[..., layout.block("gain")] = np.minimum(worlds.gain[slot] / self._most_gain, 1.0)
            if self.see_eve:
                agents[..., layout.block("estimate")] = np.minimum(worlds.estimate[slot] / self._most_estimate, 1.0)
            if not self.paper_obs and slot:
                least, most = self._accuracies
                accuracy = (self._accuracy / slot - least) / np.maximum(most - least, TINY)
                smoothness = (self._smoothness / slot - self._least_smoothness) / np.maximum(1.0 - self._least_smoothness, TINY)
                agents[..., layout.block("last_frames")] = self._last_frames / at["most_frames"]
                agents[..., layout.block("accuracy")] = np.clip(accuracy, 0.0, 1.0)
                agents[..., layout.block("smoothness")] = np.clip(smoothness, 0.0, 1.0)
            agents[~there] = 0.0
        if not self.paper_obs:
            shared[:, 1] = np.where(runs, slot / worlds.slots, 0.0)
        return {"phase": np.zeros(len(shared), dtype=np.int64), "mask": there, "agents": agents, "shared": shared}
