"""Tidy frames of an instance of P-MARL, from which it can be drawn without knowing the problem.

The frames ``nodes``, ``links`` and ``series`` have the columns that `mecbench.problems.p_edge.describe` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import options

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

MOST_WAYS = 10  # devices whose ways are drawn


def describe(instance: Instance) -> dict[str, pd.DataFrame]:
    """Frames ``nodes``, ``links`` and ``series`` of an instance.

    Nodes are edges and devices at their places in the first epoch, links those of every device to the edge with its best channel then.
    The series are what each cut computes and sends, and over the epochs how many devices have their best channel to each edge, the
    clocks, and the ways of ten devices.
    """
    import pandas as pd

    edges = [f"edge-{n}" for n in range(1, instance.edges + 1)]
    devices = [f"device-{m}" for m in range(instance.devices)]
    best = instance.uplink_rate.argmax(axis=2)
    first, every = options(instance, 0, instance.previous_edge), np.arange(instance.devices)
    nodes = pd.concat(
        [
            pd.DataFrame(
                {
                    "id": edges,
                    "kind": "edge",
                    "label": edges,
                    "x": instance.edge_position[:, 0],
                    "y": instance.edge_position[:, 1],
                    "multiprocessors [SM]": float(instance.multiprocessors),
                    "devices with their best channel here [1]": np.bincount(best[0], minlength=instance.edges).astype(float),
                }
            ),
            pd.DataFrame(
                {
                    "id": devices,
                    "kind": "device",
                    "label": devices,
                    "x": instance.position[0, :, 0],
                    "y": instance.position[0, :, 1],
                    "battery [Wh]": instance.battery,
                    "clock ratio [1]": instance.clock_ratio[0],
                    "cost of running locally [1]": first.local,
                    "latency of running locally [ms]": first.local_latency,
                }
            ),
        ],
        ignore_index=True,
    )
    rate = instance.uplink_rate[0, every, best[0]]
    links = pd.DataFrame(
        {
            "source": devices,
            "target": [edges[n] for n in best[0]],
            "kind": "best channel",
            "label": [f"{value / 1e6:.1f} Mbit/s" for value in rate],
            "uplink rate [Mbit/s]": rate / 1e6,
            "distance [m]": instance.distance[0, every, best[0]],
            "shadowing [dB]": instance.shadowing[0, every, best[0]],
        }
    )
    return {"nodes": nodes, "links": links, "series": _series(instance, edges, devices, best)}


def _series(instance: Instance, edges: list[str], devices: list[str], best: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    cuts, epochs = np.arange(instance.groups), np.arange(instance.epochs)
    cut, time = "cut k [layer group]", "time [epoch]"
    panels = [
        _line("share computed by the device", "network", cuts, 100 * instance.head_share[:-1], cut, "share of the network [%]"),
        _line("bytes sent", "network", cuts, instance.cut_bytes / 1e3, cut, "output of a frame [kB]"),
    ]
    if instance.epochs > 1:
        crowd = [(best == n).sum(axis=1) for n in range(instance.edges)]
        label = "devices with their best channel"
        panels += [_line(label, name, epochs, count, time, "devices [1]") for name, count in zip(edges, crowd, strict=True)]
        clocks = {"slowest": instance.clock_ratio.min(axis=1), "mean": instance.clock_ratio.mean(axis=1)}
        panels += [_line("clocks", name, epochs, values, time, "clock ratio [1]") for name, values in clocks.items()]
        shown = np.unique(np.linspace(0, instance.devices - 1, min(instance.devices, MOST_WAYS)).round().astype(int))
        ways = [(devices[m], instance.position[:, m]) for m in shown.tolist()]
        panels += [_line("ways of devices", name, way[:, 0], way[:, 1], "x [m]", "y [m]") for name, way in ways]
    return pd.concat(panels, ignore_index=True)


def _line(panel: str, line: str, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"panel": panel, "line": line, "x": x.astype(float), "y": y.astype(float), "x_label": x_label, "y_label": y_label})
