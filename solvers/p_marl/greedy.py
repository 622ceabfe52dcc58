"""The central greedy (GRD): devices, those that lose most by staying local first, take what is best at equal shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mecbench.problems.p_edge.system import Attachment, Options, all_local
from mecbench.problems.p_marl import Instance
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p_marl.rules import Rule

__all__ = ["Greedy", "algorithms", "greedy"]

SWEEPS = 4


@dataclass
class Greedy(Rule):
    """All start local; in each of four sweeps every device leaves its edge and takes the best option at an equal part of an edge."""

    name: ClassVar[str] = "greedy"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"

    def _decide(self, world: Instance, choices: Options) -> Attachment:
        return greedy(choices, world.multiprocessors)


def greedy(choices: Options, multiprocessors: int) -> Attachment:
    """Decisions of GRD.

    In descending order of local cost each device takes the argmin over local and all (n, k) of a + b / floor(L / (count_n + 1)),
    count_n being the others on edge n; ties go to local, then to the lowest edge and cut. An edge with as many others as
    multiprocessors takes nobody.

    Parameters
    ----------
    choices
        Options of all devices.
    multiprocessors
        L of every edge.
    """
    devices, edges, groups = choices.fixed.shape
    shared = np.broadcast_to(choices.shared, choices.fixed.shape)
    edge, cut = all_local(devices, groups)
    count = np.zeros(edges + 1, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        for device in np.tile(np.argsort(-choices.local, kind="stable"), SWEEPS).tolist():
            count[edge[device]] -= 1
            part = multiprocessors // (count[1:] + 1)
            paid = np.where(part[:, None] > 0, choices.fixed[device] + shared[device] / part[:, None], np.inf)
            best = int(paid.argmin())
            attached = paid.flat[best] < choices.local[device]
            edge[device], cut[device] = (best // groups + 1, best % groups) if attached else (0, groups)
            count[edge[device]] += 1
    return Attachment(edge, cut)


algorithms = (Greedy,)
