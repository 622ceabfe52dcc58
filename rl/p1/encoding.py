"""What the networks see of P1's task: the graph as a slot begins, and beside it what concerns the task that is asked.

The graph of nodes and layers (section 3.1) is that of s(t), from which the paper decides a whole slot. What the answers
of the slot have left since then reaches the network with the edges from the asked task's node to every node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from mecbench.problems.p1.layout import ASKED, NODE_FEATURES, SHARED_FEATURES, TASK_FEATURES, Layout
from mecbench.problems.task import Observation
from mecbench.solvers.p1.answers import GIGA, Charges
from mecbench.solvers.p1.outlook import Estimate, best_share

if TYPE_CHECKING:
    from mecbench.rl.p1.encoding_compiled import Shown

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

_CYCLES, _BITS = 4.5e8, 1e6  # units of work and output


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
        Whether to estimate what shares are worth and what is left of the tasks will cost; see `Estimate`.
    """

    def __init__(self, static: dict[str, np.ndarray], layout: Layout, shows: Shows, ahead: bool) -> None:
        from mecbench.rl.p1.encoding_compiled import Known

        self._layout, self._shows, rows = layout, shows, len(static["link"])
        charges = Charges(static)
        self._estimate = Estimate(static, layout, charges) if ahead else None
        self._known = Known(
            window=layout.window,
            link=static["link"],
            rate=static["rate"],
            bits=charges.bits,
            total=charges.total / GIGA,
            energy=charges.energy,
            time=charges.time,
            best=best_share(charges.energy, charges.time),
            hop_weight=charges.hop_weight,
            penalty=static["penalty"],
            deadline=static["deadline"],
            slots=static["slots"],
            arrivals=static["arrival_rate"] * (layout.nodes - 1),
        )
        self._frequency = static["frequency"]
        self._profile = np.stack((static["layer_cycles"] / _CYCLES, charges.bits[:, 1:] / _BITS), axis=-1).astype(np.float32)
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
        from mecbench.rl.p1.encoding_compiled import count_offered, describe

        slot = observation["shared"][:, SHARED_FEATURES.index("slot")].astype(np.int64)
        fresh = (slot != self._slot) & (observation["phase"] == ASKED)
        if fresh.any():
            self._slot[fresh] = slot[fresh]
            self._begin(observation, fresh)
        parts = tuple(observation[name] for name in ("asked", "mask", "nodes", "agents", "shared"))
        shown = self._room(count_offered(observation["mask"]))
        describe(self._known, *parts, *self._prospects(observation), shown)
        asked = self._place[np.arange(len(slot)), observation["asked"]]
        return self._graph | shown._asdict() | {"asked": asked, "fresh": fresh}

    def _room(self, offered: int) -> Shown:
        """Where what is seen of answers at so many nodes is written to."""
        from mecbench.rl.p1.encoding_compiled import Shown

        rows, layers, (edges, context) = len(self._slot), self._layout.layers, features(self._shows)
        return Shown(
            offered=np.empty((rows, offered), dtype=np.int64),
            edges=np.empty((rows, offered, edges), dtype=np.float32),
            context=np.empty((rows, context), dtype=np.float32),
            mask=np.empty((rows, offered, layers + 2), dtype=np.uint8),
            prices=np.empty((rows, offered, 4), dtype=np.float32),
            work=np.empty((rows, layers), dtype=np.float32),
            future=np.empty((rows, offered, layers + 1), dtype=np.float32),
        )

    def _prospects(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """As `Estimate.look`; without an estimate shares are worth nothing, and nothing costs anything but to be out of slots."""
        layout, asked = self._layout, self._layout.asked(observation)
        if self._estimate is not None:
            return self._estimate.look(observation, asked)
        future = np.zeros((len(asked), layout.nodes, layout.layers + 1))
        late = asked[:, TASK_FEATURES.index("slots_left")] <= 1
        future[late, :, :-1] = self._known.penalty[late, None, None]
        return np.zeros(future.shape[:2]), future

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
            (np.ones(rows.size), slots / self._layout.window, seconds / self._known.deadline[rows], capacity), axis=-1
        )
        graph["places"][rows, place] = np.stack((source, node, done), axis=-1)

    def _widen(self, observation: Observation, width: int) -> None:
        """Make room for more tasks at once."""
        count = len(self._slot)
        grown: dict[str, np.ndarray] = {
            "nodes": np.zeros((count, self._layout.nodes, NODES), dtype=np.float32),
            "link": self._known.link.astype(np.float32),
            "tasks": np.zeros((count, width, TASKS), dtype=np.float32),
            "places": np.zeros((count, width, 3), dtype=np.int16),
            "profile": self._profile,
        }
        place = np.zeros((count, observation["agents"].shape[1]), dtype=np.int64)
        for name, held in self._graph.items():
            grown[name][:, : held.shape[1]] = held
        place[:, : self._place.shape[1]] = self._place
        self._graph, self._place, self._width = grown, place, width
