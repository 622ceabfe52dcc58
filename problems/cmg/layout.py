"""Where everything stands in the observations and actions of CMG's task: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mecbench.problems.cmg.worlds import Decisions
from mecbench.problems.task import Observation

__all__ = ["DECISIONS", "Actions", "Layout", "Seen"]

Actions = Literal["hybrid", "discrete"]

DECISIONS = ("offload", "frames", "resolution", "power", "frequency")  # of a chunk, in the order of (34)

_DEVICE = ("most_power", "least_power", "most_frequency", "least_frequency", "battery", "harvest")


class Seen(NamedTuple):
    """What an observation says, in natural units.

    Attributes
    ----------
    slot
        Slot at hand from 0, int64, shape [B]; 0 in the paper's observation, which does not say it.
    gain
        g of the slot, shape [B, A, K].
    battery, harvest
        b before the slot and E^up after it [J], shape [B, A].
    last_frames
        f of the slot before, 0 in the first and in the paper's observation, shape [B, A, K].
    estimate
        Estimated gain to the eavesdropper, shape [B, A, K]; 0 unless it is shown.
    """

    slot: np.ndarray
    gain: np.ndarray
    battery: np.ndarray
    harvest: np.ndarray
    last_frames: np.ndarray
    estimate: np.ndarray


@dataclass(frozen=True)
class Layout:
    """Rows and columns of observations and actions; A devices (the padding included), K chunks of a slot.

    ``action`` [A, 5 K], chunk by chunk what (34) lists: x, f, r, p, c
        - hybrid, numbers of [-1, 1]: the chunk is requested to be offloaded where the first is above 0; the others go from least to
          most in a straight line, f to the nearest integer.
        - discrete, integers from 0: no or yes, the frame rates one by one, and `levels` steps of r, p and c, evenly spaced with
          both ends.
    ``mask`` [A]
        Whether there is a device and its episode goes on.
    ``agents`` [A, F], all of [0, 1]
        - paper: P_max and P_min over the law's largest P_max, C_max and C_min likewise, battery over capacity, the harvest to come
          after the slot over the law's largest; g of each chunk over the law's largest (32).
        - beside that, so that it is Markov: last frame rate of each chunk over f_max, 0 in the first slot; averages so far of the
          accuracy and of the smoothness of each chunk, from what they can be at least to at most, 0 in the first slot.
        - with see_eve: estimated gain to the eavesdropper of each chunk over what it can be at most.
    ``shared`` [G], of [0, 1]
        1 for the bandwidth (32), which is the same everywhere; beside the paper's the part of the slots that is over.

    Of an episode that has ended all is 0.

    Attributes
    ----------
    devices, chunks
        A and K.
    paper_obs
        Whether only what the paper lists is shown.
    see_eve
        Whether the estimates are shown: an information class of its own.
    """

    devices: int
    chunks: int
    paper_obs: bool = False
    see_eve: bool = False

    @classmethod
    def of(cls, static: dict[str, np.ndarray], *, paper_obs: bool = False, see_eve: bool = False) -> Layout:
        """Layout of the task that gave this `static`."""
        return cls(static["most_power"].shape[1], int(static["chunks"][0]), paper_obs, see_eve)

    @property
    def agent_features(self) -> tuple[str, ...]:
        """Columns of a device's row."""
        blocks = ["gain", *(() if self.paper_obs else ("last_frames", "accuracy", "smoothness")), *(("estimate",) if self.see_eve else ())]
        return (*_DEVICE, *(f"{block}_{k}" for block in blocks for k in range(self.chunks)))

    @property
    def shared_features(self) -> tuple[str, ...]:
        """Columns of the shared block."""
        return ("bandwidth",) if self.paper_obs else ("bandwidth", "progress")

    def column(self, name: str) -> int:
        """Column of a feature of a device that has no chunks."""
        return _DEVICE.index(name)

    def block(self, name: str) -> slice:
        """Columns of a feature of chunks."""
        first = self.agent_features.index(f"{name}_0")
        return slice(first, first + self.chunks)

    def see(self, observation: Observation, static: dict[str, np.ndarray]) -> Seen:
        """What an observation says, in natural units.

        Parameters
        ----------
        observation
            Of the task.
        static
            What the task told before the first step.
        """
        agents = observation["agents"]
        slots = np.zeros(len(agents)) if self.paper_obs else observation["shared"][:, 1] * static["slots"]
        law = {name: static[name][:, None, None] for name in ("gain_law", "eavesdropper_gain_law", "estimate_error", "most_frames")}
        nothing = np.zeros((*agents.shape[:2], self.chunks))
        return Seen(
            slot=np.rint(slots).astype(np.int64),
            gain=agents[..., self.block("gain")] * law["gain_law"],
            battery=agents[..., self.column("battery")] * static["capacity"][:, None],
            harvest=agents[..., self.column("harvest")] * static["harvest_law"][:, None],
            last_frames=nothing if self.paper_obs else agents[..., self.block("last_frames")] * law["most_frames"],
            estimate=agents[..., self.block("estimate")] * (law["eavesdropper_gain_law"] + law["estimate_error"])
            if self.see_eve
            else nothing,
        )

    def ask(self, decisions: Decisions, static: dict[str, np.ndarray]) -> np.ndarray:
        """Hybrid action that asks for some decisions, which lie in their bounds; shape [B, A, 5 K].

        Parameters
        ----------
        decisions
            Of the slot at hand.
        static
            What the task told before the first step.
        """
        parts = [np.where(decisions.offload, 1.0, -1.0)]
        for name in DECISIONS[1:]:
            values = getattr(decisions, name)
            least, most = static[f"least_{name}"][:, None, None], static[f"most_{name}"]
            most = most[..., None] if most.ndim == 2 else most[:, None, None]
            room = most > least  # padding has none
            parts.append(2.0 * np.clip(np.divide(values - least, most - least, out=np.zeros(values.shape), where=room), 0.0, 1.0) - 1.0)
        action = np.stack(parts, axis=-1)
        return action.reshape(*action.shape[:2], -1)
