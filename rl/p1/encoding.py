"""What the networks see of P1's task: the graph as a slot begins, and beside it what concerns the task that is asked.

The graph of nodes and layers (section 3.1) is that of s(t), from which the paper decides a whole slot. What the answers
of the slot have left since then reaches the network with the edges from the asked task's node to every node.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import ASKED, NODE_FEATURES, SHARED_FEATURES, TASK_FEATURES, Layout
from mecbench.problems.task import Observation
from mecbench.rl.p1.outlook import Outlook, best_share

__all__ = ["CONTEXT", "EDGES", "GRAPH", "LAYERS", "NODES", "TASKS", "Encoder", "Shows", "features"]

Shows = Literal["paper", "extended"]
"""What edges and context tell: links and what is left, or also what it would cost to finish and how many tasks are to come."""

NODES = len(NODE_FEATURES)
"""Features of a node, as the task shows them."""

TASKS = 4
"""Features that all layers of a task share: whether there is one, slots left, seconds left, its source's capacity."""

LAYERS = 4
"""Features of a layer alone: its work and output, whether it is done, whether it is next."""

EDGES = {"paper": 6, "extended": 13}
"""Features of the edge from the asked task's node to a node."""

CONTEXT = {"paper": 0, "extended": 14}
"""Features of the answer that is asked for, whatever the node."""

GRAPH = ("nodes", "link", "tasks", "places", "profile")
"""Of what is seen, what stays as it is throughout a slot."""

GIGA = 1e9
_CYCLES, _BITS = 4.5e8, 1e6  # units of work and output
_RATE = 4e7  # unit of rates [bit/s]
_UNLINKED = 1.0  # time that stands for no link [s]; links take less by far


def features(shows: Shows) -> tuple[int, int]:
    """Number of features of an edge and of the context."""
    return EDGES[shows], CONTEXT[shows]


class Encoder:
    """Turns observations of a batch of episodes into what the networks see; it remembers how each slot began.

    Parameters
    ----------
    static
        What `Task.static` gives.
    layout
        Of the task.
    shows
        What edges and context tell.
    ahead
        Whether to estimate what shares are worth and what is left of the tasks will cost; see `Outlook`.
    """

    def __init__(self, static: dict[str, np.ndarray], layout: Layout, shows: Shows, ahead: bool) -> None:
        self._layout, self._shows = layout, shows
        self._link = static["link"]
        rows = len(self._link)
        bits = np.concatenate((static["input_bits"][:, None], static["layer_bits"]), axis=1)
        self._bits, self._rate = bits.astype(float), static["rate"]
        self._cycles = static["layer_cycles"].astype(float)
        self._total = np.concatenate((np.zeros((rows, 1)), np.cumsum(self._cycles, axis=1)), axis=1)
        self._frequency = static["frequency"]
        self._hop_weight = static["energy_weight"] * static["transmission_power"] + static["delay_weight"]
        # Weighted energy and time of a gigacycle at one per cent: a block costs W (energy x^2 + time / x).
        speed = self._frequency / 100.0
        self._energy = static["energy_weight"][:, None] * static["energy_coefficient"] * GIGA * speed**2
        self._time = static["delay_weight"][:, None] * GIGA / speed
        self._penalty, self._deadline = static["penalty"], static["deadline"]
        self._slots = static["slots"]
        self._arrivals_each = static["arrival_rate"] * (layout.nodes - 1)
        rest = (self._total[:, -1:] - self._total) / GIGA
        self._outlook = Outlook(static, layout, self._energy, self._time, rest) if ahead else None
        self._best = best_share(self._energy, self._time)
        server = np.arange(layout.nodes) == SERVER
        self._server, self._reach = np.broadcast_to(server, self._energy.shape), self._link[:, :, SERVER] | server
        onward = bits[:, None] / self._rate[:, :, SERVER, None]  # [B, M, L + 1]
        self._onward = np.where(server[:, None], 0.0, np.where(self._reach[..., None], onward, _UNLINKED))
        outputs = np.stack((self._cycles / _CYCLES, bits[:, 1:] / _BITS), axis=-1)
        self._profile = outputs.astype(np.float32)
        self._slot = np.full(rows, -1)
        self._width = 0
        self._graph: dict[str, np.ndarray] = {}
        self._place = np.zeros((rows, 0), dtype=np.int64)

    def see(self, observation: Observation) -> dict[str, np.ndarray]:
        """What the networks see; rows of episodes that are over keep the graph of their last slot.

        Returns
        -------
        dict
            Of B episodes with M nodes, L layers, at most W tasks in a slot and at most K nodes that are open to a task:

            - ``nodes`` [B, M, 7], ``link`` [B, M, M], ``tasks`` [B, W, 4], ``places`` [B, W, 3] (source, node, layers done) and
              ``profile`` [B, L, 2] are the graph as the slot began.
            - ``asked`` [B] is the row of the asked task, ``offered`` [B, K] are the nodes where an answer is admissible, then others.
            - ``edges`` [B, K, E] and ``context`` [B, C] describe what it may do there; ``mask`` [B, K, L + 2] is the task's.
            - ``prices`` [B, K, 4]: the hop's cost, energy and time of a gigacycle at one per cent, and what a share is worth to others.
            - ``work`` [B, L]: gigacycles up to the end of each layer; ``future`` [B, K, L + 1]: what all that is left then will cost.
            - ``fresh`` [B] says whether the slot has just begun.
        """
        slot = observation["shared"][:, SHARED_FEATURES.index("slot")].astype(np.int64)
        fresh = (slot != self._slot) & (observation["phase"] == ASKED)
        self._slot[fresh] = slot[fresh]
        if fresh.any():
            self._begin(observation, fresh)
        rows = np.arange(len(slot))
        asked = observation["agents"][rows, observation["asked"]]
        node, done = (asked[:, TASK_FEATURES.index(name)].astype(np.int64) for name in ("node", "layers_done"))
        hop = self._hop(rows, node, done)
        work = np.maximum(self._total[:, 1:] - self._total[rows, done][:, None], 0.0) / GIGA
        prices = np.stack((np.where(np.isfinite(hop), hop, 0.0) * self._hop_weight[:, None], self._energy, self._time), axis=-1)
        toll, future = self._prospects(observation, asked)
        prices = np.concatenate((prices, toll[..., None]), axis=-1)
        edges, context = self._describe(observation, asked, node, done, hop, prices, work)
        mask = observation["mask"]
        open_ = (mask[..., 0] > 0) | (mask[..., 1:-1] > 0).any(axis=2)
        offered = np.argsort(~open_, axis=1, kind="stable")[:, : max(1, int(open_.sum(axis=1).max()))]
        at = rows[:, None], offered
        return self._graph | {
            "asked": self._place[rows, observation["asked"]],
            "offered": offered,
            "edges": edges[at].astype(np.float32),
            "context": context.astype(np.float32),
            "mask": mask[at],
            "prices": prices[at].astype(np.float32),
            "work": work.astype(np.float32),
            "future": future[at].astype(np.float32),
            "fresh": fresh,
        }

    def _hop(self, rows: np.ndarray, node: np.ndarray, done: np.ndarray) -> np.ndarray:
        """Seconds of the asked task's hop to every node, infinite without a link; shape [B, M]."""
        seconds = self._bits[rows, done][:, None] / self._rate[rows, node]
        seconds[rows, node] = 0.0
        linked = self._link[rows, node]
        linked[rows, node] = True
        found: np.ndarray = np.where(linked, seconds, np.inf)
        return found

    def _prospects(self, observation: Observation, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Outlook.look`; without an outlook shares are worth nothing, and nothing costs anything but to be out of slots."""
        if self._outlook is not None:
            return self._outlook.look(observation, asked)
        shape = len(asked), self._layout.nodes, self._layout.layers + 1
        future = np.broadcast_to(np.where(asked[:, TASK_FEATURES.index("slots_left")] > 1, 0.0, self._penalty)[:, None, None], shape).copy()
        future[..., -1] = 0.0
        return np.zeros(shape[:2]), future

    def _begin(self, observation: Observation, fresh: np.ndarray) -> None:
        """Note how a slot begins in some episodes."""
        agents = observation["agents"]
        active = agents[..., TASK_FEATURES.index("active")] > 0
        width = max(self._width, int(active.sum(axis=1).max()))
        if not self._graph or width > self._width or agents.shape[1] > self._place.shape[1]:
            self._widen(observation, width)
        rows, number = np.nonzero(active & fresh[:, None])
        place = np.cumsum(active, axis=1)[rows, number] - 1
        self._place[fresh] = 0
        self._place[rows, number] = place
        graph = self._graph
        graph["nodes"][fresh] = observation["nodes"][fresh, :, :NODES]
        graph["tasks"][fresh] = 0.0
        graph["places"][fresh] = 0
        told = agents[rows, number]
        source, node, done, slots, seconds = (
            told[:, TASK_FEATURES.index(name)] for name in ("source", "node", "layers_done", "slots_left", "seconds_left")
        )
        capacity = self._frequency[rows, source.astype(np.int64)] / GIGA
        graph["tasks"][rows, place] = np.stack(
            (np.ones(rows.size), slots / self._layout.window, seconds / self._deadline[rows], capacity), axis=-1
        )
        graph["places"][rows, place] = np.stack((source, node, done), axis=-1)

    def _widen(self, observation: Observation, width: int) -> None:
        """Make room for more tasks at once."""
        count = len(self._slot)
        grown: dict[str, np.ndarray] = {
            "nodes": np.zeros((count, self._layout.nodes, NODES), dtype=np.float32),
            "link": self._link.astype(np.float32),
            "tasks": np.zeros((count, width, TASKS), dtype=np.float32),
            "places": np.zeros((count, width, 3), dtype=np.int16),
            "profile": self._profile,
        }
        place = np.zeros((count, observation["agents"].shape[1]), dtype=np.int64)
        for name, held in self._graph.items():
            grown[name][:, : held.shape[1]] = held
        place[:, : self._place.shape[1]] = self._place
        self._graph, self._place, self._width = grown, place, width

    def _describe(
        self,
        observation: Observation,
        asked: np.ndarray,
        node: np.ndarray,
        done: np.ndarray,
        hop: np.ndarray,
        prices: np.ndarray,
        work: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Edges [B, M, E] and context [B, C]."""
        layout, rows = self._layout, np.arange(len(node))
        free_hops = observation["shared"][:, SHARED_FEATURES.index("free_hops")]
        free = observation["nodes"][..., NODE_FEATURES.index("free")]
        nodes = np.arange(layout.nodes)
        stays = nodes == node[:, None]
        linked = np.isfinite(hop)
        rate = np.where(linked & ~stays, self._rate[rows, node] / _RATE, 0.0)
        seconds = np.where(linked, hop, _UNLINKED)
        edges = np.stack((stays, linked, rate, 10.0 * seconds, free, np.broadcast_to(free_hops[:, None], free.shape)), axis=-1)
        if self._shows == "paper":
            return edges, np.zeros((len(node), 0))

        mask = observation["mask"]
        least, most = mask[..., layout.layers].astype(float), mask[..., -1].astype(float)
        rest = work[:, -1:]
        share = np.clip(self._best, np.maximum(least, 1.0), np.maximum(most, 1.0))
        finishing = prices[..., 0] + rest * (self._energy * share**2 + self._time / share)
        finishing = np.where(least > 0, np.minimum(finishing, self._penalty[:, None]), self._penalty[:, None])
        more = (
            mask[..., 0] > 0,
            least > 0,
            least / 100.0,
            np.log1p(10.0 * finishing) / 4.0,
            self._reach,
            10.0 * self._onward[rows, :, done],
            self._server,
        )
        return np.concatenate((edges, np.stack(more, axis=-1)), axis=-1), self._ahead(
            observation, asked, free[:, SERVER], free_hops, rest[:, 0]
        )

    def _ahead(self, observation: Observation, asked: np.ndarray, free: np.ndarray, free_hops: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Context: where the asked task is, how many others there are or are to be expected, what of server and hops is left for each."""
        layout, agents = self._layout, observation["agents"]
        columns = {name: agents[..., TASK_FEATURES.index(name)] for name in ("active", "due", "slots_left")}
        active = columns["active"] > 0
        due = active & (columns["due"] > 0)
        urgent = due & (columns["slots_left"] <= 1)
        slot = observation["shared"][:, SHARED_FEATURES.index("slot")]
        arrival_slots = self._slots - layout.window + 1
        expected = self._arrivals_each * np.maximum(arrival_slots - 1 - slot, 0)
        number, waiting, late = due.sum(axis=1), (active & ~due).sum(axis=1), urgent.sum(axis=1)
        later = np.maximum(self._slots - 1 - slot, 0)
        own = asked[:, TASK_FEATURES.index("slots_left")]
        each = np.maximum(number, 1)
        everybody = each + waiting + expected
        return np.stack(
            (
                own / layout.window,
                own <= 1,
                asked[:, TASK_FEATURES.index("layers_done")] / layout.layers,
                rest,
                asked[:, TASK_FEATURES.index("seconds_left")] / self._deadline,
                later / self._slots,
                np.log1p(number),
                np.log1p(waiting),
                np.log1p(late),
                np.log1p(expected),
                np.minimum((free + later) / everybody, 1.0),
                np.minimum(free / each, 1.0),
                np.minimum(free_hops / each, 1.0),
                np.minimum((free_hops + later) / everybody, 1.0),
            ),
            axis=-1,
        )
