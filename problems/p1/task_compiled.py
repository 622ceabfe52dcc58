"""What the task does at every answer, compiled: what is admissible, what follows, and showing it.

Numba compiles on first use and keeps the result on disk. `layout.Layout` says where everything stands. Episode b asks task
``state.asked[b]`` in slot ``state.slot[b]``; once it is over, it asks task -1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.p1.instance import TIME_TOLERANCE
from mecbench.problems.p1.programme import least_share
from mecbench.problems.p1.tables import ROUNDING
from mecbench.problems.p1.worlds import Worlds

__all__ = ["Answers", "State", "begin", "follow", "read", "show"]

TOLERANCE = TIME_TOLERANCE + ROUNDING  # so that no plan that an evaluator accepts is refused


class State(NamedTuple):
    """Where B episodes stand; M nodes, Q tasks, K slots of a window. Written by `begin` and `follow`.

    Attributes
    ----------
    slot, asked
        int64, shape [B].
    free, last_load
        What is left of each node in this slot, and what the last one used [%], int64, shape [B, M].
    taken, free_hops
        Subcarriers in use, bool, shape [B, S + 1], and number of the others, int64, shape [B].
    active
        Whether a task has layers and slots left, released or not, bool, shape [B, Q].
    lost
        Whether it has run out of slots, bool, shape [B, Q].
    node, layers
        Where it is and how many of its layers are done, int64, shape [B, Q].
    seconds
        Of its hops and blocks so far [s], shape [B, Q].
    mask
        Of what is asked, as `layout.Layout` says; old where the episode is over; uint8, shape [B, M, L + 2].
    plan
        Node, layers done, share and subcarrier in each slot of the window; what is still to come stays as it is; int64,
        shape [4, B, Q, K].
    """

    slot: np.ndarray
    asked: np.ndarray
    free: np.ndarray
    last_load: np.ndarray
    taken: np.ndarray
    free_hops: np.ndarray
    active: np.ndarray
    lost: np.ndarray
    node: np.ndarray
    layers: np.ndarray
    seconds: np.ndarray
    mask: np.ndarray
    plan: np.ndarray


class Answers(NamedTuple):
    """Answers of B episodes as they are taken; 0 where the episode is over.

    Attributes
    ----------
    node, end, share, subcarrier
        Node and layers done after the answer, share, subcarrier; int64, shape [B].
    cycles, hop_time
        Work of the block [cycle] and time of the hop [s], shape [B].
    hop
        Whether there is one, bool, shape [B].
    refused
        Whether the answer was not admissible, so that the task idles, bool, shape [B].
    """

    node: np.ndarray
    end: np.ndarray
    share: np.ndarray
    subcarrier: np.ndarray
    cycles: np.ndarray
    hop_time: np.ndarray
    hop: np.ndarray
    refused: np.ndarray


@njit(cache=True, error_model="numpy")
def _least(cycles: float, speed: float, seconds: float, free: int) -> int:
    """Least share of what is free that computes within a time, 0 if there is none."""
    if cycles > speed * free * (seconds + TOLERANCE):  # spares the search; the tolerance is on the safe side
        return 0
    least = least_share(cycles, speed, seconds)
    return least if least <= free else 0


@njit(cache=True, error_model="numpy")
def _admit(worlds: Worlds, state: State, b: int) -> None:
    """Write the mask of what is asked."""
    q, mask, free, speed, cycles = state.asked[b], state.mask[b], state.free[b], worlds.speed[b], worlds.cycles[b]
    layers = cycles.shape[0] - 1
    n, behind = state.node[b, q], state.layers[b, q]
    last, may_hop = state.slot[b] - worlds.release[b, q] == worlds.window - 1, state.free_hops[b] > 0
    hop_time, slot_seconds = worlds.hop_time[b, behind, n], worlds.slot_seconds[b] + TOLERANCE
    left, fastest = worlds.deadline[b] + TOLERANCE - state.seconds[b, q], worlds.fastest[b]
    for m in range(free.size):
        for column in range(layers + 2):
            mask[m, column] = 0
        hop = hop_time[m]
        if m != n and not (may_hop and hop < np.inf and hop <= slot_seconds):
            continue
        # What the deadline leaves after the hop if all remaining layers run on the fastest node.
        mask[m, 0] = m == n or (not last and left - hop - cycles[behind, layers] / fastest >= 0.0)
        mask[m, layers + 1] = free[m]
        for j in range(layers if last else behind + 1, layers + 1):
            seconds = min(left - hop - cycles[j, layers] / fastest, slot_seconds - hop)
            mask[m, j] = _least(cycles[behind, j], speed[m], seconds, free[m])


@njit(cache=True, error_model="numpy")
def _open(worlds: Worlds, state: State, b: int) -> None:
    """Make the nodes and subcarriers of a slot free."""
    for w in range(state.taken.shape[1]):
        state.taken[b, w] = False
    state.free_hops[b] = worlds.subcarriers[b]
    for m in range(state.free.shape[1]):
        state.free[b, m] = worlds.availability[b, m, state.slot[b]]


@njit(cache=True, error_model="numpy")
def _next(worlds: Worlds, state: State, b: int) -> None:
    """Ask the next task: in this slot, or else in the next slot in which one is active."""
    q = state.asked[b] + 1
    while True:
        while q < worlds.tasks[b] and worlds.release[b, q] <= state.slot[b]:
            if state.active[b, q]:
                state.asked[b] = q
                _admit(worlds, state, b)
                return
            q += 1
        for m in range(state.free.shape[1]):
            state.last_load[b, m] = worlds.availability[b, m, state.slot[b]] - state.free[b, m]
        state.slot[b] += 1
        if state.slot[b] == worlds.slots[b]:
            state.asked[b] = -1
            return
        _open(worlds, state, b)
        q = 0


@njit(cache=True, error_model="numpy")
def begin(worlds: Worlds, state: State) -> None:
    """Ask the first task of every episode; the state is of zeros, tasks that exist active, tasks and plans at their sources."""
    for b in range(state.slot.size):
        state.asked[b] = -1
        _open(worlds, state, b)
        _next(worlds, state, b)


@njit(cache=True, error_model="numpy")
def read(worlds: Worlds, state: State, action: np.ndarray, answers: Answers) -> bool:
    """Read answers; one that is not admissible idles.

    Parameters
    ----------
    action
        m, j, x and w of each episode, int64, shape [B, 4].
    answers
        Written; of zeros.

    Returns
    -------
    bool
        Whether every number is one that the instance has.
    """
    layers = worlds.cycles.shape[1] - 1
    for b in range(action.shape[0]):
        q = state.asked[b]
        if q < 0:
            continue
        m, j, x, w = action[b, 0], action[b, 1], action[b, 2], action[b, 3]
        if not (0 <= m < state.free.shape[1] and 0 <= j <= layers and 0 <= x <= 100 and 0 <= w <= worlds.subcarriers[b]):
            return False
        n, behind = state.node[b, q], state.layers[b, q]
        least = state.mask[b, m, j]
        good = least > 0 and (j == 0 or least <= x <= state.free[b, m]) and not (m != n and state.taken[b, w])  # number 0 never is
        answers.node[b], answers.end[b] = n, behind
        answers.refused[b] = not good
        if not good:
            continue
        answers.node[b] = m
        if j > 0:
            answers.end[b], answers.share[b], answers.cycles[b] = j, x, worlds.cycles[b, behind, j]
        if m != n:
            if w == 0:
                w = 1
                while state.taken[b, w]:
                    w += 1
            answers.hop[b], answers.subcarrier[b], answers.hop_time[b] = True, w, worlds.hop_time[b, behind, n, m]
    return True


@njit(cache=True, error_model="numpy")
def follow(
    worlds: Worlds, state: State, answers: Answers, seconds: np.ndarray, done: np.ndarray, lost: np.ndarray, nodes: np.ndarray
) -> None:
    """Take the answers and ask the next tasks.

    Parameters
    ----------
    seconds
        Of each answer's hop and block [s], shape [B].
    done, lost
        Written: whether the task of each episode has just been completed or lost, bool, shape [B].
    nodes
        Written: number of distinct nodes that ran a block of the completed task, int64, shape [B].
    """
    layers, window = worlds.cycles.shape[1] - 1, worlds.window
    for b in range(state.slot.size):
        q = state.asked[b]
        done[b] = lost[b] = False
        if q < 0:
            continue
        k = state.slot[b] - worlds.release[b, q]
        m, w = answers.node[b], answers.subcarrier[b]
        if w > 0:
            state.taken[b, w] = True
            state.free_hops[b] -= 1
        state.free[b, m] -= answers.share[b]
        state.node[b, q], state.layers[b, q] = m, answers.end[b]
        state.seconds[b, q] += seconds[b]
        for later in range(k, window):
            state.plan[0, b, q, later], state.plan[1, b, q, later] = m, answers.end[b]
        state.plan[2, b, q, k], state.plan[3, b, q, k] = answers.share[b], w
        done[b] = answers.end[b] == layers
        lost[b] = not done[b] and k == window - 1
        if done[b]:
            nodes[b] = 0
            for i in range(window):
                new = state.plan[2, b, q, i] > 0
                for before in range(i):
                    if state.plan[2, b, q, before] > 0 and state.plan[0, b, q, before] == state.plan[0, b, q, i]:
                        new = False
                nodes[b] += new
        if done[b] or lost[b]:
            state.active[b, q], state.lost[b, q] = False, lost[b]
        _next(worlds, state, b)


@njit(cache=True, error_model="numpy")
def show(
    worlds: Worlds,
    state: State,
    fixed: np.ndarray,
    ahead: int,
    phase: np.ndarray,
    asked: np.ndarray,
    mask: np.ndarray,
    nodes: np.ndarray,
    agents: np.ndarray,
    shared: np.ndarray,
) -> None:
    """Fill what is observed, of zeros so far.

    Parameters
    ----------
    fixed
        What is always shown of the nodes and the instances: f / 10 GHz, whether it is the server, distance to it [100 m], and
        lambda; shape [B, M, 4].
    ahead
        Number of coming slots whose availability is shown.
    phase, asked, mask, nodes, agents, shared
        Written, as `layout.Layout` says.
    """
    count, nodes_each, _ = mask.shape
    for b in range(count):
        q = state.asked[b]
        if q < 0:
            continue
        phase[b], asked[b] = 1, q
        t = state.slot[b]
        for m in range(nodes_each):
            for column in range(mask.shape[2]):
                mask[b, m, column] = state.mask[b, m, column]
            nodes[b, m, 0], nodes[b, m, 1], nodes[b, m, 5] = fixed[b, m, 0], fixed[b, m, 1], fixed[b, m, 2]
            nodes[b, m, 2] = worlds.availability[b, m, t] / 100.0
            nodes[b, m, 3] = state.free[b, m] / 100.0
            nodes[b, m, 4] = state.last_load[b, m] / 100.0
            for later in range(1, ahead + 1):
                if t + later < worlds.slots[b]:
                    nodes[b, m, 6 + later] = worlds.availability[b, m, t + later] / 100.0
        active = 0
        for task in range(worlds.tasks[b]):
            if worlds.release[b, task] > t:
                break
            if not state.active[b, task]:
                continue
            active += 1
            at = state.node[b, task]
            nodes[b, at, 6] += 1.0
            agents[b, task, 0], agents[b, task, 1] = 1.0, task >= q
            agents[b, task, 2], agents[b, task, 3], agents[b, task, 4] = worlds.source[b, task], at, state.layers[b, task]
            agents[b, task, 5] = worlds.window - t + worlds.release[b, task]
            agents[b, task, 6] = max(worlds.deadline[b] - state.seconds[b, task], 0.0)
        shared[b, 0], shared[b, 1] = t, state.free_hops[b] / worlds.subcarriers[b]
        shared[b, 2], shared[b, 3] = active, fixed[b, 0, 3]
