"""The graph convolution by blocks is the paper's over the union graph, in NumPy and PyTorch alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.rl.p1 import graph
from mecbench.rl.p1.encoding import GRAPH, NODES
from mecbench.rl.p1.graph_compiled import Matrix, build, multiply
from mecbench.rl.p1.hyperparameters import CERL_PRESETS


def square(world, seen, row, every):
    """Features [V, F] and adjacency [V, V] of one graph by the text, nodes first, and the vertex of the layer that each task runs next."""
    present = [w for w in range(seen["tasks"].shape[1]) if seen["tasks"][row, w, 0]]
    length = world.layers if every else 1
    size = world.nodes + len(present) * length
    features, edges = np.zeros((size, graph.FEATURES)), np.eye(size)
    edges[: world.nodes, : world.nodes] += world.link
    features[: world.nodes, :NODES] = seen["nodes"][row]
    following = []
    for number, w in enumerate(present):
        source, node, done = (int(each) for each in seen["places"][row, w])
        first, profile = world.nodes + number * length, seen["profile"][row]
        following.append(first + (done if every else 0))
        pairs = (
            [(node, following[-1])]
            + ([(source, first)] if every or done == 0 else [])
            + [(first + j, first + j + 1) for j in range(length - 1)]
        )
        for one, other in pairs:
            edges[one, other] = edges[other, one] = 1
        alike = [*seen["tasks"][row, w]]
        for j in range(length):
            alone = [*profile[j], j < done, j == done] if every else [profile[done:, 0].sum(), profile[done, 1], done / world.layers, 1]
            features[first + j] = [0] * NODES + alike + alone
    degree = edges.sum(axis=1)
    return features, edges / np.sqrt(degree[:, None] * degree), following


def packed(packing, episodes):
    """What all rows see, as transitions hold it."""
    return packing.unpack(np, packing.pack(episodes.seen, np.ones(episodes.rows, dtype=bool)))


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_convolutions_are_those_of_the_square_matrix(worlds, layout, shape, start, filled, norm):
    """Sparse rows are a way to compute (11): features of nodes and of next layers are those of the union graph's square matrix."""
    network, packing, episodes, _ = start(worlds, layout, shape)
    seen = packed(packing, episodes)
    weights = {name: array for name, array in filled(network).items() if not name.startswith(("scale", "shift", "running"))}
    sizes = graph.shapes(network.widths, norm) | graph.statistics(network.widths, norm)
    random = np.random.default_rng(1)
    weights |= {name: random.uniform(0.1, 1.0, size).astype(np.float32) for name, size in sizes.items() if "convolution" not in name}
    made = network.graphs(np, seen)
    nodes, ends = graph.convolve(np, weights, made, norm)
    tasks = ends[made.place]
    for row, world in enumerate(worlds):
        hidden, adjacency, following = square(world, seen, row, network.detail == "layers")
        for turn in range(len(network.widths)):
            hidden = np.maximum(adjacency @ hidden @ weights[f"convolution_{turn}"], 0)
            if norm == "layer":
                hidden = (hidden - hidden.mean(1, keepdims=True)) / np.sqrt(hidden.var(1, keepdims=True) + 1e-5)
            elif norm == "batch":
                hidden = (hidden - weights[f"running_mean_{turn}"]) / np.sqrt(weights[f"running_variance_{turn}"] + 1e-5)
            if norm != "none":
                hidden = hidden * (1 + weights[f"scale_{turn}"]) + weights[f"shift_{turn}"]
        assert nodes[row] == pytest.approx(hidden[: layout.nodes], abs=1e-4)
        assert tasks[row, : len(following)] == pytest.approx(hidden[following], abs=1e-4)


def test_the_adjacency_is_that_of_the_text(worlds, layout, shape, start):
    """Links, chains, holders and sources with self-loops, each entry 1 over the roots of both degrees; and what the vertices show."""
    network, packing, episodes, _ = start(worlds, layout, shape)
    every, seen = network.detail == "layers", packed(packing, episodes)
    parts = [seen[name].astype(np.int64 if name == "places" else np.float32) for name in GRAPH]
    features, *matrices, _ = build(*parts, every)
    whole, ends = (Matrix(*entries) for entries in matrices)
    begin, first, task = len(worlds) * layout.nodes, 0, 0
    for row, world in enumerate(worlds):
        shown, adjacency, following = square(world, seen, row, every)
        count = len(shown) - layout.nodes
        vertices = np.r_[row * layout.nodes : (row + 1) * layout.nodes, begin + first : begin + first + count]
        assert features[vertices] == pytest.approx(shown, abs=1e-6)
        dense = multiply(whole, np.eye(len(features), dtype=np.float32))
        assert dense[np.ix_(vertices, vertices)] == pytest.approx(adjacency, abs=1e-6)
        assert np.count_nonzero(dense[vertices]) == np.count_nonzero(adjacency)
        rows = np.r_[vertices[: layout.nodes], begin + task : begin + task + len(following)]
        last = multiply(ends, np.eye(len(features), dtype=np.float32))[rows]
        assert last[:, vertices] == pytest.approx(adjacency[[*range(layout.nodes), *following]], abs=1e-6)
        first, task = first + count, task + len(following)
    assert begin + first == len(features)


def test_the_product_has_its_gradient(worlds, layout, shape, start, torch):
    """What flows back through the sparse rows is the transposed matrix times what came, by differences."""
    network, packing, episodes, _ = start(worlds[:2], layout, shape)
    made = network.graphs(np, packed(packing, episodes))
    size, random = made.whole.start.size - 1, np.random.default_rng(0)
    rows = torch.from_numpy(random.normal(size=(size, 3)).astype(np.float32)).requires_grad_()
    for matrix in (made.whole, made.ends):
        back = random.normal(size=(matrix.start.size - 1, 3)).astype(np.float32)
        (found,) = torch.autograd.grad(graph._product(torch, matrix, rows), rows, torch.from_numpy(back))
        assert found.numpy() == pytest.approx(multiply(matrix, np.eye(size, dtype=np.float32)).T @ back, abs=1e-5)


def test_batch_normalisation_uses_the_batch_only_if_told(worlds, layout, start, filled, torch):
    """With a place to write them to, features have mean 0 and variance 1 over what there is in the batch; else the running ones serve."""
    shape = replace(CERL_PRESETS["paper"].network, widths=(7,))
    network, packing, episodes, _ = start(worlds, layout, shape)
    seen = packed(packing, episodes)
    made = network.graphs(np, seen)
    weights = filled(network) | {"scale_0": np.zeros(7, np.float32), "shift_0": np.zeros(7, np.float32)}
    batch = {}
    nodes, rows = graph.convolve(np, weights, made, "batch", batch)
    living = batch["running_variance_0"] > 1e-3
    assert rows.mean(0) == pytest.approx(0, abs=1e-3)
    assert rows.var(0)[living] == pytest.approx(1, abs=0.02)
    again, _ = graph.convolve(np, weights | batch, made, "batch")
    assert again == pytest.approx(nodes, abs=1e-5)
    assert not np.allclose(graph.convolve(np, weights, made, "batch")[0], nodes, atol=0.1)
