"""Graph convolutions (11) over the nodes of the system and the layers of its tasks, for NumPy and PyTorch alike.

The union graph has M nodes of the system and L layers of each of W tasks. Its edges are the links between nodes, those from a
layer to the next, from a task's node to its next layer and from its source to its first. Next to nothing of its square matrix is
filled, so it is kept and multiplied as a sparse one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mecbench.rl.p1.encoding import GRAPH, LAYERS, NODES, TASKS

if TYPE_CHECKING:
    from mecbench.rl.p1.graph_compiled import Matrix

__all__ = ["FEATURES", "Detail", "Graph", "Norm", "convolve", "shapes", "statistics", "union"]

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


class Graph(NamedTuple):
    """G graphs side by side, ready for any weights; those of a `Union`.

    Attributes
    ----------
    mixed
        A X (11), features of all vertices among their neighbours, shape [V, F].
    whole, ends
        Matrices.
    place
        Row of each task in ``ends``, shape [G, W].
    nodes
        M.
    """

    mixed: Any
    whole: Matrix
    ends: Matrix
    place: Any
    nodes: int


def union(array: Any, seen: Mapping[str, Any], detail: Detail, depth: int) -> Graph:
    """Graphs of slots.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    seen
        What `Encoder.see` gives, of which only the graph is read; arrays of that module.
    detail
        With ``"tasks"``, what stands for a task has the work of all layers that are left.
    depth
        How many convolutions follow; a single one needs the rows of ``ends`` alone.
    """
    from mecbench.rl.p1.graph_compiled import Matrix, build, multiply

    parts = [np.ascontiguousarray(seen[name], np.int64 if name == "places" else np.float32) for name in GRAPH]
    features, whole, ends, place = build(*parts, detail == "layers")
    matrices = Matrix(*whole), Matrix(*ends)
    mixed = multiply(matrices[depth == 1], features)
    if array is not np:
        mixed, place = array.from_numpy(mixed), array.from_numpy(place)
    return Graph(mixed, *matrices, place, parts[0].shape[1])


def convolve(array: Any, weights: Mapping[str, Any], graph: Graph, norm: Norm, batch: dict[str, Any] | None = None) -> Any:
    """Features of the nodes [G, M, F], and of them and the layers that tasks run next [R, F], after all convolutions.

    Each is followed by ReLU and normalisation. In the last one only these rows are computed; `Graph.place` tells which are the tasks'.

    Parameters
    ----------
    array, weights
        The module, and its arrays by name as `shapes` and `statistics` list them.
    graph
        Of `union`, for as many convolutions as there are.
    norm
        What follows each convolution.
    batch
        Filled with means and variances of this batch, by which it is normalised then instead of by those in the weights.
    """
    depth = sum(name.startswith("convolution_") for name in weights)
    rows = graph.mixed
    for turn in range(depth):
        if turn:
            rows = _product(array, graph.ends if turn == depth - 1 else graph.whole, rows)
        rows = array.clip(rows @ weights[f"convolution_{turn}"], 0, None)
        if norm == "layer":
            rows = _by_row(rows, weights[f"scale_{turn}"], weights[f"shift_{turn}"])
        elif norm == "batch":
            factor, shift = _by_batch(weights, turn, rows, batch)
            rows = rows * factor + shift
    nodes = rows[: len(graph.place) * graph.nodes]
    return nodes.reshape(-1, graph.nodes, nodes.shape[1]), rows


def _product(array: Any, matrix: Matrix, rows: Any) -> Any:
    """Matrix times rows, with its gradient."""
    from mecbench.rl.p1.graph_compiled import multiply

    return multiply(matrix, rows) if array is np else _differentiable().apply(rows, matrix)


@cache
def _differentiable() -> Any:
    """The product as a function of PyTorch, made at its first use."""
    import torch

    from mecbench.rl.p1.graph_compiled import multiply, multiply_transposed

    class Product(torch.autograd.Function):
        """Rows times a matrix that is not learned."""

        @staticmethod
        def forward(context: Any, rows: Any, matrix: Matrix) -> Any:
            context.matrix, context.vertices = matrix, len(rows)
            return torch.from_numpy(multiply(matrix, rows.detach().numpy()))

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return torch.from_numpy(multiply_transposed(context.matrix, gradient.contiguous().numpy(), context.vertices)), None

    return Product


def _by_row(rows: Any, scale: Any, shift: Any) -> Any:
    """Layer normalisation; `scale` is what is added to 1."""
    mean = rows.mean(-1)
    factor = _inverse_root((rows * rows).mean(-1) - mean * mean)
    return (rows * factor[..., None] - (mean * factor)[..., None]) * (1.0 + scale) + shift


def _by_batch(weights: Mapping[str, Any], turn: int, rows: Any, batch: dict[str, Any] | None) -> tuple[Any, Any]:
    """Factor and summand of batch normalisation."""
    names = f"running_mean_{turn}", f"running_variance_{turn}"
    if batch is None:
        mean, variance = weights[names[0]], weights[names[1]]
    else:
        mean = rows.mean(0)
        variance = (rows * rows).mean(0) - mean * mean
        batch |= {names[0]: mean, names[1]: variance}
    factor = (1.0 + weights[f"scale_{turn}"]) * _inverse_root(variance)
    return factor, weights[f"shift_{turn}"] - mean * factor


def _inverse_root(variance: Any) -> Any:
    """Of a variance that rounding may have made slightly negative."""
    return (variance * (variance > 0) + _SMALL) ** -0.5
