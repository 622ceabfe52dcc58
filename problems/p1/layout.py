"""Where everything stands in the observations and actions of P1's task: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mecbench.problems.task import Observation

__all__ = ["ASKED", "LARGEST_SHARE", "NODE_FEATURES", "OVER", "SHARED_FEATURES", "TASK_FEATURES", "Layout"]

OVER, ASKED = 0, 1
"""Phases: the episode is over and waits for others, or a task is asked."""

LARGEST_SHARE = 100

NODE_FEATURES = ("frequency", "server", "available", "free", "last_load", "distance", "tasks")
TASK_FEATURES = ("active", "due", "source", "node", "layers_done", "slots_left", "seconds_left")
SHARED_FEATURES = ("slot", "free_hops", "active", "arrival_rate")


@dataclass(frozen=True)
class Layout:
    """Rows and columns of observations and actions; M nodes, L layers, K slots of a window.

    In each slot the active tasks are asked one at a time, those with fewer slots left first, equal ones by number. An answer moves
    the task to a linked node or not, and then runs a block of layers there or not. What a phase does not show is 0.

    ``action`` [4], integers
        - m, the node in 0..M-1; the task's own node for no hop.
        - j, the layers done after the block, 1..L; 0 for no block: the task idles where it is, or is relayed.
        - x, share of the node that runs the block, 1..100; not read without a block.
        - w, subcarrier of the hop, 1..S; 0 for the lowest free one, as all are alike; not read without a hop.
    ``phase``
        `ASKED`, or `OVER` once the episode has ended: then all else is 0 and the action is not read.
    ``asked``
        Row of the asked task in ``agents``.
    ``mask`` [M, L + 2], uint8
        - column 0: whether the answer of no block there is admissible; idling always is.
        - column j in 1..L: least admissible share of a block that ends after layer j, 0 if there is none.
        - column L + 1: largest admissible share of any block there.
    ``nodes`` [M, 7], or [M, 7 + K - 1] with forecast
        f / 10 GHz, whether it is the server, its availability in this slot, what of that is left, what was used in the last slot
        (each a part of the full node), its distance to the server [100 m], the number of active tasks that it holds; with forecast
        the availability in each of the next K - 1 slots, 0 beyond the horizon.
    ``agents`` [W, 7]
        Of each task so far, by number: whether it is active (released, with layers and slots left), whether it is still to answer
        in this slot, its source, node and layers done, the slots of its window that are left, this one included, and the seconds
        that its deadline leaves. Rows of tasks that are not active are 0. W grows with the arrivals unless the width of the task
        says more, so that it tells nothing of coming ones.
    ``shared`` [4]
        Slot, free subcarriers as a part of S, number of active tasks, lambda.
    """

    nodes: int
    layers: int
    window: int
    forecast: bool = False

    @classmethod
    def of(cls, static: dict[str, np.ndarray], forecast: bool = False) -> Layout:
        """Layout of the task that gave this `static`."""
        return cls(static["frequency"].shape[1], static["layer_cycles"].shape[1], int(static["window"][0]), forecast)

    @property
    def node_features(self) -> tuple[str, ...]:
        """Columns of ``nodes``."""
        ahead = range(1, self.window) if self.forecast else ()
        return (*NODE_FEATURES, *(f"available_{slots}_later" for slots in ahead))

    @property
    def admissible(self) -> int:
        """Columns of the mask."""
        return self.layers + 2

    def asked(self, observation: Observation) -> np.ndarray:
        """Row of the asked task of each episode, shape [B, 7]; zeros where the episode is over."""
        return observation["agents"][np.arange(len(observation["asked"])), observation["asked"]]

    def empty(self, observation: Observation) -> np.ndarray:
        """Action that idles: no hop, no block, shape [B, 4]."""
        action = np.zeros((len(observation["asked"]), 4), dtype=np.int64)
        action[:, 0] = self.asked(observation)[:, TASK_FEATURES.index("node")]
        return action

    def empty_mask(self, observation: Observation) -> np.ndarray:
        """Whether the answer of no block is admissible at each node, bool, shape [B, M]."""
        mask: np.ndarray = observation["mask"][..., 0] > 0
        return mask

    def block_mask(self, observation: Observation) -> np.ndarray:
        """Whether each (node, end layer, share) is admissible, bool, shape [B, M, L, 100]; index 0 is layer 1 and share 1."""
        least, largest = observation["mask"][..., 1:-1, None], observation["mask"][..., -1, None, None]
        share = np.arange(1, LARGEST_SHARE + 1, dtype=np.uint8)
        mask: np.ndarray = (least > 0) & (share >= least) & (share <= largest)
        return mask

    def availability(self, observation: Observation) -> np.ndarray:
        """Availability of the nodes in this slot and, with forecast, the next K - 1 [%], int64, shape [B, M, 1 or K]."""
        nodes = observation["nodes"]
        now = NODE_FEATURES.index("available")
        shown = np.concatenate((nodes[..., now : now + 1], nodes[..., len(NODE_FEATURES) :]), axis=-1)
        return np.rint(shown * LARGEST_SHARE).astype(np.int64)

    def free(self, observation: Observation) -> np.ndarray:
        """What this slot's answers have left of each node [%], int64, shape [B, M]."""
        return np.rint(observation["nodes"][..., NODE_FEATURES.index("free")] * LARGEST_SHARE).astype(np.int64)
