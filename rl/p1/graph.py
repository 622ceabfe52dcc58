"""Graph convolutions (11) over the nodes of the system and the layers of its tasks, for NumPy and PyTorch alike.

The union graph has M nodes of the system and L layers of each of W tasks. Its edges are the links between nodes, those from a
layer to the next, from a task's node to its next layer and from its source to its first. Instead of the square matrix, of which
next to nothing is filled, its blocks are applied one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from mecbench.rl.p1.encoding import LAYERS, NODES, TASKS

__all__ = ["FEATURES", "Detail", "Norm", "blocks", "convolve", "shapes", "statistics"]

FEATURES = NODES + TASKS + LAYERS
"""Columns of X (11): those of nodes, then those of layers, 0 for the other kind."""

Detail = Literal["layers", "tasks"]
"""Whether every layer of a task is a vertex, as in the paper, or the layer that it runs next stands for the task."""

Norm = Literal["batch", "layer", "none"]
"""What follows each convolution: batch normalisation, as in the paper, layer normalisation, or nothing."""

_SMALL = 1e-5  # on top of variances


def shapes(widths: Sequence[int], norm: Norm) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights by name; `widths` are those of the hidden features (11), psi the matrices."""
    found: dict[str, tuple[int, ...]] = {}
    for turn, (inputs, outputs) in enumerate(pairwise((FEATURES, *widths))):
        found[f"convolution_{turn}"] = (inputs, outputs)
        if norm != "none":
            found |= {f"scale_{turn}": (outputs,), f"shift_{turn}": (outputs,)}
    return found


def statistics(widths: Sequence[int], norm: Norm) -> dict[str, tuple[int, ...]]:
    """Shapes of what batch normalisation knows of earlier batches, by name; it is not learned by gradients."""
    if norm != "batch":
        return {}
    return {f"running_{what}_{turn}": (width,) for turn, width in enumerate(widths) for what in ("mean", "variance")}


def blocks(array: Any, seen: Mapping[str, Any], detail: Detail) -> dict[str, Any]:
    """Features and blocks of the normalised adjacency of G graphs.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    seen
        What `Encoder.see` gives, of which only the graph is read; arrays of that module.
    detail
        With ``"tasks"``, L is 1 below; what stands for a task has the work of all layers that are left.

    Returns
    -------
    dict
        Features ``nodes`` [G, M, F] and ``layers`` [G, W, L, F]. Blocks, divided by the roots of both degrees: ``link`` [G, M, M] between
        nodes, ``cross`` [G, M, W L] between nodes and layers, ``chain`` [G, W, L, L] between the layers of a task, the first and the last
        with self-loops; and of the last two the rows of the layers that tasks run next, ``next_cross`` [G, W, M] and ``next_chain``
        [G, W, 1, L]. ``number`` is that of the tasks of each graph [G]. Where there is no task, all is 0.
    """
    link, tasks, profile = seen["link"], seen["tasks"], seen["profile"]
    source, place, done = (seen["places"][..., column] for column in range(3))
    there = tasks[..., :1]
    graphs, count = link.shape[:2]
    width, layers = tasks.shape[1], profile.shape[1]
    number = array.arange(layers)
    following = (number == done[..., None]) * there
    first = (number == 0) * there
    over = (number < done[..., None]) * there
    if detail == "layers":
        described = array.broadcast_to(profile[:, None], (graphs, width, layers, 2)) * there[..., None]
    else:
        left = ((there - over)[..., None] * profile[:, None]).sum(2)[:, :, None]
        held = (following[..., None] * profile[:, None]).sum(2)[:, :, None]
        described = array.concatenate((left[..., :1], held[..., 1:]), -1)
        over, first, following = over.mean(2)[..., None], following[..., :1], there
        layers, number = 1, number[:1]

    node = array.arange(count)[:, None]
    exists = there[..., 0][:, None]
    holds = ((node == place[:, None]) * exists)[..., None] * following[:, None]
    owns = ((node == source[:, None]) * exists)[..., None] * first[:, None]
    # One edge where the first layer is next and still at the source.
    cross = (holds + owns - holds * owns).reshape(graphs, count, width * layers)
    looped = array.where(node == node[:, 0], 1.0, link)
    # A layer's neighbours within its task: itself, the one before and the one after.
    near = ((number[:, None] - number) ** 2 <= 1) * there[..., None]
    root = (looped.sum(2) + cross.sum(2)) ** -0.5
    own = there * (near.sum(3) + cross.sum(1).reshape(graphs, width, layers) + (1.0 - there)) ** -0.5
    cross = cross * root[:, :, None] * own.reshape(graphs, 1, width * layers)
    chain = near * own[..., None] * own[:, :, None]
    alike = array.broadcast_to(tasks[:, :, None], (graphs, width, layers, TASKS))
    zero = array.zeros_like(link[:1, :1, :1])
    of_nodes = array.broadcast_to(zero[None], (graphs, width, layers, NODES))
    of_layers = array.broadcast_to(zero, (graphs, count, TASKS + LAYERS))
    return {
        "nodes": array.concatenate((seen["nodes"], of_layers), -1),
        "layers": array.concatenate((of_nodes, alike, described, over[..., None], following[..., None]), -1),
        "link": looped * root[:, :, None] * root[:, None],
        "cross": cross,
        "chain": chain,
        "next_cross": (cross.reshape(graphs, count, width, layers) * following[:, None]).sum(3).swapaxes(1, 2),
        "next_chain": (chain * following[..., None]).sum(2)[:, :, None],
        "number": there.sum((1, 2)),
    }


def convolve(array: Any, weights: Mapping[str, Any], graph: Mapping[str, Any], norm: Norm, batch: dict[str, Any] | None = None) -> Any:
    """Features of the nodes [G, M, F] and of the layer that each task runs next [G, W, F] after all convolutions.

    Each is followed by ReLU and normalisation. In the last one only the rows that are asked for are computed.

    Parameters
    ----------
    array, weights
        The module, and its arrays by name as `shapes` and `statistics` list them.
    graph
        Of `blocks`.
    norm
        What follows each convolution.
    batch
        Filled with means and variances of this batch, by which it is normalised then instead of by those in the weights.
    """
    nodes, layers = graph["nodes"], graph["layers"]
    graphs, width, length = layers.shape[:3]
    depth = sum(name.startswith("convolution_") for name in weights)
    across = graph["cross"].swapaxes(1, 2)
    for turn in range(depth):
        to_nodes = graph["link"] @ nodes + graph["cross"] @ layers.reshape(graphs, width * length, -1)
        last = turn == depth - 1
        if last:
            to_layers = (graph["next_chain"] @ layers)[:, :, 0] + graph["next_cross"] @ nodes
        else:
            to_layers = graph["chain"] @ layers + (across @ nodes).reshape(layers.shape)
        nodes, layers = (array.clip(rows @ weights[f"convolution_{turn}"], 0, None) for rows in (to_nodes, to_layers))
        if norm == "layer":
            nodes, layers = (_by_row(rows, weights[f"scale_{turn}"], weights[f"shift_{turn}"]) for rows in (nodes, layers))
        elif norm == "batch":
            number = graph["number"].sum() * (1 if last else length) + nodes.shape[0] * nodes.shape[1]
            factor, shift = _by_batch(weights, turn, nodes, layers, number, batch)
            nodes, layers = nodes * factor + shift, layers * factor + shift
    return nodes, layers


def _by_row(rows: Any, scale: Any, shift: Any) -> Any:
    """Layer normalisation; `scale` is what is added to 1."""
    mean = rows.mean(-1)
    factor = _inverse_root((rows * rows).mean(-1) - mean * mean)
    return (rows * factor[..., None] - (mean * factor)[..., None]) * (1.0 + scale) + shift


def _by_batch(weights: Mapping[str, Any], turn: int, nodes: Any, layers: Any, number: Any, batch: dict[str, Any] | None) -> tuple[Any, Any]:
    """Factor and summand of batch normalisation, over the rows that there are: before it, the others are 0."""
    names = f"running_mean_{turn}", f"running_variance_{turn}"
    if batch is None:
        mean, variance = weights[names[0]], weights[names[1]]
    else:
        parts = [rows.reshape(-1, rows.shape[-1]) for rows in (nodes, layers)]
        mean = sum(rows.sum(0) for rows in parts) / number
        variance = sum((rows * rows).sum(0) for rows in parts) / number - mean * mean
        batch |= {names[0]: mean, names[1]: variance}
    factor = (1.0 + weights[f"scale_{turn}"]) * _inverse_root(variance)
    return factor, weights[f"shift_{turn}"] - mean * factor


def _inverse_root(variance: Any) -> Any:
    """Of a variance that rounding may have made slightly negative."""
    return (variance * (variance > 0) + _SMALL) ** -0.5
