"""The union graph (11) as sparse matrices, and their products with features, compiled.

Numba compiles on first use and keeps the result on disk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["Matrix", "Union", "build", "multiply", "multiply_transposed"]


class Matrix(NamedTuple):
    """A sparse matrix by rows.

    Attributes
    ----------
    start
        Where the entries of each row begin, and where the last ones end, int64, shape [R + 1].
    column, entry
        int64 and float32, shape [E].
    """

    start: np.ndarray
    column: np.ndarray
    entry: np.ndarray


class Union(NamedTuple):
    """G graphs side by side: the M nodes of each, then the layers of all tasks that there are; V vertices.

    Attributes
    ----------
    features
        X, float32, shape [V, F].
    whole
        Normalised adjacency of all vertices.
    ends
        Its rows of all nodes and of the layer that each task runs next, in this order.
    place
        Row of each task in ``ends``, 0 where there is none; int64, shape [G, W].
    """

    features: np.ndarray
    whole: Matrix
    ends: Matrix
    place: np.ndarray


@njit(cache=True)
def build(
    nodes: np.ndarray, link: np.ndarray, tasks: np.ndarray, places: np.ndarray, profile: np.ndarray, every: bool
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Entries of a `Union`.

    Parameters
    ----------
    nodes, link, tasks, places, profile
        What `Encoder.see` gives; float32, but for the places, which are int64.
    every
        Whether every layer of a task is a vertex, or one stands for all.
    """
    graphs, count, kinds = nodes.shape
    width, shared = tasks.shape[1:]
    layers = profile.shape[1] if every else 1
    first = graphs * count  # vertex
    place = np.zeros((graphs, width), dtype=np.int64)
    number = 0
    for g in range(graphs):
        for w in range(width):
            if tasks[g, w, 0] > 0:
                place[g, w] = first + number
                number += 1
    holder, source, following = np.empty(number, dtype=np.int64), np.empty(number, dtype=np.int64), np.empty(number, dtype=np.int64)
    owns = np.empty(number, dtype=np.bool_)
    begin = np.zeros(graphs + 1, dtype=np.int64)
    vertices = first + number * layers
    degree, features = np.zeros(vertices), np.zeros((vertices, kinds + shared + 4), dtype=np.float32)
    entries, k = 0, 0
    for g in range(graphs):
        begin[g] = k
        for m in range(count):
            for kind in range(kinds):
                features[g * count + m, kind] = nodes[g, m, kind]
            for other in range(count):
                if other == m or link[g, m, other] > 0:
                    degree[g * count + m] += 1.0
        for w in range(width):
            if tasks[g, w, 0] <= 0:
                continue
            done = places[g, w, 2]
            holder[k], source[k] = g * count + places[g, w, 1], g * count + places[g, w, 0]
            following[k] = done if every else 0
            # One edge where the first layer is next and still at the source.
            owns[k] = (every or done == 0) and not (following[k] == 0 and source[k] == holder[k])
            degree[holder[k]] += 1.0
            if owns[k]:
                degree[source[k]] += 1.0
            for j in range(layers):
                vertex = first + k * layers + j
                degree[vertex] = 1.0 + (j > 0) + (j < layers - 1) + (j == following[k]) + (j == 0 and owns[k])
                told = features[vertex, kinds:]
                for kind in range(shared):
                    told[kind] = tasks[g, w, kind]
                if every:
                    told[shared], told[shared + 1] = profile[g, j, 0], profile[g, j, 1]
                    told[shared + 2], told[shared + 3] = j < done, j == done
                else:
                    for left in range(done, profile.shape[1]):
                        told[shared] += profile[g, left, 0]
                    told[shared + 1] = profile[g, done, 1]
                    told[shared + 2], told[shared + 3] = done / profile.shape[1], 1.0
            k += 1
    begin[graphs] = number
    for vertex in range(vertices):
        entries += int(degree[vertex])
    root = 1.0 / np.sqrt(degree)

    start, column, entry = np.zeros(vertices + 1, dtype=np.int64), np.empty(entries, dtype=np.int64), np.empty(entries, dtype=np.float32)
    e = 0
    for vertex in range(first):
        g = vertex // count
        for other in range(count):
            if g * count + other == vertex or link[g, vertex - g * count, other] > 0:
                column[e] = g * count + other
                e += 1
        for k in range(begin[g], begin[g + 1]):
            if source[k] == vertex and owns[k]:
                column[e] = first + k * layers
                e += 1
            if holder[k] == vertex:
                column[e] = first + k * layers + following[k]
                e += 1
        start[vertex + 1] = e
    for k in range(number):
        for j in range(layers):
            vertex = first + k * layers + j
            if j == following[k]:
                column[e] = holder[k]
                e += 1
            if j == 0 and owns[k]:
                column[e] = source[k]
                e += 1
            for near in range(max(j - 1, 0), min(j + 2, layers)):
                column[e] = first + k * layers + near
                e += 1
            start[vertex + 1] = e
    for vertex in range(vertices):
        for e in range(start[vertex], start[vertex + 1]):
            entry[e] = root[vertex] * root[column[e]]
    whole = start, column, entry
    if layers == 1:
        return features, whole, whole, place

    of_ends = np.zeros(first + number + 1, dtype=np.int64)
    for row in range(first + number):
        vertex = row if row < first else first + (row - first) * layers + following[row - first]
        of_ends[row + 1] = of_ends[row] + start[vertex + 1] - start[vertex]
    columns, values = np.empty(of_ends[-1], dtype=np.int64), np.empty(of_ends[-1], dtype=np.float32)
    for row in range(first + number):
        vertex = row if row < first else first + (row - first) * layers + following[row - first]
        for e in range(of_ends[row + 1] - of_ends[row]):
            columns[of_ends[row] + e], values[of_ends[row] + e] = column[start[vertex] + e], entry[start[vertex] + e]
    return features, whole, (of_ends, columns, values), place


@njit(cache=True)
def multiply(matrix: Matrix, rows: np.ndarray) -> np.ndarray:
    """Matrix times rows [V, F], float32, shape [R, F]."""
    found = np.zeros((matrix.start.size - 1, rows.shape[1]), dtype=np.float32)
    for row in range(found.shape[0]):
        for e in range(matrix.start[row], matrix.start[row + 1]):
            other, entry = rows[matrix.column[e]], matrix.entry[e]
            for feature in range(other.size):
                found[row, feature] += entry * other[feature]
    return found


@njit(cache=True)
def multiply_transposed(matrix: Matrix, rows: np.ndarray, vertices: int) -> np.ndarray:
    """Transposed matrix times rows [R, F], float32, shape [V, F]."""
    found = np.zeros((vertices, rows.shape[1]), dtype=np.float32)
    for row in range(rows.shape[0]):
        for e in range(matrix.start[row], matrix.start[row + 1]):
            to, entry = found[matrix.column[e]], matrix.entry[e]
            for feature in range(to.size):
                to[feature] += entry * rows[row, feature]
    return found
