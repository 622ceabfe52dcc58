"""Tidy frames of a P-EDGE instance, from which it can be drawn without knowing the problem.

Every problem's `describe` returns the same three frames. A column name that ends in ``[...]`` is a measured
attribute with its unit; the other columns are reserved:

``nodes``
    One row per node. ``id`` (text, unique), ``kind`` (text, one colour each), ``label`` (text for people), and
    ``x``, ``y`` where the node has a place on a map [m]; without them the drawing is free to arrange the nodes.
``links``
    One row per link. ``source`` and ``target`` (ids of nodes), ``kind``, ``label``.
``series``
    One row per point, long form. ``panel`` (title of the plot), ``line`` (which curve, an id of a node where it
    belongs to one), ``x``, ``y``, ``x_label`` and ``y_label`` (axis titles with unit, constant within a panel).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.physics import cost

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

MOST_CURVES = 50
MOST_POINTS = 64


def describe(instance: Instance) -> dict[str, pd.DataFrame]:
    """Frames ``nodes``, ``links`` and ``series`` of an instance.

    Nodes are the edge and its devices, links the uplinks, the series each device's cost over the multiprocessors it
    might get. Of more than fifty devices the series shows fifty, evenly spaced in the order of their fixed cost.
    """
    import pandas as pd

    devices = [f"device-{index}" for index in range(instance.devices)]
    nodes = pd.concat(
        [
            pd.DataFrame({"id": ["edge"], "kind": "edge", "label": "edge", "multiprocessors [SM]": [float(instance.multiprocessors)]}),
            pd.DataFrame(
                {
                    "id": devices,
                    "kind": "device",
                    "label": devices,
                    "clock ratio [1]": instance.clock_ratio,
                    "cut [layer group]": instance.cut,
                    "fixed cost a [1]": instance.fixed_cost,
                    "shared cost b [SM]": instance.shared_cost,
                    "own latency [ms]": instance.own_latency,
                    "energy [mJ]": instance.energy,
                    "work left to the edge [SM ms]": instance.tail_work,
                    "switch cost [1]": instance.switch_cost,
                }
            ),
        ],
        ignore_index=True,
    )
    links = pd.DataFrame(
        {
            "source": devices,
            "target": "edge",
            "kind": "uplink",
            "label": [f"{rate / 1e6:.1f} Mbit/s" for rate in instance.uplink_rate],
            "uplink rate [Mbit/s]": instance.uplink_rate / 1e6,
            "sent per frame [byte]": instance.cut_bytes[instance.cut],
            "transmission latency [ms]": instance.transmission_latency,
        }
    )
    return {"nodes": nodes, "links": links, "series": _cost_curves(instance, devices)}


def _cost_curves(instance: Instance, devices: list[str]) -> pd.DataFrame:
    import pandas as pd

    order = np.argsort(instance.fixed_cost, kind="stable")
    shown = np.sort(order[np.unique(np.linspace(0, order.size - 1, min(order.size, MOST_CURVES)).round().astype(int))])
    most = instance.multiprocessors - instance.devices + 1
    points = np.unique(np.geomspace(1, most, MOST_POINTS).round().astype(np.int64))
    costs = cost(instance.fixed_cost[shown, None], instance.shared_cost[shown, None], points)
    return pd.DataFrame(
        {
            "panel": "cost of a device over its multiprocessors",
            "line": np.repeat([devices[index] for index in shown], points.size),
            "x": np.tile(points, shown.size),
            "y": costs.ravel(),
            "x_label": "multiprocessors [SM]",
            "y_label": "cost [1]",
        }
    )
