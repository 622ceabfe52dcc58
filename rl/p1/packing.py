"""What the networks see as one row of numbers each, as replay memories keep it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from mecbench.problems.p1.layout import Layout
from mecbench.rl.p1.encoding import NODES, TASKS, Shows, features

__all__ = ["Packing"]


@dataclass(frozen=True)
class Packing:
    """Order of the numbers in a row; the graph comes first, so that answers of one slot begin alike.

    Attributes
    ----------
    nodes, layers
        M and L.
    width
        Most tasks at hand in a slot, W; rows have room for as many.
    shows
        What edges and context tell.
    """

    nodes: int
    layers: int
    width: int
    shows: Shows

    @classmethod
    def of(cls, layout: Layout, width: int, shows: Shows) -> Packing:
        """Packing for a layout of the task."""
        return cls(layout.nodes, layout.layers, width, shows)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each entry in a row, in their order."""
        nodes, layers, width = self.nodes, self.layers, self.width
        edges, context = features(self.shows)
        return {
            "nodes": (nodes, NODES),
            "link": (nodes, nodes),
            "tasks": (width, TASKS),
            "places": (width, 3),
            "profile": (layers, 2),
            "asked": (),
            "offered": (nodes,),
            "edges": (nodes, edges),
            "context": (context,),
            "mask": (nodes, layers + 2),
            "prices": (nodes, 4),
            "work": (layers,),
            "future": (nodes, layers + 1),
        }

    @cached_property
    def features(self) -> int:
        """Length of a row."""
        return sum(map(prod, self.shapes.values()))

    @cached_property
    def graph(self) -> slice:
        """Where the graph stands in a row."""
        return slice(0, sum(prod(shape) for name, shape in self.shapes.items() if name in ("nodes", "link", "tasks", "places", "profile")))

    def pack(self, seen: Mapping[str, np.ndarray], alive: np.ndarray) -> np.ndarray:
        """Rows of what is seen, float32, shape [B, F]; of zeros where an episode is over.

        Raises
        ------
        ValueError
            If there are more tasks at hand than there is room for.
        """
        rows = len(alive)
        width = seen["tasks"].shape[1]
        if width > self.width:
            raise ValueError(f"expected at most {self.width} tasks at hand, found {width}")
        parts = []
        for name, shape in self.shapes.items():
            part = seen[name]
            if shape and part.shape[1] < shape[0]:
                part = np.concatenate((part, np.zeros((rows, shape[0] - part.shape[1], *shape[1:]), part.dtype)), axis=1)
            parts.append(part.reshape(rows, -1))
        packed = np.concatenate(parts, axis=1, dtype=np.float32)
        packed[~alive] = 0.0
        return packed

    def unpack(self, array: Any, rows: Any) -> dict[str, Any]:
        """What is seen, of rows; without the tasks and nodes at the end that no row has.

        Parameters
        ----------
        array
            The module ``numpy`` or ``torch``.
        rows
            Shape [B, F], of that module.
        """
        seen, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + prod(shape)
            seen[name] = rows[:, start:end].reshape(len(rows), *shape)
            start = end
        width = max(1, int(seen["tasks"][..., 0].sum(1).max()))
        most = max(1, int((seen["mask"] > 0).any(2).sum(1).max()))
        for name in ("tasks", "places"):
            seen[name] = seen[name][:, :width]
        for name in ("offered", "edges", "mask", "prices", "future"):
            seen[name] = seen[name][:, :most]
        for name in ("asked", "offered"):
            seen[name] = seen[name].astype(np.int64) if array is np else seen[name].long()
        return seen
