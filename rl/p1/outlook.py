"""What is left of the tasks will cost about so much: an estimate in closed form, causal, with which learned values begin.

The server's slots to come are shared equally by all tasks that are there or to be expected, which tells what a share of it is worth. A task
goes on where it is or at the server, whichever is cheaper.
"""

from __future__ import annotations

import numpy as np

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import NODE_FEATURES, SHARED_FEATURES, TASK_FEATURES, Layout
from mecbench.problems.task import Observation

__all__ = ["Outlook", "best_share"]

WAITING = 1.2  # what is put off costs more than planned, as a rule; chosen on validation instances
_NOTHING = 1e-9  # bits and seconds in place of none, as there may be no link and no speed


def best_share(energy: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Share at which a gigacycle costs least, of its weighted energy and time at one per cent; infinite where energy is free."""
    with np.errstate(divide="ignore"):
        best: np.ndarray = np.where(energy > 0, (time / (2.0 * energy)) ** (1 / 3), np.inf)
    return best


class Outlook:
    """Estimates for a batch of episodes.

    Parameters
    ----------
    static
        What `Task.static` gives.
    layout
        Of the task.
    energy, time
        Weighted energy and time of a gigacycle at one per cent of each node, shape [B, M].
    rest
        Gigacycles left after l = 0..L layers, shape [B, L + 1].
    """

    def __init__(self, static: dict[str, np.ndarray], layout: Layout, energy: np.ndarray, time: np.ndarray, rest: np.ndarray) -> None:
        self._window, self._penalty, self._slots = layout.window, static["penalty"], static["slots"]
        self._arrivals_each = static["arrival_rate"] * (layout.nodes - 1)
        link, rate = static["link"], static["rate"]
        with np.errstate(divide="ignore"):
            direct = np.where(link[:, :, SERVER], 1.0 / rate[:, :, SERVER], np.inf)
            between = np.where(link, 1.0 / rate, np.inf)
        direct[:, SERVER] = 0.0
        relayed = (between + direct[:, None]).min(axis=2)
        bits = np.concatenate((static["input_bits"][:, None], static["layer_bits"]), axis=1)
        weight = static["energy_weight"] * static["transmission_power"] + static["delay_weight"]
        each = weight[:, None, None] * np.maximum(bits, _NOTHING)[:, None]
        self._sent = each * direct[..., None], each * np.minimum(direct, relayed)[..., None]  # [B, M, L + 1], one slot or more to go
        self._server_time, self._whole = time[:, SERVER], rest[:, 0]
        self._rest, self._energy, self._time = rest[:, None], energy[..., None], time[..., None]
        # Shares on other nodes: at least cost, at most what is available in the mean, enough to be in time in one second.
        self._best = best_share(self._energy, self._time)
        self._most = (100 + static["least_availability"])[:, None, None] / 2.0
        self._one_second = self._rest / (static["frequency"][..., None] / 1e11)

    def look(self, observation: Observation, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a share of each node is worth to others [B, M], and what all tasks will cost if the asked one stands after l layers at each.

        Parameters
        ----------
        observation
            Of the task.
        asked
            Of `Layout.asked`.

        Returns
        -------
        tuple
            Shapes [B, M] and [B, M, L + 1]; a task that is out of slots pays the penalty.
        """
        told = {name: asked[:, TASK_FEATURES.index(name), None, None] for name in ("slots_left", "seconds_left")}
        penalty = self._penalty[:, None, None]
        crowd, active, room = self._demand(observation)
        worth = self._server_time * self._whole / np.clip(100.0 * room / crowd, 1.0, 100.0) ** 2
        at_server = 2.0 * np.sqrt((self._server_time * worth)[:, None, None] * self._rest)
        direct, any_way = self._sent
        least = self._one_second / np.maximum(told["seconds_left"], _NOTHING)
        used = np.clip(np.maximum(self._best, least), 1.0, self._most)
        staying = np.where(least <= self._most, self._rest * (self._energy * used**2 + self._time / used), np.inf)
        staying[:, SERVER] = np.inf
        going = at_server + np.where(told["slots_left"] > 2, any_way, direct)
        own = np.where(told["slots_left"] > 1, np.minimum(np.minimum(WAITING * going, staying), penalty), penalty)
        own[..., -1] = 0.0
        toll = np.zeros(own.shape[:2])
        toll[:, SERVER] = worth
        # One more task costs twice what it pays for itself, as it slows all others; those cost what they would among themselves.
        alone = 0.5 * at_server * ((crowd - 1.0) / crowd)[:, None, None] + any_way
        others = self._others(observation, asked, np.minimum(alone, penalty), crowd - active)
        return toll, own + others[:, None, None]

    @staticmethod
    def _others(observation: Observation, asked: np.ndarray, cost: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """What all tasks but the asked one will cost, shape [B].

        Parameters
        ----------
        cost
            Of a task from each node after l layers, shape [B, M, L + 1].
        expected
            Number of tasks to come, shape [B].
        """
        rows = np.arange(len(asked))
        columns = [TASK_FEATURES.index(name) for name in ("node", "layers_done")]
        node, done = observation["agents"][..., columns].astype(np.int64).transpose(2, 0, 1)
        own = asked[:, columns].astype(np.int64).T
        held = (cost[rows[:, None], node, done] * observation["agents"][..., TASK_FEATURES.index("active")]).sum(axis=1)
        others: np.ndarray = held - cost[rows, *own] + expected * cost[:, 1:, 0].mean(axis=1)
        return others

    def _demand(self, observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many tasks there are or are to be expected, how many there are, and what is left of the server [slots]; shape [B]."""
        slot = observation["shared"][:, SHARED_FEATURES.index("slot")]
        active = observation["agents"][..., TASK_FEATURES.index("active")].sum(axis=1)
        expected = self._arrivals_each * np.maximum(self._slots - self._window - slot, 0)
        free = observation["nodes"][:, SERVER, NODE_FEATURES.index("free")]
        return np.maximum(active + expected, 1.0), active, free + np.maximum(self._slots - 1 - slot, 0)
