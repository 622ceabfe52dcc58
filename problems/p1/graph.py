"""The graph of the paper's section 3.1: compute nodes, the layers of all tasks, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mecbench.problems.p1.layout import TASK_FEATURES, Layout
from mecbench.problems.task import Observation

__all__ = ["LAYER_FEATURES", "Graph", "graph"]

LAYER_FEATURES = ("cycles", "bits", "done", "next", "slots_left", "time_left", "source_frequency")
_CYCLES, _BITS = 4.5e8, 1e6  # units of what is shown of the layers [cycle] and [bit]


@dataclass(frozen=True, eq=False)
class Graph:
    """V_alpha and V_beta with what links them, in B episodes: M compute nodes, W tasks of L layers.

    Rows of tasks that are not active are 0, and their layers have no edges.

    Attributes
    ----------
    node_features
        Of the compute nodes, as ``nodes`` of the layout, shape [B, M, F].
    layer_features
        C / 4.5e8 and O / 1e6 of each layer, whether it is done, whether it is the next, slots and seconds left as parts of K and T,
        f / 10 GHz of the source; shape [B, W, L, 7].
    link, rate
        E_alpha: whether there is a link, bool, and its feature rate [bit/s], 0 without one; shape [B, M, M].
    active
        Whether a row of tasks is one, bool, shape [B, W]; E_beta joins layers i and i + 1 of each.
    source, holder, following
        E_alpha-beta: a task's source, joined with its layer 1, and the node that holds it, joined with its next layer, which is
        layer ``following + 1``; int64, shape [B, W].
    """

    node_features: np.ndarray
    layer_features: np.ndarray
    link: np.ndarray
    rate: np.ndarray
    active: np.ndarray
    source: np.ndarray
    holder: np.ndarray
    following: np.ndarray

    def adjacency(self) -> np.ndarray:
        """D^-1/2 (A + I) D^-1/2 of the union graph, as eq. (11) needs it; shape [B, M + W L, M + W L].

        Compute nodes come first, then layers by task. A is symmetric, of zeros and ones. The paper gives it the dimensions
        |V_alpha| x |V_beta|, which (11) cannot use.
        """
        count, nodes, _ = self.node_features.shape
        tasks, layers = self.layer_features.shape[1:3]
        whole = np.zeros((count, nodes + tasks * layers, nodes + tasks * layers))
        whole[:, :nodes, :nodes] = self.link
        row, task = np.nonzero(self.active)
        first = nodes + task * layers
        for layer in range(layers - 1):
            whole[row, first + layer, first + layer + 1] = 1.0
        whole[row, self.source[row, task], first] = 1.0
        whole[row, self.holder[row, task], first + self.following[row, task]] = 1.0
        whole = np.maximum(whole, whole.swapaxes(1, 2))
        whole += np.eye(whole.shape[1])
        scale = whole.sum(axis=2) ** -0.5
        normalised: np.ndarray = scale[:, :, None] * whole * scale[:, None]
        return normalised


def graph(static: dict[str, np.ndarray], observation: Observation) -> Graph:
    """Graph of what is observed.

    Parameters
    ----------
    static
        What `Task.static` gives.
    observation
        Of the same episodes.
    """
    column = {name: observation["agents"][..., index] for index, name in enumerate(TASK_FEATURES)}
    active = column["active"] > 0
    source, holder, following = (column[name].astype(np.int64) for name in ("source", "node", "layers_done"))
    layer = np.arange(Layout.of(static).layers)
    frequency = observation["nodes"][..., 0]
    each = np.broadcast_arrays(
        static["layer_cycles"][:, None] / _CYCLES,
        static["layer_bits"][:, None] / _BITS,
        layer < following[..., None],
        layer == following[..., None],
        (column["slots_left"] / static["window"][:, None])[..., None],
        (column["seconds_left"] / static["deadline"][:, None])[..., None],
        np.take_along_axis(frequency, source, axis=1)[..., None],
    )
    return Graph(
        node_features=observation["nodes"],
        layer_features=np.stack(each, axis=-1) * active[..., None, None],
        link=static["link"],
        rate=np.where(static["link"], static["rate"], 0.0),
        active=active,
        source=source,
        holder=holder,
        following=following,
    )
