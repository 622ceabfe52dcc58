"""The graph convolution by blocks is the paper's over the union graph, in NumPy and PyTorch alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.rl.p1 import graph
from mecbench.rl.p1.hyperparameters import CERL_PRESETS


def union(blocks, row):
    """Features [V, F] and square adjacency [V, V] of one graph, nodes first."""
    nodes, layers = blocks["nodes"][row], blocks["layers"][row]
    (width, length), count = layers.shape[:2], len(nodes)
    adjacency = np.zeros((count + width * length,) * 2)
    adjacency[:count, :count] = blocks["link"][row]
    adjacency[:count, count:] = blocks["cross"][row]
    adjacency[count:, :count] = blocks["cross"][row].T
    for task in range(width):
        part = slice(count + task * length, count + (task + 1) * length)
        adjacency[part, part] = blocks["chain"][row, task]
    return np.concatenate((nodes, layers.reshape(width * length, -1))), adjacency


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_convolutions_are_those_of_the_square_matrix(worlds, layout, shape, start, filled, norm):
    """Blocks are a way to compute (11): features of nodes and of next layers are rows of the union graph's."""
    network, packing, episodes, _ = start(worlds, layout, shape)
    seen = packing.unpack(np, packing.pack(episodes.seen, np.ones(len(worlds), dtype=bool)))
    blocks = graph.blocks(np, seen, network.detail)
    weights = {name: array for name, array in filled(network).items() if not name.startswith(("scale", "shift", "running"))}
    sizes = graph.shapes(network.widths, norm) | graph.statistics(network.widths, norm)
    random = np.random.default_rng(1)
    weights |= {name: random.uniform(0.1, 1.0, size).astype(np.float32) for name, size in sizes.items() if "convolution" not in name}
    nodes, tasks = graph.convolve(np, weights, blocks, norm)
    for row in range(len(worlds)):
        hidden, adjacency = union(blocks, row)
        for turn in range(len(network.widths)):
            hidden = np.maximum(adjacency @ hidden @ weights[f"convolution_{turn}"], 0)
            if norm == "layer":
                hidden = (hidden - hidden.mean(1, keepdims=True)) / np.sqrt(hidden.var(1, keepdims=True) + 1e-5)
            elif norm == "batch":
                hidden = (hidden - weights[f"running_mean_{turn}"]) / np.sqrt(weights[f"running_variance_{turn}"] + 1e-5)
            if norm != "none":
                hidden = hidden * (1 + weights[f"scale_{turn}"]) + weights[f"shift_{turn}"]
        count, length = layout.nodes, blocks["layers"].shape[2]
        assert nodes[row] == pytest.approx(hidden[:count], abs=1e-4)
        for task in range(int(seen["tasks"][row, :, 0].sum())):
            following = int(seen["places"][row, task, 2]) if length > 1 else 0
            assert tasks[row, task] == pytest.approx(hidden[count + task * length + following], abs=1e-4)


def test_the_adjacency_is_normalised_with_self_loops(worlds, layout, shape, start):
    """Every entry is 1 over the roots of both degrees, a vertex counted among its own neighbours; only neighbours have entries."""
    network, packing, episodes, _ = start(worlds, layout, shape)
    seen = packing.unpack(np, packing.pack(episodes.seen, np.ones(len(worlds), dtype=bool)))
    blocks = graph.blocks(np, seen, network.detail)
    for row, world in enumerate(worlds):
        _, adjacency = union(blocks, row)
        present = np.flatnonzero(np.diag(adjacency))
        filled = adjacency[np.ix_(present, present)] > 0
        degree = filled.sum(axis=1)
        assert adjacency[np.ix_(present, present)] == pytest.approx(filled / np.sqrt(degree[:, None] * degree), abs=1e-6)
        assert np.array_equal(filled[: layout.nodes, : layout.nodes], world.link | np.eye(layout.nodes, dtype=bool))


def test_batch_normalisation_uses_the_batch_only_if_told(worlds, layout, start, filled, torch):
    """With a place to write them to, features have mean 0 and variance 1 over what there is in the batch; else the running ones serve."""
    shape = replace(CERL_PRESETS["paper"].network, widths=(7,))
    network, packing, episodes, _ = start(worlds, layout, shape)
    blocks = graph.blocks(np, packing.unpack(np, packing.pack(episodes.seen, np.ones(len(worlds), dtype=bool))), network.detail)
    weights = filled(network) | {"scale_0": np.zeros(7, np.float32), "shift_0": np.zeros(7, np.float32)}
    batch = {}
    nodes, tasks = graph.convolve(np, weights, blocks, "batch", batch)
    there = blocks["next_chain"].sum(axis=(2, 3)) > 0
    rows = np.concatenate((nodes.reshape(-1, 7), tasks[there]))
    living = batch["running_variance_0"] > 1e-3
    assert rows.mean(0) == pytest.approx(0, abs=1e-3)
    assert rows.var(0)[living] == pytest.approx(1, abs=0.02)
    again, _ = graph.convolve(np, weights | batch, blocks, "batch")
    assert again == pytest.approx(nodes, abs=1e-5)
    assert not np.allclose(graph.convolve(np, weights, blocks, "batch")[0], nodes, atol=0.1)
