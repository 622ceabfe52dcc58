"""Selfish devices that count on equal shares: best responses until nobody gains by another choice, an equilibrium of every epoch.

What a device expects of an edge depends on how many are there and on nothing else about them, so an epoch is a congestion game with
payoffs of the players' own, which has an equilibrium: Milchtaich, "Congestion games with player-specific payoff functions" (1996). If
devices foresaw the max-min fair shares there need be none; at 240 devices and 11 edges best responses to these go on for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from mecbench.problems.p_edge.system import Attachment, Options, all_local
from mecbench.problems.p_marl import Instance
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p_marl.rules import Rule

__all__ = ["BestResponse", "algorithms", "equilibrium"]


@dataclass
class BestResponse(Rule):
    """An equilibrium of the epoch at equal shares, switch cost included; nobody looks beyond it."""

    name: ClassVar[str] = "best-response"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"

    def _decide(self, world: Instance, choices: Options) -> Attachment:
        return equilibrium(choices, world.multiprocessors)


def equilibrium(choices: Options, multiprocessors: int) -> Attachment:
    """Decisions from which no device alone gains if an edge with c devices gives each floor(L / c) multiprocessors.

    Devices enter one after the other, those that lose most by staying local first, and take what is best for them. Only the edge that
    somebody entered can then be too full for somebody, who leaves for what is best for it; the others are where they were, with as many
    beside them. These chains end (Milchtaich, Theorem 2).

    Parameters
    ----------
    choices
        Options of all devices.
    multiprocessors
        L of every edge.
    """
    devices, edges, groups = choices.fixed.shape
    shared, every = np.broadcast_to(choices.shared, choices.fixed.shape), np.arange(devices)

    @cache
    def table(part: int) -> tuple[np.ndarray, np.ndarray]:
        """Cost and cut of the best option of each device on each edge at so many multiprocessors, shape [M, N]."""
        if part == 0:
            return np.full((devices, edges), np.inf), np.zeros((devices, edges), dtype=np.int64)
        paid = choices.fixed + shared / part
        return paid.min(axis=2), paid.argmin(axis=2)

    edge, _ = all_local(devices, groups)
    count = np.zeros(edges, dtype=np.int64)
    # What each device pays if it is local, and if it is one more on each edge.
    entering = np.column_stack((choices.local, table(multiprocessors)[0]))
    staying = np.column_stack((choices.local, np.full((devices, edges), np.inf)))

    def move(device: int, to: int) -> None:
        for n, change in ((int(edge[device]), -1), (to, 1)):
            if n:
                count[n - 1] += change
                entering[:, n] = table(multiprocessors // (count[n - 1] + 1))[0][:, n - 1]
                staying[:, n] = table(multiprocessors // max(1, count[n - 1]))[0][:, n - 1]
        edge[device] = to

    for entrant in np.argsort(-choices.local, kind="stable").tolist():
        device = entrant
        while True:
            target = int(entering[device].argmin())
            move(device, target)
            there = np.flatnonzero(edge == target) if target else every[:0]
            gains = np.flatnonzero(entering[there].min(axis=1) < staying[there, target])
            if not gains.size:
                break
            device = int(there[gains[0]])
    part = np.where(edge > 0, multiprocessors // np.maximum(count, 1)[edge - 1], 0)
    cut = [table(int(part[m]))[1][m, edge[m] - 1] if edge[m] else groups for m in every]
    return Attachment(edge, np.array(cut, dtype=np.int64))


algorithms = (BestResponse,)
