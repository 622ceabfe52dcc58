"""The master problem over whole plans of devices: share each device among its plans, at most one offload on a channel, by HiGHS."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["ChannelMaster", "Mixture"]

CROWDED = 1e3  # price of a channel at which more may offload than one, so that every case has a solution
MOST_NODES = 200  # of a choice in integers


class Mixture(NamedTuple):
    """Solution of a master problem.

    Attributes
    ----------
    value
        Of the linear programme.
    channel_price
        pi, shape [T, K].
    offload
        Mean of whether each chunk is offloaded, shape [N, T, K].
    chosen
        Offloads of the plan of most weight of each device, shape [N, T, K].
    crowded
        Whether a channel has more than one offload, or no choice was found in time.
    """

    value: float
    channel_price: np.ndarray
    offload: np.ndarray
    chosen: np.ndarray
    crowded: bool


class ChannelMaster:
    """The programme over all plans so far.

    Parameters
    ----------
    shape
        N, T and K.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        import highspy

        self._shape = devices, slots, chunks = shape
        self._highs = highs = highspy.Highs()
        highs.silent()
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("mip_rel_gap", 1e-8)
        highs.setOptionValue("mip_max_nodes", MOST_NODES)
        highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        above = np.ones(devices + slots * chunks)
        below = np.where(np.arange(above.size) < devices, 1.0, -highspy.kHighsInf)
        empty = np.zeros(0, dtype=np.int32)
        highs.addRows(above.size, below, above, 0, np.zeros(above.size, dtype=np.int32), empty, np.zeros(0))
        for sign in (-1.0, 1.0):  # a channel more, and one less
            for row in range(devices, above.size):
                highs.addCol(0.0, 0.0, 0.0, 1, np.array([row], dtype=np.int32), np.array([sign]))
        self._first = 2 * slots * chunks
        self._device: list[int] = []
        self._worth: list[float] = []
        self._offload: list[np.ndarray] = []
        self._place: dict[tuple[int, bytes], int] = {}

    def add(self, device: int, worth: float, offload: np.ndarray) -> bool:
        """Add a plan of a device, or what it is worth since it is better, and say whether it is new; offloads of shape [T, K]."""
        key = device, offload.tobytes()
        at = self._place.get(key)
        if at is not None:
            better = worth > self._worth[at] + 1e-12 * abs(worth)
            if better:
                self._worth[at] = worth
                self._highs.changeColCost(self._first + at, worth)
            return better
        used = np.flatnonzero(offload)
        rows = np.concatenate(([device], self._shape[0] + used)).astype(np.int32)
        self._place[key] = len(self._worth)
        self._highs.addCol(worth, 0.0, np.inf, rows.size, rows, np.ones(rows.size))
        self._device.append(device)
        self._worth.append(worth)
        self._offload.append(offload)
        return True

    def solve(
        self, owner: np.ndarray, box: tuple[np.ndarray, float] | None = None, whole: bool = False, time_limit: float = np.inf
    ) -> Mixture:
        """Solve in a case.

        Parameters
        ----------
        owner
            Where it has devices offload (1) or not (-1), int8, shape [N, T, K].
        box
            Prices of channels, shape [T, K], and how far from them others may lie.
        whole
            Whether each device must choose one plan.
        time_limit
            Seconds after which the best choice so far will do; a master problem counts them over all its solutions.
        """
        import highspy

        devices, slots, chunks = self._shape
        device, offload = np.array(self._device), np.array(self._offload)
        wanted = owner[device]
        allowed = ((wanted == 0) | ((wanted > 0) == offload)).all(axis=(1, 2))
        count, highs = device.size, self._highs
        index = np.arange(self._first, self._first + count, dtype=np.int32)
        highs.changeColsBounds(count, index, np.zeros(count), np.where(allowed, np.inf, 0.0))
        width = slots * chunks
        lowest, highest = np.zeros(width), np.full(width, CROWDED)
        if box is not None:
            lowest, highest = np.maximum(box[0].ravel() - box[1], 0.0), box[0].ravel() + box[1]
        sold = np.arange(2 * width, dtype=np.int32)
        highs.changeColsCost(2 * width, sold, np.concatenate((-highest, lowest)))
        highs.changeColsBounds(
            2 * width, sold, np.zeros(2 * width), np.concatenate((np.full(width, np.inf), np.where(lowest > 0.0, np.inf, 0.0)))
        )
        if whole:
            kind = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
            highs.changeColsIntegrality(count, index, kind)
        highs.setOptionValue("time_limit", time_limit)
        highs.run()
        solution = highs.getSolution()
        if whole:
            highs.changeColsIntegrality(count, index, np.zeros(count, dtype=np.uint8))
        weight = np.array(solution.col_value)
        used = np.flatnonzero(weight[self._first :] > 1e-9)
        mean = np.zeros(self._shape)
        np.add.at(mean, device[used], weight[self._first + used, None, None] * offload[used])
        chosen = [max(used[device[used] == n].tolist(), key=lambda i: weight[self._first + i], default=-1) for n in range(devices)]
        price = np.zeros(slots * chunks) if whole else np.maximum(np.array(solution.row_dual)[devices:], 0.0)
        return Mixture(
            float(highs.getInfo().objective_function_value),
            price.reshape(slots, chunks),
            mean,
            offload[chosen],
            bool(weight[: self._first].max(initial=0.0) > 1e-9) or -1 in chosen,
        )
