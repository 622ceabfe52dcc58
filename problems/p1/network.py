"""P1 as a flow problem over discretised decisions: arcs, their costs, and the sparse rows that join them.

Each task sends one unit through layers ``before(k, l, n) -> ready(k, l, m) -> before(k + 1, j, m)``: an arc that stays or
hops, then one that idles or runs a block with one of the integer shares, to the end of layer L; or along a single arc that
fails. Rows keep the flow, the capacities of nodes and subcarriers, and the deadlines. All variables are binary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse

from mecbench.problems.p1.instance import TIME_TOLERANCE, Instance
from mecbench.problems.p1.physics import computation_energy, computation_time, computing_rate, cost, transmission_energy
from mecbench.problems.p1.plans import assign_subcarriers
from mecbench.problems.p1.solution import Solution

__all__ = ["Arcs", "Network", "flow", "network", "read", "size"]

FAIL, MOVE, WORK = 0, 1, 2  # kinds of arcs: give up; stay or hop; idle or run a block


class Arcs(NamedTuple):
    """The variables; A arcs, int64 except `time` and `cost`, shape [A] each.

    Attributes
    ----------
    kind
        ``FAIL``, ``MOVE`` or ``WORK``.
    task, k
        Task and slot of its window.
    done, end
        Layers done before and after; equal on moves.
    node, target
        Node before and after; equal on work.
    share
        Of a block [%], else 0.
    time, cost
        Seconds, and summand of the objective.
    """

    kind: np.ndarray
    task: np.ndarray
    k: np.ndarray
    done: np.ndarray
    end: np.ndarray
    node: np.ndarray
    target: np.ndarray
    share: np.ndarray
    time: np.ndarray
    cost: np.ndarray

    def subset(self, places: np.ndarray) -> Arcs:
        """Some of the arcs, by a mask or by their places."""
        return Arcs(*(column[places] for column in self))


class Network(NamedTuple):
    """Minimise ``cost @ v`` over binary v with ``lower <= rows @ v <= upper``.

    Attributes
    ----------
    arcs
        The variables.
    rows
        Coefficients, compressed by columns, shape [R, A].
    lower, upper
        Shape [R]; minus or plus infinity where a row has one side.
    names
        Names of the rows, e.g. ``capacity_0_2``, for exported files.
    deadlines
        Rows that limit times, int64; their coefficients are seconds.
    """

    arcs: Arcs
    rows: sparse.csc_array
    lower: np.ndarray
    upper: np.ndarray
    names: list[str]
    deadlines: np.ndarray


def network(instance: Instance, kept: Callable[[Arcs], np.ndarray] | None = None) -> Network:
    """Network of an instance; arcs that alone take longer than the deadline or cost more than failing are left out.

    Parameters
    ----------
    instance
        The instance.
    kept
        Which of the arcs of one task to take, bool, shape [A]; all by default.
    """
    parts = []
    for q in range(instance.tasks):
        own = _arcs_of(instance, q)
        parts.append(own if kept is None else own.subset(kept(own)))
    arcs = Arcs(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return _rows(instance, arcs)


def size(instance: Instance) -> int:
    """Number of arcs of the whole network, told without holding it."""
    groups = instance.groups
    first = np.searchsorted(groups.of_task, np.arange(groups.size.size))
    return sum(int(number) * _arcs_of(instance, int(q)).kind.size for number, q in zip(groups.size, first, strict=True))


def read(instance: Instance, arcs: Arcs, values: np.ndarray) -> Solution:
    """Solution of a flow.

    Parameters
    ----------
    instance, arcs
        The instance and its arcs.
    values
        Values of the variables, shape [A]; rounded.
    """
    used = np.flatnonzero(np.round(values) > 0)
    fail = np.zeros(instance.tasks, dtype=bool)
    node = np.repeat(instance.source[:, None], instance.window, axis=1)
    layers, share = np.zeros(node.shape, dtype=np.int64), np.zeros(node.shape, dtype=np.int64)
    fail[arcs.task[used[arcs.kind[used] == FAIL]]] = True
    for a in used[np.argsort(arcs.k[used], kind="stable")]:
        if arcs.kind[a] != FAIL:
            q, k = arcs.task[a], arcs.k[a]
            node[q, k:], layers[q, k:] = arcs.target[a], arcs.end[a]
            share[q, k] = max(share[q, k], arcs.share[a])
    return Solution(fail=fail, node=node, layers_done=layers, share=share, subcarrier=assign_subcarriers(instance, node))


def flow(instance: Instance, arcs: Arcs, solution: Solution) -> np.ndarray:
    """Flow of a feasible solution, shape [A]; failed tasks take the arc that fails, whatever they have spent.

    Raises
    ------
    ValueError
        If the solution uses an arc that the network leaves out.
    """
    keys = _keys(instance, np.stack(arcs[:8]))
    order = np.argsort(keys)
    wanted = []
    for q in range(instance.tasks):
        if solution.fail[q]:
            wanted.append((FAIL, q, 0, 0, instance.layers, instance.source[q], instance.source[q], 0))
            continue
        done, n = 0, int(instance.source[q])
        for k in range(instance.window):
            if done == instance.layers:
                break
            m, end, x = (int(column[q, k]) for column in (solution.node, solution.layers_done, solution.share))
            wanted.append((MOVE, q, k, done, done, n, m, 0))
            wanted.append((WORK, q, k, done, end, m, m, x))
            done, n = end, m
    sought = _keys(instance, np.array(wanted, dtype=np.int64).T)
    place = order[np.minimum(np.searchsorted(keys, sought, sorter=order), order.size - 1)]
    if (keys[place] != sought).any():
        missing = wanted[int(np.flatnonzero(keys[place] != sought)[0])]
        raise ValueError(f"expected a solution within the network, found one with the arc {missing} that it leaves out")
    values = np.zeros(keys.size)
    values[place] = 1.0
    return values


def _keys(instance: Instance, arcs: np.ndarray) -> np.ndarray:
    """One integer per arc; the first eight columns of `Arcs`, shape [8, A] -> [A]."""
    layers, nodes = instance.layers + 1, instance.nodes
    sizes = (3, instance.tasks, instance.window, layers, layers, nodes, nodes, 101)
    return np.ravel_multi_index(tuple(arcs), sizes)


def _arcs_of(instance: Instance, q: int) -> Arcs:
    """Arcs of one task."""
    layers, window, source = instance.layers, instance.window, int(instance.source[q])
    slots = int(instance.release[q]) + np.arange(window)
    failing = (np.array([FAIL]), np.array([0]), np.array([0]), np.array([layers]), np.array([source]), np.array([source]), np.array([0]))

    # Moves: the first slot begins at the source with nothing done.
    possible = np.broadcast_to(np.isfinite(instance.hop_time[:layers]), (window, layers, instance.nodes, instance.nodes)).copy()
    possible[0, 1:] = False
    possible[0, 0, np.arange(instance.nodes) != source] = False
    k, done, node, target = np.nonzero(possible)
    moves = (np.full(k.size, MOVE), k, done, done, node, target, np.zeros(k.size, dtype=np.int64))

    # Blocks by share; in the last slot only those that end the task.
    share = np.arange(1, 101)
    available = instance.availability[:, slots].T[:, :, None] >= share  # [K, M, X]
    blocks = np.arange(layers + 1) > np.arange(layers)[:, None]  # [L, L + 1]
    offered = blocks[None, :, :, None, None] & available[:, None, None]
    offered[0, 1:] = False
    offered[-1, :, :layers] = False
    k, done, end, node, x = np.nonzero(offered)
    works = (np.full(k.size, WORK), k, done, end, node, node, x + 1)

    k, done, node = (grid.ravel() for grid in np.mgrid[: window - 1, :layers, : instance.nodes])
    first = (k > 0) | (done == 0)
    idle = (np.full(first.sum(), WORK), *(column[first] for column in (k, done, done, node, node)), np.zeros(first.sum(), dtype=np.int64))

    kind, k, done, end, node, target, x = (np.concatenate(column) for column in zip(failing, moves, works, idle, strict=True))
    time, price = _time_and_cost(instance, kind, done, end, node, target, x)
    kept = (time <= instance.deadline + TIME_TOLERANCE) & (price <= instance.penalty)
    return Arcs(kind, np.full(kind.size, q), k, done, end, node, target, x, time, price).subset(kept)


def _time_and_cost(
    instance: Instance, kind: np.ndarray, done: np.ndarray, end: np.ndarray, node: np.ndarray, target: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rate = computing_rate(instance.frequency[target], share)
    cycles = np.where(kind == WORK, instance.block_cycles[done, end], 0.0)
    sending = np.where(kind == MOVE, instance.hop_time[done, node, target], 0.0)
    time = sending + computation_time(cycles, rate)
    energy = transmission_energy(instance.transmission_power, sending)
    energy = energy + computation_energy(instance.energy_coefficient[target], cycles, rate)
    return time, np.where(kind == FAIL, instance.penalty, cost(instance.energy_weight, energy, instance.delay_weight, time))


def _rows(instance: Instance, arcs: Arcs) -> Network:
    nodes, layers, window, slots, tasks = instance.nodes, instance.layers, instance.window, instance.slots, instance.tasks
    place = np.arange(arcs.kind.size)
    slot = instance.release[arcs.task] + arcs.k
    hop = (arcs.kind == MOVE) & (arcs.node != arcs.target)

    # States, numbered (task, slot, side, layers, node); an arc leaves its tail and, unless it ends the task, enters its head.
    sizes = (tasks, window + 1, 2, layers, nodes)
    work = (arcs.kind == WORK).astype(np.int64)
    tail = np.ravel_multi_index((arcs.task, arcs.k, work, np.minimum(arcs.done, layers - 1), arcs.node), sizes)
    open_end = arcs.end < layers
    head = np.ravel_multi_index((arcs.task, arcs.k + work, 1 - work, np.where(open_end, arcs.end, 0), arcs.target), sizes)
    used, number = np.unique(np.concatenate((tail, head[open_end])), return_inverse=True)
    start = np.ravel_multi_index((np.arange(tasks), 0, 0, 0, instance.source), sizes)
    flow_entries = [(number[: place.size], place, np.ones(place.size)), (number[place.size :], place[open_end], -np.ones(open_end.sum()))]
    balance = np.isin(used, start).astype(float)
    names = [f"flow_{'_'.join(map(str, index))}" for index in zip(*(part.tolist() for part in np.unravel_index(used, sizes)), strict=True)]

    capacity, subcarriers = used.size, used.size + nodes * slots
    deadline = subcarriers + slots
    entries = [
        *flow_entries,
        (capacity + arcs.target * slots + slot, place, arcs.share.astype(float)),
        (subcarriers + slot[hop], place[hop], np.ones(hop.sum())),
        (deadline + arcs.task, place, arcs.time),
    ]
    upper = [balance, instance.availability.ravel(), np.full(slots, instance.subcarriers)]
    upper.append(np.full(tasks, instance.deadline + TIME_TOLERANCE))
    names += [f"capacity_{n}_{t}" for n in range(nodes) for t in range(slots)] + [f"subcarriers_{t}" for t in range(slots)]
    names += [f"deadline_{q}" for q in range(tasks)]
    if instance.slot_fit:
        entries.append((deadline + tasks + arcs.task * window + arcs.k, place, arcs.time))
        upper.append(np.full(tasks * window, instance.slot_seconds + TIME_TOLERANCE))
        names += [f"slot_fit_{q}_{k}" for q in range(tasks) for k in range(window)]
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    kept = value != 0.0
    limits = np.concatenate(upper).astype(float)
    rows = sparse.csc_array((value[kept], (row[kept], column[kept])), shape=(limits.size, place.size))
    lower = np.full(limits.size, -np.inf)
    lower[: used.size] = balance
    return Network(arcs, rows, lower, limits, names, np.arange(deadline, limits.size))
