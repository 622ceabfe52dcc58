"""Choice of the count to branch on: what a solution of the master leaves fractional, and what branches on it have gained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.rows import Row
from mecbench.solvers.p1.master import Master, Side
from mecbench.solvers.p1.pool import Pool

__all__ = ["Candidate", "Gains", "candidates"]

USED = 1e-9  # weight of a column that counts
FRACTIONAL = 1e-4  # from an integer, from which on a count is open
LEAST_GAIN = 1e-3  # of the mean, so that products tell


class Candidate(NamedTuple):
    """A count that is not integer.

    Attributes
    ----------
    row, value
        What is counted, and how many the master takes.
    """

    row: Row
    value: float

    @property
    def limit(self) -> int:
        """Of the side below."""
        return int(np.floor(self.value))

    @property
    def balance(self) -> float:
        """Distance to the nearer integer."""
        return min(self.value - self.limit, self.limit + 1 - self.value)


def candidates(pool: Pool, master: Master, sides: tuple[Side, ...] = ()) -> list[Candidate]:
    """Counts that the last solution of a master leaves open, those of all groups first.

    Parameters
    ----------
    pool, master
        The columns, and the master over them.
    sides
        Where the master is; what it keeps to them only in part is no candidate again.
    """
    instance, tables = pool.instance, pool.tables
    groups, slots, layers = tables.size.size, instance.slots, instance.layers
    used = np.flatnonzero(master.weights > USED)
    # Where layers run, as differences between one and the next; the first entry counts blocks.
    run, hop = np.zeros((groups, instance.nodes, slots, layers + 2)), np.zeros((groups, slots))
    block = np.zeros(run.shape[:3])
    if used.size:
        group, plan = np.array([pool.group[c] for c in used.tolist()]), np.array([pool.plan[c] for c in used.tolist()])
        slot = tables.release[group][:, None] + np.arange(instance.window)
        node, end = plan[:, 0], plan[:, 1]
        before = np.concatenate((np.zeros_like(end[:, :1]), end[:, :-1]), axis=1)
        hops = node != np.concatenate((tables.source[group][:, None], node[:, :-1]), axis=1)
        where, weight = np.broadcast_to(group[:, None], slot.shape), np.broadcast_to(master.weights[used][:, None], slot.shape)
        ran = plan[:, 2] > 0
        np.add.at(block, (where[ran], node[ran], slot[ran]), weight[ran])
        np.add.at(run, (where[ran], node[ran], slot[ran], before[ran] + 1), weight[ran])
        np.add.at(run, (where[ran], node[ran], slot[ran], end[ran] + 1), -weight[ran])
        np.add.at(hop, (where[hops], slot[hops]), weight[hops])
    # Layers that run together are one candidate, in the name of the heaviest.
    heaviest = np.argsort(-instance.layer_cycles, kind="stable")
    ran_layers = run[..., :-1].cumsum(axis=-1)[..., 1:][..., heaviest]
    found = [Candidate(Row(counts="hops", slot=t), value) for t, value in _open(hop.sum(axis=0))]
    if _open(master.failures.sum(keepdims=True)):
        found.append(Candidate(Row(counts="failures"), float(master.failures.sum())))
    found += [Candidate(Row(counts="failures", group=g), value) for g, value in _open(master.failures)]
    for at, value in _open(block[:, SERVER].sum(axis=0)):
        found.append(Candidate(Row(counts="blocks", node=SERVER, slot=at), value))
    for (t,), layer, value in _layers(ran_layers[:, SERVER].sum(axis=0), block[:, SERVER].sum(axis=0)):
        found.append(Candidate(Row(counts="blocks", node=SERVER, slot=t, layer=int(heaviest[layer]) + 1), value))
    for at, value in _open(block):
        g, n, t = (int(index) for index in np.unravel_index(at, block.shape))
        found.append(Candidate(Row(counts="blocks", node=n, slot=t, group=g), value))
    for (g, n, t), layer, value in _layers(ran_layers, block):
        found.append(Candidate(Row(counts="blocks", node=n, slot=t, group=g, layer=int(heaviest[layer]) + 1), value))
    for at, value in _open(block.sum(axis=1)):
        found.append(Candidate(Row(counts="blocks", slot=at % slots, group=at // slots), value))
    for (g, t), layer, value in _layers(ran_layers.sum(axis=1), block.sum(axis=1)):
        found.append(Candidate(Row(counts="blocks", slot=t, group=g, layer=int(heaviest[layer]) + 1), value))
    found += [Candidate(Row(counts="hops", slot=at % slots, group=at // slots), value) for at, value in _open(hop)]
    decided = {(side.row, side.limit) for side in sides}
    return [candidate for candidate in found if (candidate.row, candidate.limit) not in decided]


def _layers(ran: np.ndarray, block: np.ndarray) -> Iterator[tuple[tuple[int, ...], int, float]]:
    """Open counts of layers, shape [..., L], but those that equal the count of blocks or of an earlier layer: place, layer, value."""
    fraction = np.abs(ran - np.round(ran)) > FRACTIONAL
    places = np.flatnonzero(fraction.any(axis=-1))
    shape, ran, known = block.shape, ran.reshape(-1, ran.shape[-1])[places], block.ravel()[places, None]
    for layer in range(ran.shape[1]):
        value = ran[:, layer]
        new = fraction.reshape(-1, ran.shape[1])[places, layer] & (np.abs(known - value[:, None]) > FRACTIONAL).all(axis=1)
        for i in np.flatnonzero(new).tolist():
            yield tuple(int(index) for index in np.unravel_index(places[i], shape)), layer, float(value[i])
        known = np.append(known, value[:, None], axis=1)


def _open(values: np.ndarray) -> list[tuple[int, float]]:
    """Flat places and values of what is not integer."""
    values = values.ravel()
    places = np.flatnonzero(np.abs(values - np.round(values)) > FRACTIONAL)
    return [(at, float(values[at])) for at in places.tolist()]


class Gains:
    """What branches on counts have gained per unit by which they moved them: pseudo-costs.

    A count without trials is judged by those of its kind.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, bool], list[float]] = {}

    @staticmethod
    def _kind(row: Row) -> str:
        return f"{row.counts} {row.node if row.node in (None, SERVER) else 'device'} {row.group is None} {row.layer is None}"

    def trials(self, row: Row) -> float:
        """How often a count was tried."""
        return min(self._known.get((row, below), [0.0, 0.0])[1] for below in (True, False))

    def learn(self, candidate: Candidate, below: bool, gain: float) -> None:
        """Take note of what a side of a branch gained."""
        moved = candidate.value - candidate.limit if below else candidate.limit + 1 - candidate.value
        for key in (candidate.row, self._kind(candidate.row), None):
            total = self._known.setdefault((key, below), [0.0, 0.0])
            total[0] += gain / moved
            total[1] += 1.0

    def score(self, candidate: Candidate) -> float:
        """Product of the expected gains of both sides."""
        product = 1.0
        for below in (True, False):
            known = (self._known.get((key, below)) for key in (candidate.row, self._kind(candidate.row), None))
            total = next((entry for entry in known if entry), [1.0, 1.0])
            moved = candidate.value - candidate.limit if below else candidate.limit + 1 - candidate.value
            product *= max(total[0] / total[1] * moved, 1e-9)
        return product
